"""The proof of the guard: what it left out, and that nothing is left for it to leave out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from schemas import columns as c
from schemas.finding import Finding
from schemas.guard import GUARD
from tasks import guarded, guarding, ledger, storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemas.config import RunConfig
    from schemas.manifest import StageManifest

    Manifests = dict[str, StageManifest]
    Check = tuple[str, set[str], Callable[[], Iterator[Finding]]]

COUNTED = "guard: it leaves out kept documents, which its manifest counts"
ABSENT = "guard: what it leaves out is in no row of what is drawn and mixed"
APART = "mixture: replay, new data and evaluation items have no document in common"
DECIDED = {"ingest", "signals", "select"}


def is_asked(config: RunConfig) -> bool:
    """Return whether the recipe has a guard."""
    return config.mixture is not None and config.mixture.guard


def checks(out: str, config: RunConfig, manifests: Manifests) -> list[Check]:
    """Checks of a run whose mixture is guarded, each with the stages it reads."""
    if not is_asked(config):
        return []
    return [
        (COUNTED, {"select", GUARD}, partial(_counted, out, manifests)),
        (ABSENT, {GUARD, "mixture"}, partial(_absent, out, manifests)),
        (APART, {*DECIDED, GUARD, "mixture"}, partial(_apart, out, config, manifests)),
    ]


def _counted(out: str, manifests: Manifests) -> Iterator[Finding]:
    table, said = guarded.read(out), manifests[GUARD].details["left_out"]
    kept = [pl.DataFrame(schema={c.DOC_ID: pl.String})]
    for shard in manifests["select"].shards:
        at = storage.join(ledger.folder(out, "select"), shard.file)
        decided = pl.DataFrame(storage.read_table(at, [c.DOC_ID, c.KEEP]))
        kept.append(decided.filter(c.KEEP).select(c.DOC_ID))
    foreign = table.join(pl.concat(kept), on=c.DOC_ID, how="anti").height
    same = guarding.removed(table) == said
    detail = f"{table.height:,} documents, {foreign:,} of them not kept"
    yield Finding(COUNTED, same and foreign == 0, detail)


def _ids(out: str, stage: str, manifests: Manifests) -> pl.Series:
    """Ids of documents that a stage has, each once; a packed row has several."""
    found = [pl.Series(c.DOC_ID, [], pl.String)]
    for shard in manifests[stage].shards:
        at = storage.join(ledger.folder(out, stage), shard.file)
        for table in storage.read_batches(at, [c.DOC_ID]):
            ids = pl.Series(table.column(c.DOC_ID))
            found.append((ids.explode() if ids.dtype == pl.List else ids).unique())
    return pl.concat(found).drop_nulls().unique()


def _absent(out: str, manifests: Manifests) -> Iterator[Finding]:
    gone, there = guarded.read(out)[c.DOC_ID], []
    for stage in ("replay", "mixture"):
        if stage in manifests:
            there += gone.filter(gone.is_in(_ids(out, stage, manifests).implode())).to_list()
    yield Finding(ABSENT, not there, f"{gone.len():,} left out, {len(there):,} of them there")


def _apart(out: str, config: RunConfig, manifests: Manifests) -> Iterator[Finding]:
    """Compare the mixture's documents anew: origins with each other, held out with training."""
    ids = _ids(out, "mixture", manifests)
    pairs = guarding.in_common(config.deciding(), ids, out)
    items = pairs.filter(pl.col(c.LEFT_SET) == guarding.EVAL_ITEMS)
    detail = f"{ids.len():,} documents, {pairs.height - items.height:,} pairs of the same text or "
    detail += f"nearly so, {items[c.RIGHT_ID].n_unique():,} with an evaluation item"
    yield Finding(APART, pairs.is_empty(), detail)
