"""A look at a source's first records, without reading more than that."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from tasks import storage
from tasks.ingest import fields, formats
from tasks.ingest.compression import decompressed
from tasks.ingest.items import DamagedInput, Fields, Record, Reject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.config import Source
    from schemas.manifest import InputFile, Unit

SAMPLE_BYTES = 1_000_000
SAMPLE_ROWS = 500
WHOLE = {"text", "python-readmes", "python-licenses", "python-reference", "python-docstrings",
         "python-source"}  # fmt: skip
"""Formats whose file is one text, or parsed as one: a cut would leave nothing to read."""


def first_records(unit: Unit, source: Source) -> tuple[list[Record], float]:
    """Return some records from the start of a unit and the input bytes that they stand for.

    Of a file without known size (a Hub stream, a remote Parquet file) nothing is read: 0 bytes.
    """
    names = Fields.of(source)
    records: list[Record] = []
    consumed = 0.0
    for file in unit.files:
        if consumed >= SAMPLE_BYTES or unit.format == "hub":
            break
        if unit.format == "parquet":
            found, n_bytes = _parquet(file, names)
        else:
            limit = -1 if unit.format in WHOLE else SAMPLE_BYTES
            body = storage.head(file, limit)
            found, n_bytes = list(_parsed(body, unit, file, names)), float(len(body))
        records += found
        consumed += n_bytes
    return records, consumed


def _parsed(body: bytes, unit: Unit, file: InputFile, names: Fields) -> Iterator[Record]:
    """Records of a file's start; where it was cut, the last one is a reject and left out."""
    try:
        plain = decompressed(io.BytesIO(body))
    except DamagedInput:
        return
    for item in formats.read(plain, kind=unit.format, fields=names, location=file.url):
        if isinstance(item, Record):
            yield item


def _parquet(file: InputFile, names: Fields) -> tuple[list[Record], float]:
    """First rows of a local Parquet file; its footer tells what part of the whole they are."""
    if storage.is_remote(file.url):
        return [], 0.0
    try:
        with storage.local_stream(file) as stream, pq.ParquetFile(stream) as opened:
            total = opened.metadata.num_rows
            batch = next(opened.iter_batches(batch_size=SAMPLE_ROWS), None)
            rows = [] if batch is None else batch.to_pylist()
    except (OSError, ValueError, OverflowError, pa.ArrowException):
        return [], 0.0  # the run says what is wrong with the file
    items = [fields.to_record(row, i, names) for i, row in enumerate(rows, start=1)]
    records = [item for item in items if not isinstance(item, Reject)]
    return records, (file.size or 0) * len(rows) / max(1, total)
