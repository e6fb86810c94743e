"""How models score the documents of each source, in numbers fit for a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from schemas import columns as c
from schemas import quality
from tasks import perplexity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.perplexity import Cuts

SOURCES: Final = 20
"""Sources that are told of: those of the most documents."""
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


def scored(frame: pl.DataFrame, names: Sequence[str], cuts: Cuts) -> dict[str, Any]:
    """Return what each model says of each source, and where languages are cut.

    Reads ``source``, ``lang`` and ``score_<name>``. Of each source and model: ``documents``, how
    many are ``scored``, the ``quantiles`` of :data:`QUANTILES` (none without scores; the value
    below which, or at which, so many lie) and, of models in ``cuts``, the documents of each part.
    """
    named = frame[c.SOURCE].value_counts().sort("count", c.SOURCE, descending=[True, False])
    told = [
        _told(frame.filter(pl.col(c.SOURCE) == source), str(source), name, cuts)
        for name in names
        for source in named[c.SOURCE].head(SOURCES)
    ]
    return {
        "sources": told,
        "left_out": max(0, named.height - SOURCES),
        "cuts": perplexity.plain(cuts),
    }


def _told(frame: pl.DataFrame, source: str, name: str, cuts: Cuts) -> dict[str, Any]:
    values = frame[quality.score(name)].drop_nulls()
    found: dict[str, Any] = {
        "model": name,
        "source": source,
        "documents": frame.height,
        "scored": len(values),
        "quantiles": [_rounded(values.quantile(q, "lower")) for q in QUANTILES if len(values)],
    }
    if own := cuts.get(name):
        parts = frame.select(part=perplexity.part(name, own))["part"]
        found["parts"] = {part: int((parts == part).sum()) for part in perplexity.PARTS}
    return found


def _rounded(value: float | None) -> float:
    return float(f"{value:.6g}")
