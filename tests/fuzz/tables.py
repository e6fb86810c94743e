"""Parquet files of every encoding that matters, for the fuzzer to turn bytes in."""

from __future__ import annotations

import datetime as dt
import decimal
import io
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = {"text": ["one", "tw\u00f6", None, "four" * 9], "id": ["1", "2", "3", "4"]}
NESTED = pa.table({
    "text": pa.array(["a", "b", "a", "b"]).dictionary_encode(),
    "doc": pa.array([{"text": "x", "l": [1]}, {"text": "y", "l": None}, None, {"text": "z"}]),
    "meta": pa.array([[("id", "1")], [], None, [("id", "2"), ("set", "x")]],
                     pa.map_(pa.string(), pa.string())),
    "at": pa.array([1, 2, None, 2**62], pa.timestamp("us")),
})  # fmt: skip
SCALARS = pa.table({
    "text": pa.array([b"caf\xc3\xa9", b"caf\xe9", None], pa.binary()),
    "id": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("2.00")]),
    "day": pa.array([dt.date(2024, 2, 29), None, dt.date(1, 1, 1)]),
    "flag": pa.array([True, None, False]),
    "half": pa.array([1.5, None, 2.5], pa.float16()),
    "sure": pa.array([1.5, float("nan"), 2.5], pa.float64()),
    "many": pa.array([[[1]], [], None], pa.list_(pa.list_(pa.int8()))),
    "code": pa.array([b"1234", None, b"5678"], pa.binary(4)),
    "time": pa.array([1, None, 3], pa.time64("ns")),
})  # fmt: skip


@cache
def tables() -> tuple[bytes, ...]:
    """Whole files of one to four kilobytes."""
    rows = pa.table(ROWS)
    return (
        _written(rows, compression="none", use_dictionary=False),
        _written(rows, row_group_size=1, write_page_index=True, write_page_checksum=True),
        _written(rows, compression="zstd", data_page_version="2.0", data_page_size=1),
        _written(rows, use_dictionary=False, column_encoding="DELTA_BYTE_ARRAY"),
        _written(rows, use_dictionary=False, column_encoding="DELTA_LENGTH_BYTE_ARRAY"),
        _written(NESTED, compression="none"),
        _written(NESTED, compression="snappy", row_group_size=2),
        _written(NESTED, compression="lz4", store_schema=True),
        _written(SCALARS, compression="none"),
        _written(SCALARS, compression="gzip", use_dictionary=False),
        _written(SCALARS, compression="brotli", store_schema=True, row_group_size=2),
        _written(SCALARS, compression="none", use_byte_stream_split=["sure"], use_dictionary=False),
    )


@cache
def messages() -> tuple[bytes, ...]:
    """The same rows as Arrow's streams and files, packed and not."""
    rows = pa.table(ROWS)
    return (
        _sent(rows, pa.ipc.new_stream),
        _sent(rows, pa.ipc.new_file),
        _sent(NESTED, pa.ipc.new_stream, compression="zstd"),
        _sent(NESTED, pa.ipc.new_file),
        _sent(SCALARS, pa.ipc.new_stream),
        _sent(SCALARS, pa.ipc.new_file, compression="lz4"),
    )


def _sent(table: pa.Table, writer: Any, compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with writer(sink, table.schema, options=options) as out:
        out.write_table(table, max_chunksize=3)
    return sink.getvalue()


def _written(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **{"store_schema": False, **options})
    return sink.getvalue()


def patched(data: bytes) -> bytes:
    """One of the files, chosen by the first byte, with bytes turned: each by a place and a byte."""
    file = bytearray(tables()[data[0] % len(tables())] if data else tables()[0])
    for at in range(1, min(len(data), 25) - 2, 3):
        # Half of them lie in the footer, where counts and offsets are.
        place = int.from_bytes(data[at : at + 2], "little")
        footer = int.from_bytes(file[-8:-4], "little") + 8
        low = len(file) - footer if place & 1 and footer < len(file) else 0
        file[low + place // 2 % (len(file) - low)] ^= data[at + 2] or 1
    return bytes(file)
