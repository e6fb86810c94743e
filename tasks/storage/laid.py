"""Record batches laid by, to be read one by one: written once, each with its digest."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import xxhash

from schemas.errors import ManifestError
from tasks.storage import local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DIGEST: Final = b"digest"


@contextlib.contextmanager
def laying(location: str, schema: pa.Schema) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Open a file that appears under its name when the block succeeds; what is given appends."""
    with (
        local.replacing(location) as temporary,
        pa.OSFile(temporary, "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
    ):

        def write(batch: pa.RecordBatch) -> None:
            writer.write_batch(batch, custom_metadata={DIGEST: _digest(batch)})

        yield write


def laid(location: str) -> Iterator[pa.RecordBatch]:
    """Read a file's batches, in order. ManifestError where one is not as it was written."""
    with _opened(location) as reader:
        for index in range(reader.num_record_batches):
            yield _read(reader, index)


def read_laid(location: str, index: int) -> pa.RecordBatch:
    """Read one batch of a file. ManifestError where it is not as it was written."""
    with _opened(location) as reader:
        return _read(reader, index)


def laid_schema(location: str) -> pa.Schema:
    """Return the schema of a file, with its metadata. ManifestError where it cannot be read."""
    with _opened(location) as reader:
        return reader.schema


def _read(reader: pa.ipc.RecordBatchFileReader, index: int) -> pa.RecordBatch:
    batch, said = reader.get_batch_with_custom_metadata(index)
    if said is None or said[DIGEST] != _digest(batch):
        raise ValueError(f"batch {index} is not as it was written")
    batch.validate()
    return batch


@contextlib.contextmanager
def _opened(location: str) -> Iterator[pa.ipc.RecordBatchFileReader]:
    try:
        with pa.OSFile(location, "rb") as source, pa.ipc.open_file(source) as reader:
            yield reader
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ManifestError(
            location,
            got=local.first_line(error),
            wanted="batches that openmoat laid by",
            way_out="Remove this file and run the recipe again: it alone is made anew.",
        ) from error


def _digest(batch: pa.RecordBatch) -> bytes:
    """Hash a batch as it is written, which does not depend on the memory around its values."""
    return xxhash.xxh3_128_hexdigest(memoryview(batch.serialize())).encode()
