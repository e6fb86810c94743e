"""The whole life of a document in a run: from its file to the rows that it is trained on in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from schemas import columns as c
from schemas.guard import GUARD
from schemas.tracing import Cluster, Drawn, Input, LeftOut, Life, OptOutList, Trace
from tasks import guarded, ledger, storage
from tasks.inspection import Inspector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.inspection import Inspected
    from schemas.manifest import Shard, StageManifest

NAMED: Final = 10
"""Other documents of a cluster that are named."""
DRAWN_FILE: Final = "drawn.parquet"
CHANGED: Final = "normalise_"


def trace(out: str, asked: str) -> Trace:
    """Return what became of a document: ``asked`` is as :func:`tasks.lookup.find` takes it.

    As :func:`tasks.inspection.inspect` it works with what there is, and adds to what that tells:
    the input file, the cluster, the guard, every rank in the draw and every place in the mixture.
    Raises :class:`ConfigError` where there is no such document; it names what comes near.
    """
    run = Inspector(out)
    found = run.inspect(asked)
    return Trace(
        out=out,
        asked=asked,
        looked_at=found.looked_at,
        found=found.found,
        documents=tuple(_life(out, run, document) for document in found.documents),
    )


def _life(out: str, run: Inspector, document: Inspected) -> Life:
    taken, guards, select = bool(document.keep), GUARD in run.manifests, run.manifests.get("select")
    return Life(
        document=document,
        input=_input(document, run.shards),
        changes={
            name.removeprefix(CHANGED): n
            for name, n in document.signals.items()
            if name.startswith(CHANGED) and n
        },
        cluster=None if select is None else _cluster(out, select, document),
        guarded=guards,
        left_out=_left_out(out, document) if taken and guards else None,
        opt_out_lists=() if select is None else tuple(_lists(select)),
        drawn=tuple(_drawn(out, document)) if taken and "replay" in run.manifests else (),
        mixture=tuple(run.places(document.doc_id)) if taken else (),
    )


def _input(document: Inspected, shards: list[Shard]) -> Input | None:
    """The file that it was read from; a member of an archive is of the archive's file."""
    (shard,) = (s for s in shards if s.file == document.shard)
    among = [f for f in shard.inputs if document.location.startswith(f.url)]
    if not among:
        return None
    read = max(among, key=lambda f: len(f.url))
    return Input(**{name: getattr(read, name) for name in Input.model_fields})


def _cluster(out: str, select: StageManifest, document: Inspected) -> Cluster | None:
    """The documents that decisions have in one cluster with it; None where it is alone."""
    others: list[str] = []
    for shard in select.shards:
        at = storage.join(ledger.folder(out, "select"), shard.file)
        for batch in storage.read_batches(at, [c.DOC_ID, c.CLUSTER_ID]):
            own = pl.DataFrame(batch).filter(pl.col(c.CLUSTER_ID) == document.cluster_id)
            others += own[c.DOC_ID].to_list()
    rest = sorted({one for one in others if one != document.doc_id})
    if document.cluster_id is None or len(others) < 2:  # noqa: PLR2004  (itself is one)
        return None
    return Cluster(
        cluster_id=document.cluster_id, documents=len(others), others=tuple(rest[:NAMED])
    )


def _left_out(out: str, document: Inspected) -> LeftOut | None:
    row = guarded.of(out, shard=document.shard, row=document.row)
    return None if row is None else LeftOut(**{name: row[name] for name in LeftOut.model_fields})


def _lists(select: StageManifest) -> Iterator[OptOutList]:
    for kind, said in select.details.get("opt_out", {}).items():
        yield OptOutList(kind=kind, **said)


def _drawn(out: str, document: Inspected) -> Iterator[Drawn]:
    """Its places in the draw, which is in drawing order; ranks count in its split."""
    at = storage.join(ledger.folder(out, "replay"), DRAWN_FILE)
    columns = [c.SPLIT, c.SHARD, c.ROW, c.TOKENS, c.START, c.END]
    frame = pl.DataFrame(storage.read_table(at, columns))
    frame = frame.with_columns(
        (pl.int_range(pl.len()).over(c.SPLIT) + 1).alias("rank"), pl.len().over(c.SPLIT).alias("of")
    )
    own = frame.filter((pl.col(c.SHARD) == document.shard) & (pl.col(c.ROW) == document.row))
    for row in own.select(list(Drawn.model_fields)).iter_rows(named=True):
        yield Drawn(**row)
