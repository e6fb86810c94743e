"""Every digest of the project: of bytes, of ids, of configurations, of rows.

All are xxh3_128 (fast, stable across versions and machines, not cryptographic).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from tasks import compiled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MODULUS = 1 << 128
ROWS = 1 << 16
"""Rows that are digested at a time: they are copied twice."""
SEPARATOR = b"\x1f"
TOKEN_LISTS: Final = (pa.list_(pa.int32()), pa.list_(pa.int8()))
"""Columns of which a table has millions of values."""


def doc_id(source: str, record_id: str | None, raw_text: str) -> str:
    """Hex xxh3_128 of the source and the record's own id or, without one, its text as it was read.

    Independent of path, shard and order. The marker keeps an id that equals some text apart.
    """
    marker, own = (b"t", raw_text) if record_id is None else (b"i", record_id)
    return xxhash.xxh3_128_hexdigest(
        SEPARATOR.join((source.encode(), marker, own.encode("utf-8", "surrogatepass")))
    )


def text_hash(text: str) -> str:
    """Hex xxh3_128 of the text's UTF-8 bytes."""
    return xxhash.xxh3_128_hexdigest(text.encode())


def text_hashes(texts: pa.ChunkedArray) -> list[str]:
    """:func:`text_hash` of each text of a column (large_string, no nulls), from its bytes."""
    found: list[str] = []
    for chunk in compiled.chunks(texts):
        data, limits = compiled.buffers(chunk)
        ends = limits.tolist()
        body = memoryview(data.data)
        found += [xxhash.xxh3_128_hexdigest(body[a:b]) for a, b in pairwise(ends)]
    return found


def digest(*parts: object) -> str:
    """Hex xxh3_128 of plain values (strings, numbers, lists, mappings, models), keys sorted."""
    body = orjson.dumps(parts, default=_plain, option=orjson.OPT_SORT_KEYS)
    return xxhash.xxh3_128_hexdigest(body)


def _plain(value: object) -> object:
    """What a model is made of; orjson knows the rest."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError


def seeded(ids: Iterable[str], *, seed: int, stage: str) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """A pseudo-random uint64 for each id, the same for any order, worker or shard."""
    prefix = f"{seed}\x1f{stage}\x1f".encode()
    values = [xxhash.xxh3_64_intdigest(prefix + i.encode()) for i in ids]
    return np.array(values, dtype=np.uint64)


def chance(own_id: str, *, seed: int, stage: str) -> float:
    """A pseudo-random number in [0, 1) for an id, the same for any order, worker or shard."""
    return (xxhash.xxh3_64_intdigest(f"{seed}\x1f{stage}\x1f{own_id}".encode()) >> 11) / 2.0**53


def row_digests(table: pa.Table, *, leave_out: Sequence[str] = ()) -> list[bytes]:
    """One 16-byte digest for each row, independent of chunking and of the order of columns.

    A row goes in as two numbers of eight bytes for each column, by name: whether there is a value,
    and that value or, where it is no number, its length in bytes; then such values, one after the
    other. So neighbours cannot blur. Before them stands a digest of the names and kinds.
    """
    return [found for part in _digested(table, leave_out) for found in part]


def _digested(table: pa.Table, leave_out: Sequence[str]) -> Iterator[list[bytes]]:
    names = sorted(set(table.column_names) - set(leave_out))
    for start in range(0, table.num_rows, ROWS):
        yield _row_digests(table.slice(start, ROWS), names)


def _row_digests(table: pa.Table, names: list[str]) -> list[bytes]:
    columns = [table.column(name) for name in names]
    numbers = np.zeros((table.num_rows, 2 + 2 * len(columns)), "<i8")
    head = SEPARATOR.join(n.encode() + _kind(col) for n, col in zip(names, columns, strict=True))
    numbers[:, :2] = np.frombuffer(xxhash.xxh3_128_digest(head), "<i8")
    values = []
    for place, column in enumerate(columns, start=1):
        if not _is_number(column):
            values.append(_bytes(column))
            column = pc.binary_length(values[-1])  # noqa: PLW2901  (0 for a null)
        numbers[:, 2 * place] = 1 if not column.null_count else pc.is_valid(column)
        numbers[:, 2 * place + 1] = _integers(column)
    width = pa.binary(8 * numbers.shape[1])
    fixed = pa.FixedSizeBinaryArray.from_buffers(
        width, table.num_rows, [None, pa.py_buffer(numbers)]
    )
    rows = _joined(fixed, values)
    ends = np.frombuffer(rows.buffers()[1], np.int64, len(rows) + 1, 8 * rows.offset)
    body = memoryview(rows.buffers()[2])
    return [xxhash.xxh3_128_digest(body[i:j]) for i, j in pairwise(ends.tolist())]


def _kind(column: pa.ChunkedArray) -> bytes:
    if pa.types.is_floating(column.type):
        return b"f"
    return b"i" if _is_number(column) else b"b"


def _is_number(column: pa.ChunkedArray) -> bool:
    kind = column.type
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def _integers(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """Eight bytes a value, 0 for null; one bit pattern for every NaN and for both zeros."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    filled = pc.fill_null(column, 0) if column.null_count else column
    values: np.ndarray[Any, Any] = filled.to_numpy()
    if not pa.types.is_floating(column.type):
        return values.astype(np.int64, copy=False)
    plain: np.ndarray[Any, Any] = values.astype(np.float64) + 0.0
    plain[np.isnan(plain)] = np.nan
    return plain.view(np.int64)


