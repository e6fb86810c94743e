"""Exact similarity of documents that their sketches say are alike: an extra read of their text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from tasks import raw
from tasks.shingles.sets import jaccard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from schemas.config import SignalsConfig
    from schemas.manifest import Shard

    Ints = np.ndarray[Any, np.dtype[np.int64]]
    Read = Callable[[Ints], Iterable[pa.Array]]

MARGIN: Final = 0.12
"""So far below the threshold estimates are looked at again: three standard errors at 108 bytes."""
AT_ONCE: Final = 20_000
"""Pairs whose texts, and their shingles, are in memory at a time."""


def exactly(pairs: pl.DataFrame, read: Read, config: SignalsConfig) -> pl.DataFrame:
    """Return pairs (``row, twin_row, similarity``) with their exact Jaccard similarity.

    ``read`` gives the texts of some rows, which are in order; neighbours are asked for together.
    """
    ordered = pairs.sort(c.TWIN_ROW, c.ROW)
    parts = [_exact(part, read, config) for part in ordered.iter_slices(AT_ONCE)]
    return pl.concat([pairs.clear(), *parts])


def _exact(pairs: pl.DataFrame, read: Read, config: SignalsConfig) -> pl.DataFrame:
    both = [pairs[name].to_numpy() for name in (c.ROW, c.TWIN_ROW)]
    rows, places = np.unique(np.concatenate(both), return_inverse=True)
    similar = jaccard(
        pa.concat_arrays([pa.array([], pa.large_string()), *read(rows)]),
        places[: pairs.height],
        places[pairs.height :],
        width=config.shingle_characters or config.shingle_words,
        by_character=config.shingle_characters is not None,
    )
    return pairs.with_columns(pl.Series(c.SIMILARITY, similar))


def documents(rows: Ints, *, shards: Sequence[Shard], out: str) -> Iterator[pa.Array]:
    """Read the texts of some rows of a run, which count through all shards of ``documents/``."""
    for _, _, table in raw.of_run(out, shards, rows, columns=[c.TEXT]):
        yield table.column(c.TEXT).combine_chunks()
