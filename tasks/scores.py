"""Scores that models gave documents: from the column of all to a column of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from schemas import quality

if TYPE_CHECKING:
    from collections.abc import Sequence


def values(column: pl.Series, names: Sequence[str]) -> pl.DataFrame:
    """Return ``score_<name>`` for each name, from lists of ``name, value`` as signals have them.

    Null where a document has no such score.
    """
    sizes = column.list.len().fill_null(0).to_numpy()
    every = column.filter(sizes > 0).explode().struct
    told, scored = every.field("name"), every.field("value").cast(pl.Float64)
    rows = np.repeat(np.arange(len(column)), sizes)
    found = {}
    for name in names:
        own = (told == name).to_numpy()
        some = np.full(len(column), np.nan)
        some[rows[own]] = scored.filter(own).to_numpy()
        found[quality.score(name)] = pl.Series(some, nan_to_null=True)
    return pl.DataFrame(found, schema=dict.fromkeys(map(quality.score, names), pl.Float64))
