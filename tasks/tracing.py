"""The whole life of a document in a run: from its file to the rows that it is trained on in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from schemas import columns as c
from schemas.guard import GUARD, LEFT_OUT
from schemas.tracing import Cluster, Drawn, Input, LeftOut, Life, OptOutList, Trace
from tasks import guarded, inspection, ledger, lookup, placing, storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.inspection import Inspected
    from schemas.manifest import RunManifest, Shard

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
    found = inspection.inspect(out, asked)
    run = ledger.read_run(out)
    return Trace(
        out=out,
        asked=asked,
        looked_at=found.looked_at,
        found=found.found,
        documents=tuple(_life(out, run, document) for document in found.documents),
    )


def _life(out: str, run: RunManifest, document: Inspected) -> Life:
    taken, guards = bool(document.keep), GUARD in run.stages
    mixture = list(ledger.read(out, "mixture").shards) if "mixture" in run.stages else []
    return Life(
        document=document,
        input=_input(document, lookup.shards_of(out, run)),
        changes={
            name.removeprefix(CHANGED): n
            for name, n in document.signals.items()
            if name.startswith(CHANGED) and n
        },
        cluster=_cluster(out, document) if "select" in run.stages else None,
        guarded=guards,
        left_out=_left_out(out, document) if taken and guards else None,
        opt_out_lists=tuple(_lists(out)) if "select" in run.stages else (),
        drawn=tuple(_drawn(out, document)) if taken and "replay" in run.stages else (),
        mixture=tuple(placing.placed(out, mixture, document.doc_id)) if taken else (),
    )


def _input(document: Inspected, shards: list[Shard]) -> Input | None:
    """The file that it was read from; a member of an archive is of the archive's file."""
    (shard,) = (s for s in shards if s.file == document.shard)
    among = [f for f in shard.inputs if document.location.startswith(f.url)]
    if not among:
        return None
    read = max(among, key=lambda f: len(f.url))
    return Input(**{name: getattr(read, name) for name in Input.model_fields})


def _cluster(out: str, document: Inspected) -> Cluster | None:
    """The documents that decisions have in one cluster with it; None where it is alone."""
    others: list[str] = []
    for shard in ledger.read(out, "select").shards:
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
    place = (pl.col(c.SHARD) == document.shard) & (pl.col(c.ROW) == document.row)
    found = guarded.read(out).filter(place).select(n for n in LEFT_OUT.names
                                                   if n in LeftOut.model_fields)  # fmt: skip
    return None if found.is_empty() else LeftOut(**found.row(0, named=True))


def _lists(out: str) -> Iterator[OptOutList]:
    for kind, said in ledger.read(out, "select").details.get("opt_out", {}).items():
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