def _bytes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values that are no numbers as large_binary: text in UTF-8, what is nested as JSON.

    Lists of tokens are the bytes of these.
    """
    kind = column.type
    if kind in TOKEN_LISTS:
        return _values(column)
    nested = not (_is_text(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
    if nested and column.null_count < len(column):
        values = [None if v is None else orjson.dumps(v, option=orjson.OPT_SORT_KEYS)
                  for v in column.to_pylist()]  # fmt: skip
        return pa.chunked_array([pa.array(values, pa.large_binary())])
    if nested:
        return pa.chunked_array([pa.nulls(len(column), pa.large_binary())])
    return column.cast(pa.large_binary())


def _values(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Lists of numbers as the bytes of these, without a copy."""
    found = [pa.array([], pa.large_binary())]
    for part in column.chunks:
        values = part.flatten()
        if values.null_count:
            raise ValueError("a null in a list of tokens, which has no digest")
        width = values.type.bit_width // 8
        lengths = pc.fill_null(pc.list_value_length(part), 0).to_numpy().astype(np.int64)
        bounds = np.concatenate([[0], np.cumsum(lengths)]) * width
        body = values.buffers()[1] or pa.py_buffer(b"")
        valid = part.is_valid().buffers()[1]
        buffers = [valid, pa.py_buffer(bounds), body.slice(values.offset * width)]
        found.append(pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(part), buffers))
    return pa.chunked_array(found, pa.large_binary())


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _joined(fixed: pa.FixedSizeBinaryArray, values: list[pa.ChunkedArray]) -> pa.LargeBinaryArray:
    """What belongs to a row as one value."""
    parts = [fixed.cast(pa.large_binary()), *(v.combine_chunks() for v in values)]
    nothing = pa.scalar(b"", pa.large_binary())
    return pc.binary_join_element_wise(
        *parts, nothing, null_handling="replace", null_replacement=""
    )


def add_digests(digests: Sequence[bytes]) -> str:
    """Hex sum of row digests modulo 2^128: the same for any order or sharding of the rows."""
    quarters = np.frombuffer(b"".join(digests), ">u4").reshape(-1, 4)
    parts = quarters.sum(axis=0, dtype=np.uint64).tolist()  # no overflow below 2^32 rows
    total = sum(part << shift for part, shift in zip(parts, (96, 64, 32, 0), strict=True))
    return f"{total % MODULUS:032x}"


def add_hex(digests: Iterable[str]) -> str:
    """:func:`add_digests` for digests that are already hex, such as those of shards."""
    return f"{sum(int(d, 16) for d in digests) % MODULUS:032x}"


def table_digest(table: pa.Table, *, leave_out: Sequence[str] = ()) -> str:
    """Digest of a table's rows as a multiset."""
    return add_hex(map(add_digests, _digested(table, leave_out)))
