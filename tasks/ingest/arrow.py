"""Arrow's IPC: its stream, as ``datasets`` saves it, and its file, which is Feather too.

A file is read by its footer, where it lies as such; one without a footer, packed or in an archive
from the front, as a stream is: most writers make a stream of what stands before the footer. A
record batch is in memory at a time.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, Final

import pyarrow as pa

from tasks.ingest import batches
from tasks.ingest.items import DamagedInput, Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.ingest.items import Fields

BATCH_ROWS: Final = 1_024
"""Rows that are Python's objects at a time."""
PIECE: Final = 1 << 20
MAGIC: Final = b"ARROW1"
PADDED: Final = 8
"""Bytes that the magic word takes at the start of a file."""
FEATHER_1: Final = b"FEA1"
REASON: Final = "corrupt_arrow"
BROKEN: Final = (*batches.BROKEN, MemoryError)


class _Input(io.RawIOBase):
    """Bytes in pieces, ``start`` first: a length that says a terabyte takes what is there."""

    def __init__(self, stream: BinaryIO, start: bytes = b"") -> None:
        super().__init__()
        self._stream, self._start, self.last = stream, start, b""

    def read(self, size: int = -1) -> bytes:
        found = bytearray(self._start if size < 0 else self._start[:size])
        self._start = self._start[len(found) :]
        while size < 0 or len(found) < size:
            piece = self._stream.read(PIECE if size < 0 else min(PIECE, size - len(found)))
            if not piece:
                break
            found += piece
        self.last = (self.last + bytes(found[-PADDED:]))[-PADDED:]
        return bytes(found)

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def drained(self) -> bytes:
        """Read what is left; return how it ends."""
        while self.read(PIECE):
            pass
        return self.last


def read(stream: BinaryIO, fields: Fields) -> Iterator[Record | Reject]:
    """Yield one item for each row, from the front; ``position`` is the row's number from 1.

    Where a message cannot be read, so cannot what follows, and that is one reject: how many rows it
    is only the messages tell. A file that ends without its footer has lost something, too.
    """
    yield from _items(_streamed(stream), fields)


def read_whole(stream: BinaryIO, fields: Fields) -> Iterator[Record | Reject]:
    """Do the same for a seekable stream that is a whole file, as its footer says.

    A batch that cannot be read is a reject, which stands for its rows; those behind it are read.
    """
    try:
        file = pa.ipc.open_file(_Input(stream))
    except BROKEN:
        stream.seek(0)
        yield from read(stream, fields)
        return
    with file:
        done = 0
        for number in range(file.num_record_batches):
            for item in _items(_batch(file, number), fields, done):
                done = item.position
                yield item


def is_file(stream: BinaryIO) -> bool:
    """Whether a stream begins as a file does. Goes back to its start."""
    start = stream.read(len(MAGIC))
    stream.seek(0)
    return start == MAGIC


def first_batch(stream: BinaryIO) -> tuple[int, float] | None:
    """Rows of the first batch of a seekable stream, and what share of the whole it is, about.

    None where it cannot be read as it lies there.
    """
    try:
        if is_file(stream):
            with pa.ipc.open_file(_Input(stream)) as file:
                batches_ = file.num_record_batches
                return (file.get_batch(0).num_rows, 1 / batches_) if batches_ else (0, 1.0)
        with pa.ipc.open_stream(_Input(stream)) as reader:
            rows, read = next(iter(reader)).num_rows, stream.tell()
        return rows, read / max(1, stream.seek(0, io.SEEK_END))
    except StopIteration:
        return 0, 1.0
    except BROKEN:
        return None


def _batch(file: pa.RecordBatchFileReader, number: int) -> Iterator[pa.RecordBatch]:
    yield file.get_batch(number)


def _items(
    found: Iterator[pa.RecordBatch], fields: Fields, position: int = 0
) -> Iterator[Record | Reject]:
    """The items of batches, ``position`` being the number of rows before them."""
    try:
        for batch in found:
            for item in _rows(batches.named(batch), position, fields):
                position = item.position
                yield item
    except DamagedInput as damage:
        yield Reject(position + 1, damage.reason, excerpt(damage.detail))
    except BROKEN as error:
        yield Reject(position + 1, REASON, excerpt(str(error)))


def _streamed(stream: BinaryIO) -> Iterator[pa.RecordBatch]:
    start = stream.read(PADDED)
    if start.startswith(FEATHER_1):
        raise DamagedInput(REASON, "Feather of version 1, which pyarrow.feather.read_table reads")
    whole = start.startswith(MAGIC)
    given = _Input(stream, b"" if whole else start)
    with pa.ipc.open_stream(given) as reader:
        yield from reader
    if whole and not given.drained().endswith(MAGIC):
        raise DamagedInput(REASON, "the file ends early: it has no footer")


def _rows(batch: pa.RecordBatch, position: int, fields: Fields) -> Iterator[Record | Reject]:
    """The items of a batch, of which some rows are looked at a time."""
    for first in range(0, batch.num_rows, BATCH_ROWS):
        part = batch.slice(first, BATCH_ROWS)
        yield from batches.items(part, position + first, fields, unchecked=True)
