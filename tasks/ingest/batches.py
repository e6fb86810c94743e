"""Rows of Arrow batches as records, whatever a batch holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from tasks.ingest.fields import to_record, unique_names
from tasks.ingest.items import Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.ingest.items import Fields

BROKEN: Final = (pa.ArrowException, OSError, ValueError, ArithmeticError, LookupError)
"""What pyarrow raises for bytes that make no sense to it.

``ValueError``: not UTF-8; ``ArithmeticError``: a decimal of more digits than it says, a date beyond
the years; ``LookupError``: a type or a time zone that Python has not.
"""


def named(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with a name for each column: of two with the same, a row would lose one."""
    names = batch.schema.names
    return batch if len(set(names)) == len(names) else batch.rename_columns(unique_names(names))


def items(
    batch: pa.RecordBatch, position: int, fields: Fields, *, unchecked: bool = False
) -> Iterator[Record | Reject]:
    """Yield one item for each row, ``position`` being the number of rows before the batch.

    ``unchecked``: nobody has looked yet whether offsets lie within their buffers. pyarrow does not
    where it makes values of them, and would read whatever lies there in memory.
    """
    try:
        if unchecked:
            batch.validate(full=True)
        rows = batch.to_pylist()
    except BROKEN:
        rows = None
    if rows is not None:
        for number, row in enumerate(rows, start=position + 1):
            yield to_record(row, number, fields)
        return
    for i in range(batch.num_rows):
        try:
            one = batch.slice(i, 1)
            if unchecked:
                one.validate(full=True)
            (row,) = one.to_pylist()
        except BROKEN as error:
            bad = isinstance(error, UnicodeDecodeError) or "UTF8" in str(error)
            reason = "not_utf8" if bad else "unfit_value"
            yield Reject(position + i + 1, reason, excerpt(str(error)))
        else:
            yield to_record(row, position + i + 1, fields)
