"""Proof that documents with items of evaluation sets are those that the decisions speak of."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from schemas import columns as c
from schemas.finding import Finding
from schemas.manifest import EVALS
from tasks import leaks, ledger, storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemas.config import RunConfig
    from schemas.manifest import StageManifest

    Manifests = dict[str, StageManifest]
    Check = tuple[str, set[str], Callable[[], Iterator[Finding]]]

STATEMENT = "select: who has items of evaluation sets is as counted, and dropped for it"


def checks(out: str, config: RunConfig, manifests: Manifests) -> list[Check]:
    """Checks of a run whose recipe names evaluation sets, each with the stages it reads."""
    if not config.signals.evals:
        return []
    return [(STATEMENT, {"select"}, partial(_hits, out, config, manifests))]


def _hits(out: str, config: RunConfig, manifests: Manifests) -> Iterator[Finding]:
    """Hits are counted, are of the documents they name, and who should go for one goes for it."""
    manifest = manifests["select"]
    hits = leaks.read(out)
    columns = [c.DOC_ID, c.DROP_REASONS]
    places = [storage.join(ledger.folder(out, "select"), s.file) for s in manifest.shards]
    decided = pl.concat(pl.DataFrame(storage.read_table(place, columns)) for place in places)
    named = decided[c.DOC_ID].gather(hits[c.ROW]).equals(hits[c.DOC_ID])
    wanted = leaks.dropped(hits, config.decontaminate)
    goes = decided[c.DROP_REASONS].list.contains(leaks.REASON).arg_true().cast(pl.Int64)
    same = leaks.counts(hits) == manifest.details[EVALS]["counts"]
    detail = f"{hits.height:,} hits, {len(wanted):,} documents to go, {len(goes):,} gone"
    yield Finding(STATEMENT, named and same and goes.to_list() == wanted.to_list(), detail)
