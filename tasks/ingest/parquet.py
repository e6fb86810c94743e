"""Parquet: one record a row, read row group by row group."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.ingest.fields import to_record
from tasks.ingest.items import Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.ingest.items import Fields

BATCH_ROWS = 1_024


def read(stream: BinaryIO, fields: Fields) -> Iterator[Record | Reject]:
    """Yield one item for each row; ``position`` is the row's number from 1.

    ``stream`` must be seekable. A file without a readable footer is one reject; a page that cannot
    be read makes one reject for all rows from there on.
    """
    position = 0
    try:
        with pq.ParquetFile(stream) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                for row in batch.to_pylist():
                    position += 1
                    yield to_record(row, position, fields)
    except (pa.ArrowException, OSError) as error:
        yield Reject(position + 1, "corrupt_parquet", excerpt(str(error)))
