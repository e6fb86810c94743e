"""Parquet: one record a row, read row group by row group."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import pyarrow.parquet as pq

from tasks.ingest import batches
from tasks.ingest.batches import BROKEN
from tasks.ingest.items import Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.manifest import Part
    from tasks.ingest.items import Fields

BATCH_ROWS = 1_024
BATCH_BYTES = 8_000_000
BUFFER_BYTES = 1 << 20


def read(stream: BinaryIO, fields: Fields, part: Part | None = None) -> Iterator[Record | Reject]:
    """Yield one item for each row; ``position`` is the row's number from 1, in the part if any.

    ``stream`` must be seekable and the whole file, also where only a part is read. A file without
    a readable footer is one reject. Of a row group with a broken page, each row that cannot be read
    is a reject; the groups behind it are read.
    """
    try:
        file = _opened(stream)
        _check_footer(file.metadata)
    except BROKEN as error:
        yield Reject(1, "corrupt_parquet", excerpt(str(error)))
        return
    with file:
        done = 0
        for group in _groups(file.metadata, part):
            yield from _group(file, group, done, fields)
            done += file.metadata.row_group(group).num_rows


def rows(stream: BinaryIO, part: Part | None = None) -> int:
    """Number of rows, 0 where the footer cannot be read."""
    try:
        about = pq.read_metadata(stream)
        return sum(about.row_group(i).num_rows for i in _groups(about, part))
    except BROKEN:
        return 0


def _opened(stream: BinaryIO) -> pq.ParquetFile:
    """Open a file to be read a buffer at a time, which pyarrow does where it reads nothing ahead.

    Read ahead, a row group would be in memory as a whole, and some writers make it a gigabyte.
    """
    return pq.ParquetFile(
        stream, page_checksum_verification=True, pre_buffer=False, buffer_size=BUFFER_BYTES
    )


def _groups(about: pq.FileMetaData, part: Part | None) -> range:
    every = range(about.num_row_groups)
    return every if part is None else every[part.start : part.end]


def _check_footer(about: pq.FileMetaData) -> None:
    """A bit turned in the footer must not make a billion lost rows of a file that has ten."""
    rows = [about.row_group(i).num_rows for i in range(about.num_row_groups)]
    if sum(rows) != about.num_rows or min(rows, default=0) < 0:
        raise ValueError(f"{about.num_rows} rows in the footer, {rows} in its row groups")


def _group(
    file: pq.ParquetFile, group: int, done: int, fields: Fields
) -> Iterator[Record | Reject]:
    """The items of one row group, ``done`` being the number of rows before it."""
    about = file.metadata.row_group(group)
    position, end = done, done + about.num_rows
    row_bytes = about.total_byte_size // max(1, about.num_rows)
    size = max(1, min(BATCH_ROWS, BATCH_BYTES // max(1, row_bytes)))
    why = "the row group ends early"
    try:
        for batch in file.iter_batches(size, row_groups=[group]):
            for item in batches.items(batches.named(batch), position, fields):
                position = item.position
                yield item
    except BROKEN as error:
        why = str(error)
    for lost in range(position + 1, end + 1):
        yield Reject(lost, "corrupt_parquet", excerpt(why))
