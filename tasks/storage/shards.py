"""Parquet shards: written whole, with an explicit schema, bounded row groups and what they hold."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from schemas import columns as c
from schemas.errors import ManifestError
from schemas.manifest import Shard
from schemas.tables import conform
from tasks.storage import local

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

SHARD_KEY = b"openmoat.shard"
REPEATING = (c.SOURCE, c.LICENSE, c.LANG, c.LOCATION, c.DROP_REASON, c.LEVEL, c.SPLIT, c.ORIGIN)
"""Columns of few values, stored as dictionaries; in the others a dictionary only costs time."""


class ShardWriter:
    """Appends tables to one Parquet file; each call is one row group."""

    def __init__(self, location: str, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(
            location,
            schema,
            compression="zstd",
            use_dictionary=[n for n in schema.names if n in REPEATING],
            write_page_index=True,
            write_page_checksum=True,
        )

    def write(self, table: pa.Table) -> None:
        """Append a table that fits the schema."""
        fitted = conform(table, self._schema).combine_chunks()
        self._writer.write_table(fitted, row_group_size=max(1, fitted.num_rows))

    def finish(self, shard: Shard) -> None:
        """Let the file say of itself what it holds, so that it is of use without a manifest."""
        body = orjson.dumps(shard.model_dump(mode="json"))
        self._writer.add_key_value_metadata({SHARD_KEY: body})

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


@contextlib.contextmanager
def writing(location: str, schema: pa.Schema) -> Iterator[ShardWriter]:
    """Open a shard that appears under its final name when the block succeeds and has closed it."""
    with local.replacing(location) as temporary:
        writer = ShardWriter(temporary, schema)
        try:
            yield writer
        finally:
            writer.close()


def write_table(location: str, table: pa.Table, schema: pa.Schema, *, shard: Shard) -> None:
    """Write one table as a shard."""
    with writing(location, schema) as writer:
        writer.write(table)
        writer.finish(shard)


def read_shard(location: str) -> Shard | None:
    """What a finished shard says of itself; None when it is missing or not readable."""
    try:
        found = (pq.read_metadata(location).metadata or {}).get(SHARD_KEY)
        return None if found is None else Shard.model_validate_json(found)
    except (OSError, ValueError):
        return None


def columns(location: str) -> list[str]:
    """Names of a shard's columns."""
    with _opened(location) as file:
        return list(file.schema_arrow.names)


def read_table(location: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a whole shard, or some columns of it."""
    with _opened(location) as file:
        return file.read(columns=None if columns is None else list(columns))


def read_batches(
    location: str, columns: Sequence[str] | None = None, *, rows: int = 2_048
) -> Iterator[pa.Table]:
    """Read a shard in tables of at most ``rows`` rows, in order."""
    with _opened(location) as file:
        names = None if columns is None else list(columns)
        for batch in file.iter_batches(batch_size=rows, columns=names):
            yield pa.Table.from_batches([batch])


class Footer(NamedTuple):
    """What a Parquet file says of itself: rows, columns, and bytes of each row group in memory."""

    rows: int
    schema: pa.Schema
    group_bytes: tuple[int, ...]


def read_footer(location: str) -> Footer:
    """Read it. Raises :class:`ManifestError` where there is no such file or it is none."""
    with _opened(location) as file:
        groups = (file.metadata.row_group(i) for i in range(file.num_row_groups))
        sizes = tuple(group.total_byte_size for group in groups)
        return Footer(file.metadata.num_rows, file.schema_arrow, sizes)


def scan(locations: Sequence[str], *, row_column: str) -> pl.LazyFrame:
    """Return shards, one after the other, as a query with the number of each row (from 0)."""
    import polars as pl

    return pl.scan_parquet(list(locations), row_index_name=row_column, glob=False)


def read_row(location: str, row: int, columns: Sequence[str] | None = None) -> dict[str, Any]:
    """Read one row (from 0), or some columns of it; no more than its row group is looked at."""
    with _opened(location) as file:
        names = None if columns is None else list(columns)
        start = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if start <= row < start + rows:
                table = file.read_row_group(group, columns=names)
                return dict(table.slice(row - start, 1).to_pylist()[0])
            start += rows
        message = f"a file of {start:,} rows, row {row:,} asked for"
        raise ValueError(message)


@contextlib.contextmanager
def _opened(location: str) -> Iterator[pq.ParquetFile]:
    """Open a shard, its pages checked against their checksums as they are read.

    Nothing is read ahead: pyarrow keeps what it has read ahead in memory until the file is closed
    (apache/arrow#39808), which of a shard read in batches is all of it in the end.
    """
    try:
        with pq.ParquetFile(location, page_checksum_verification=True, pre_buffer=False) as file:
            yield file
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ManifestError(
            location,
            got=local.first_line(error),
            wanted="a Parquet shard written by openmoat",
            way_out="Remove this file and run the recipe again: it alone is made anew.",
        ) from error


@contextlib.contextmanager
def streaming(location: str, schema: pa.Schema) -> Iterator[pa.ipc.RecordBatchStreamWriter]:
    """Open a new Arrow stream to which tables are added, not compressed, so that it can be mapped.

    For files of a folder that is not there yet, as :func:`tasks.storage.local.appending`.
    """
    with local.appending(location) as sink, pa.ipc.new_stream(sink, schema) as writer:
        yield writer


def write_ipc(location: str, batches: list[pa.RecordBatch], schema: pa.Schema) -> None:
    """Write scratch record batches that can be read one by one again (Arrow IPC, zstd)."""
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with (
        local.replacing(location) as temporary,
        pa.OSFile(temporary, "wb") as sink,
        pa.ipc.new_file(sink, schema, options=options) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)


def read_ipc(location: str, index: int) -> pa.RecordBatch:
    """Read one record batch of a scratch file."""
    with pa.OSFile(location, "rb") as source:
        return pa.ipc.open_file(source).get_batch(index)
