"""Proof that models are those that a run speaks of, and that documents are scored by them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from schemas import columns as c
from schemas.finding import Finding
from schemas.manifest import MODELS, SCORES
from schemas.models import ScoreModel
from tasks import ledger, models, narrow, perplexity, storage
from tasks.signals.scores import scores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    import pyarrow as pa
    from numpy.typing import NDArray

    from schemas.config import RunConfig
    from schemas.manifest import Shard, StageManifest

    Scores = list[list[dict[str, Any]] | None]
    Manifests = dict[str, StageManifest]
    Check = tuple[str, set[str], Callable[[], Iterator[Finding]]]

WHOLE: Final = "signals: the models that score documents are whole, and those of the manifest"
SCORED: Final = "signals: the first documents of each shard have the scores that models give them"
PARTED: Final = (
    "select: languages are cut by perplexity as the manifest says, and documents go by it"
)
ROWS: Final = 20
"""Documents of each shard that are scored again."""
CLOSE: Final = 1e-9
"""Of a score, what another processor may round otherwise."""


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
    """Each is loaded, which reads and compares all of it, whatever this process knows of it."""
    models.forget()
    found = models.scorers(_models(manifests), out)
    yield Finding(WHOLE, ok=True, detail=", ".join(dict.fromkeys(one.name for one in found)))


def _scored(out: str, manifests: Manifests) -> Iterator[Finding]:
    scorers, wrong, rows = models.scorers(_models(manifests), out), [], 0
    both = zip(manifests["ingest"].shards, manifests["signals"].shards, strict=True)
    for documents, signals in both:
        table = _first(out, "ingest", documents, [c.TEXT, c.MESSAGES])
        told = _first(out, "signals", signals, [c.LANG, c.SCORES])
        if table is None or told is None:
            continue
        again = scores(table, pl.Series(told.column(c.LANG)), scorers)
        rows += table.num_rows
        if not _alike(again.to_pylist(), told.column(c.SCORES).to_pylist()):
            wrong.append(signals.file)
    detail = f"others in {', '.join(wrong)}" if wrong else f"{rows:,} documents"
    yield Finding(SCORED, not wrong, detail)


def _first(out: str, stage: str, shard: Shard, columns: list[str]) -> pa.Table | None:
    """Return the first rows of a shard, without reading more of it; nothing of an empty one."""
    at = storage.join(ledger.folder(out, stage), shard.file)
    return next(storage.read_batches(at, columns, rows=ROWS), None)


def _alike(found: Scores, told: Scores) -> bool:
    """Tell whether scores are the same, but for how another processor rounds."""
    (names, values), (names_told, values_told) = _flat(found), _flat(told)
    alike = partial(np.allclose, rtol=CLOSE, atol=0.0, equal_nan=True)
    return names == names_told and alike(values, values_told)


def _flat(some: Scores) -> tuple[list[tuple[int, str]], NDArray[np.float64]]:
    """Return where each score stands and what it is of, and the values."""
    every = [(i, one) for i, scores in enumerate(some) for one in scores or ()]
    values = np.array([one["value"] for _, one in every], np.float64)
    return [(i, one["name"]) for i, one in every], values


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
