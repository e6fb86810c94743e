"""The proof of rights: who opted out and which licences are refused, judged anew, and counted."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from schemas import columns as c
from schemas.finding import Finding
from schemas.mixture import RIGHTS
from tasks import ledger, opt_outs, rights, storage
from tasks.select import LICENSE, OPT_OUT, legal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemas.config import RunConfig
    from schemas.manifest import StageManifest

    Manifests = dict[str, StageManifest]
    Check = tuple[str, set[str], Callable[[], Iterator[Finding]]]

KEPT = "select: no kept document is opted out or of a licence that is refused"
WRITTEN = "mixture: no row is opted out or of a licence that is refused"
COUNTED = "mixture: its manifest counts documents and tokens by licence, and names the lists"


def checks(out: str, config: RunConfig, manifests: Manifests) -> list[Check]:
    """Checks of a run, each with the stages it reads."""
    return [
        (KEPT, {"ingest", "select"}, partial(_kept, out, config, manifests)),
        (WRITTEN, {"mixture"}, partial(_written, out, config, manifests)),
        (COUNTED, {"select", "mixture"}, partial(_counted, out, manifests)),
    ]


def _lists(out: str) -> opt_outs.Lists:
    """The opt-out lists that were laid by with the decisions."""
    folder = storage.join(ledger.folder(out, "select"), opt_outs.FOLDER)
    found = {
        name.removesuffix(".txt"): storage.read_bytes(storage.join(folder, name))
        for name in storage.list_names(folder)
    }
    return opt_outs.Lists(**{k: frozenset(v.decode().split("\n")) for k, v in found.items()})


def _kept(out: str, config: RunConfig, manifests: Manifests) -> Iterator[Finding]:
    lists, asked = _lists(out), config.select.opt_out
    kinds = [] if asked is None else [k for k in ("ids", "urls", "domains") if getattr(asked, k)]
    said = manifests["select"].details.get("opt_out", {})
    statement = "select: its opt-out lists are those that it was decided with"
    known = sorted(said) == sorted(kinds) and said == lists.digests()
    yield Finding(statement, known, ", ".join(f"{k}: {v['entries']:,}" for k, v in said.items()))
    kept, broken = 0, Counter[str]()
    for left, right in zip(manifests["ingest"].shards, manifests["select"].shards, strict=True):
        at = storage.join(ledger.folder(out, "ingest"), left.file)
        beside = storage.join(ledger.folder(out, "select"), right.file)
        columns = [c.DOC_ID, c.LICENSE, c.OPT_OUT, *lists.needed()]
        keep = pl.Series(storage.read_table(beside, [c.KEEP]).column(c.KEEP))
        frame = pl.DataFrame(storage.read_table(at, columns)).filter(keep)
        kept += frame.height
        broken.update(legal(frame, config.select, lists).explode().drop_nulls())
    for reason, statement in (
        (OPT_OUT, "select: no kept document is opted out"),
        (LICENSE, "select: no kept document has a licence that the recipe refuses"),
    ):
        detail = f"{kept:,} kept documents, {broken[reason]:,} of them"
        yield Finding(statement, broken[reason] == 0, detail)


def _written(out: str, config: RunConfig, manifests: Manifests) -> Iterator[Finding]:
    """Rows, or the pieces of packed ones: these have no address, by which documents were judged."""
    lists, rows, broken = _lists(out), 0, 0
    for shard in manifests["mixture"].shards:
        at = storage.join(ledger.folder(out, "mixture"), shard.file)
        table = storage.read_table(at, [c.DOC_ID, c.LICENSE, c.URL])
        frame = pl.DataFrame(table)
        if frame.schema[c.DOC_ID] == pl.List:
            frame = frame.explode(frame.columns).with_columns(_nothing(c.URL))
        frame = frame.with_columns(pl.lit(value=False).alias(c.OPT_OUT), _nothing(c.RECORD_ID))
        rows += frame.height
        broken += int((legal(frame, config.select, lists).list.len() > 0).sum())
    yield Finding(WRITTEN, broken == 0, f"{rows:,} rows or pieces, {broken:,} of them")


def _nothing(name: str) -> pl.Expr:
    return pl.lit(None, pl.String).alias(name)


def _counted(out: str, manifests: Manifests) -> Iterator[Finding]:
    """What the report and the data card say of licences is what the rows have."""
    said = manifests["mixture"].details[RIGHTS]
    found = rights.told(out, [s.file for s in manifests["mixture"].shards])[RIGHTS]
    documents = sum(one["documents"] for some in found["licenses"].values() for one in some)
    yield Finding.same(COUNTED, said, found, f"{documents:,} documents")
