"""Proof that models are those that a run speaks of, and that documents are scored by them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import polars as pl

from schemas import columns as c
from schemas.finding import Finding
from schemas.manifest import MODELS, SCORES
from schemas.models import ScoreModel
from tasks import ledger, models, narrow, perplexity, storage
from tasks.signals.scores import scores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemas.config import RunConfig
    from schemas.manifest import StageManifest

    Manifests = dict[str, StageManifest]
    Check = tuple[str, set[str], Callable[[], Iterator[Finding]]]

WHOLE: Final = "signals: the models that score documents are whole, and those of the manifest"
SCORED: Final = "signals: the first documents of each shard have the scores that models give them"
PARTED: Final = (
    "select: languages are cut by perplexity as the manifest says, and documents go by it"
)
ROWS: Final = 20
"""Documents of each shard that are scored again."""


def checks(out: str, config: RunConfig, manifests: Manifests) -> list[Check]:
    """Checks of a run whose recipe names models, each with the stages it reads."""
    if not config.signals.scores():
        return []
    found: list[Check] = [
        (WHOLE, {"signals"}, partial(_whole, out, manifests)),
        (SCORED, {"ingest", "signals"}, partial(_scored, out, manifests)),
    ]
    if config.signals.ngram_lms:
        needed = {"ingest", "signals", "select"}
        found.append((PARTED, needed, partial(_parted, out, config, manifests)))
    return found


def _models(manifests: Manifests) -> list[ScoreModel]:
    told = manifests["signals"].details[MODELS]
    return [ScoreModel.model_validate(one, strict=False) for one in told]


def _whole(out: str, manifests: Manifests) -> Iterator[Finding]:
    """Each is loaded, which reads and compares all of it."""
    found = models.scorers(_models(manifests), out)
    yield Finding(WHOLE, ok=True, detail=", ".join(dict.fromkeys(one.name for one in found)))


def _scored(out: str, manifests: Manifests) -> Iterator[Finding]:
    scorers, wrong, rows = models.scorers(_models(manifests), out), [], 0
    both = zip(manifests["ingest"].shards, manifests["signals"].shards, strict=True)
    for documents, signals in both:
        at = (ledger.folder(out, "ingest"), ledger.folder(out, "signals"))
        table = storage.read_table(storage.join(at[0], documents.file))[:ROWS]
        told = storage.read_table(storage.join(at[1], signals.file), [c.LANG, c.SCORES])[:ROWS]
        again = scores(table, pl.Series(told.column(c.LANG)), scorers)
        rows += table.num_rows
        if again.to_pylist() != told.column(c.SCORES).to_pylist():
            wrong.append(signals.file)
    detail = f"others in {', '.join(wrong)}" if wrong else f"{rows:,} documents"
    yield Finding(SCORED, not wrong, detail)


def _parted(out: str, config: RunConfig, manifests: Manifests) -> Iterator[Finding]:
    """The cuts are found again, and by them whose part is not kept."""
    told = manifests["select"].details[SCORES]["cuts"]
    both, deciding = (manifests["ingest"], manifests["signals"]), config.deciding()
    cuts = narrow.cuts(both, deciding, out)
    detail = f"{sum(map(len, cuts.values())):,} languages"
    yield Finding.same(PARTED, told, perplexity.plain(cuts), detail)
    folder = ledger.folder(out, "select")
    decided = [storage.join(folder, s.file) for s in manifests["select"].shards]
    wrong = rows = 0
    for part, file in zip(narrow.scored(both, deciding, out), decided, strict=True):
        went = pl.DataFrame(storage.read_table(file, [c.DROP_REASONS]))[c.DROP_REASONS]
        rows += part.height
        for rule in config.select.perplexity:
            broken = perplexity.broken(rule, cuts[rule.name]) & pl.col(narrow.JUDGED)
            goes = went.list.contains(f"{perplexity.REASON}{rule.name}")
            wrong += int((goes != part.select(broken=broken)["broken"]).sum())
    yield Finding(PARTED, wrong == 0, f"{rows:,} documents, {wrong:,} decided otherwise")
