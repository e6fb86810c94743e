"""Estimated tokens of every document, from exact counts of a sample: no tokenizer runs over all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from schemas import columns as c
from tasks.hashing import seeded

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

SHARE: Final = 0.02
FEWEST: Final = 20
"""Documents of a source and language from which on they have a ratio of their own."""


def sampled(ids: Iterable[str]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell which documents are counted, by a seeded hash of their id: about :data:`SHARE`."""
    found: np.ndarray[Any, np.dtype[np.bool_]] = (
        seeded(ids, seed=0, stage="tokens_est") < SHARE * 2.0**64
    )
    return found


def tokens_est(frame: pl.DataFrame) -> pl.Series:
    """Estimate the tokens of each row: its bytes over the bytes a token has among its like.

    Reads ``source``, ``lang``, ``n_bytes`` and ``tokens`` (exact where counted, else null). Its
    like are the counted rows of its source and language if there are :data:`FEWEST`, else those of
    its source, else all. Null where nothing was counted.
    """
    return frame.select(
        (pl.col(c.N_BYTES) / _ratio()).round().cast(pl.Int64).alias(c.TOKENS_EST)
    ).to_series()


def bytes_per_token(frame: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Return the ratio for each source and language, as :func:`tokens_est` takes it."""
    ratios = frame.select(c.SOURCE, c.LANG, _ratio().round(4).alias("ratio")).unique()
    found: dict[str, dict[str, float]] = {}
    for source, lang, ratio in ratios.drop_nulls().sort(c.SOURCE, c.LANG).iter_rows():
        found.setdefault(source, {})[lang] = ratio
    return found


def _ratio() -> pl.Expr:
    counted = (pl.col(c.TOKENS) > 0) & (pl.col(c.N_BYTES) > 0)
    n_bytes = pl.when(counted).then(c.N_BYTES)
    tokens = pl.when(counted).then(c.TOKENS)
    groups = ([c.SOURCE, c.LANG], [c.SOURCE])
    ratios = [
        pl.when(tokens.count().over(by) >= FEWEST).then(
            n_bytes.sum().over(by) / tokens.sum().over(by)
        )
        for by in groups
    ]
    return pl.coalesce(*ratios, (n_bytes.sum() / tokens.sum()).fill_nan(None))
