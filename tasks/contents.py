"""What stands at the places that a plan has of a shard: text as it is written, turns, token ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tasks.mixture.rows import Found

if TYPE_CHECKING:
    import polars as pl

    Counts = np.ndarray[Any, np.dtype[np.int64]]


class Content(NamedTuple):
    """Some places, in the order of row and start, and what stands there.

    ``masked``: what masks hid of each document, by kind, at the first of its places.
    """

    places: pl.DataFrame
    found: Found
    masked: Counts
