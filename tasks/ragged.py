"""Lists of unequal lengths as two arrays: all values, and where each list begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from schemas.errors import SchemaError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]


class Lists(NamedTuple):
    """Values of all lists, one after the other, and where each begins and the last one ends."""

    values: NDArray[Any]
    offsets: Numbers


def lists(column: pa.Array | pa.ChunkedArray) -> Lists:
    """Return what a column of lists holds; of one array of numbers, without a copy.

    Raises SchemaError where a list or a value of one is missing.
    """
    if isinstance(column, pa.ChunkedArray):
        # Combining copies, even where there is one chunk.
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    values = column.flatten()
    if column.null_count or values.null_count:
        raise SchemaError(
            "lists",
            got=f"{column.null_count:,} missing lists of tokens, {values.null_count:,} tokens",
            wanted="none missing",
            way_out="Leave out the rows that have no tokens, or count them anew.",
        )
    own = values.to_numpy(zero_copy_only=False)  # bits become bytes
    if not len(column):
        return Lists(own, np.zeros(1, np.int64))
    offsets = column.offsets.to_numpy().astype(np.int64)
    return Lists(own, offsets - offsets[0])


def sums(some: Lists) -> Numbers:
    """Return the sum of each list."""
    before = np.concatenate([[0], np.cumsum(some.values, dtype=np.int64)])
    return np.diff(before[some.offsets])


def taken(some: Lists, order: Numbers) -> Lists:
    """Return lists in another order: each is copied at once, which Arrow does value by value."""
    starts, ends = some.offsets[:-1][order], some.offsets[1:][order]
    pairs = zip(starts.tolist(), ends.tolist(), strict=True)
    parts = [some.values[:0], *(some.values[a:b] for a, b in pairs)]
    return Lists(np.concatenate(parts), np.concatenate([[0], np.cumsum(ends - starts)]))
