"""Rows of a table as NumPy arrays: a batch at once without a copy, or row by row. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tasks.ragged import lists

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def batch(table: pa.Table) -> dict[str, Any]:
    """Return each column of a table as one value.

    Numbers become an array; lists of numbers an array of rows x length where all are as long as
    each other, as packed rows are, and :class:`tasks.ragged.Lists` where not; all else, and what
    has missing values, a list. No value is copied where a column is one chunk, so that arrays
    cannot be written to.
    """
    return {
        name: _column(column)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def _column(column: pa.ChunkedArray) -> Any:  # noqa: ANN401
    if _of_numbers(column):
        found = lists(column)
        lengths = np.diff(found.offsets)
        if len(lengths) and (lengths == lengths[0]).all() and lengths[0]:
            return found.values.reshape(len(lengths), -1)
        return found
    if _is_number(column.type) and not column.null_count:
        return _one(column).to_numpy(zero_copy_only=False)
    return column.to_pylist()


def _one(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array. (``combine_chunks`` copies a chunk even where it is the only one.)."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def _of_numbers(column: pa.ChunkedArray) -> bool:
    """Whether a column holds lists of numbers, and no list or number is missing."""
    kind = column.type
    if not pa.types.is_list(kind) or not _is_number(kind.value_type):
        return False
    if pa.types.is_boolean(kind.value_type) or column.null_count:
        return False
    return not any(chunk.flatten().null_count for chunk in column.chunks)


def picked(table: pa.Table, numbers: NDArray[np.int64]) -> pa.Table:
    """Some rows of a table, as :meth:`pyarrow.Table.take` gives them.

    Where all lists of numbers are as long as each other, whole rows are copied at once, which takes
    a fraction of the time.
    """
    at = pa.array(numbers)
    columns = [_picked(column, numbers, at) for column in table.columns]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _picked(column: pa.ChunkedArray, numbers: NDArray[np.int64], at: pa.Array) -> Any:  # noqa: ANN401
    if not len(numbers) or column.num_chunks != 1 or not _of_numbers(column):
        return column.take(at)
    found = lists(column)
    length = int(found.offsets[1])
    if not length or (np.diff(found.offsets) != length).any():
        return column.take(at)
    values = found.values.reshape(-1, length)[numbers].reshape(-1)
    offsets = np.arange(0, len(values) + 1, length, dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values), type=column.type)


def rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield a table row by row: lists of numbers as arrays of the caller's own, else as Python's.

    Arrays are copied: a row outlives its table, and a loader may write to it.
    """
    for part in table.to_batches():
        whole = pa.Table.from_batches([part])
        columns = [_each(column) for column in whole.columns]
        for values in zip(*columns, strict=True):
            yield dict(zip(whole.column_names, values, strict=True))


def _each(column: pa.ChunkedArray) -> Iterator[Any]:
    if not _of_numbers(column):
        yield from column.to_pylist()
        return
    found = lists(column)
    ends = found.offsets.tolist()
    for start, end in pairwise(ends):
        yield found.values[start:end].copy()
