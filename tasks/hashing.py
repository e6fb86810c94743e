"""Every digest of the project: of bytes, of ids, of configurations, of rows.

All are xxh3_128 (fast, stable across versions and machines, not cryptographic).
"""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from tasks import compiled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MODULUS = 1 << 128
SEPARATOR = b"\x1f"


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

    Each value goes in as a presence byte, its length and its bytes, so that neighbours cannot blur;
    a null goes in as a byte of its own, where a number would be with zeros in its place.
    """
    names = sorted(set(table.column_names) - set(leave_out))
    columns: list[list[bytes]] = []
    for numbers, group in groupby(map(table.column, names), _is_number):
        some = list(group)
        columns += [_side_by_side(some)] if numbers else map(_encoded, some)
    header = SEPARATOR.join(name.encode() for name in names)
    return [
        xxhash.xxh3_128_digest(header + b"".join(row)) for row in zip(*columns, strict=True)
    ] or [xxhash.xxh3_128_digest(header)] * table.num_rows


def _encoded(column: pa.ChunkedArray) -> list[bytes]:
    kind = column.type
    if column.null_count == len(column):
        return [b"\x00"] * len(column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        values = column.cast(pa.large_binary()).to_pylist()
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        values = column.to_pylist()
    else:
        values = [None if v is None else orjson.dumps(v, option=orjson.OPT_SORT_KEYS)
                  for v in column.to_pylist()]  # fmt: skip
    return [b"\x00" if v is None else b"\x01" + len(v).to_bytes(8, "little") + v for v in values]


def _is_number(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))


def _side_by_side(columns: list[pa.ChunkedArray]) -> list[bytes]:
    """Return neighbouring columns of numbers, encoded and joined row by row."""
    parts = []
    for column in columns:
        numbers = _numbers(column)
        width = numbers.dtype.itemsize
        head = np.empty((len(numbers), 9), np.uint8)
        head[:, 0] = pc.is_valid(column).to_numpy(zero_copy_only=False)
        head[:, 1:] = np.frombuffer(width.to_bytes(8, "little"), np.uint8)
        parts += [head, numbers.view(np.uint8).reshape(len(numbers), width)]
    rows = np.concatenate(parts, axis=1)
    raw, width = rows.tobytes(), rows.shape[1]
    return [raw[i * width : (i + 1) * width] for i in range(len(rows))]


def _numbers(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """Little-endian numbers, 0 for null; one bit pattern for every NaN and for both zeros."""
    floating = pa.types.is_floating(column.type)
    filled = pc.fill_null(column, 0.0 if floating else 0).to_numpy(zero_copy_only=False)
    if floating:
        filled = np.where(np.isnan(filled), np.nan, filled + 0.0)
    return np.ascontiguousarray(filled.astype(filled.dtype.newbyteorder("<")))


def add_digests(digests: Iterable[bytes]) -> str:
    """Hex sum of row digests modulo 2^128: the same for any order or sharding of the rows."""
    return f"{sum(int.from_bytes(d, 'big') for d in digests) % MODULUS:032x}"


def add_hex(digests: Iterable[str]) -> str:
    """:func:`add_digests` for digests that are already hex, such as those of shards."""
    return f"{sum(int(d, 16) for d in digests) % MODULUS:032x}"


def table_digest(table: pa.Table, *, leave_out: Sequence[str] = ()) -> str:
    """Digest of a table's rows as a multiset."""
    return add_digests(row_digests(table, leave_out=leave_out))
