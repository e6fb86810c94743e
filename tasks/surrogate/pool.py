"""The pool of a replay shard: passages of kept documents, measured once and laid by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas import columns as c
from schemas.manifest import Shard
from tasks import budget, storage, written
from tasks.hashing import table_digest
from tasks.replay import packed, passages
from tasks.replay.packed import Packed
from tasks.select import TRAIN, VALID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from schemas.masking import MaskingConfig
    from schemas.replay import ReplayConfig, Unit
    from tasks.replay.sides import Ints

VERSION: Final = "pool-1"
SPLITS: Final = (TRAIN, VALID)
FIRST, SECOND, COUNTS, NUMBER = "first", "second", "counts", "number"
BYTES_A_PASSAGE: Final = 3_400
"""Of English text; ends are sought in the last quarter of 4,000 characters."""
MEMORY: Final = {"passages": 2_000, "documents": 6_000}
"""Bytes of memory that each of a pool takes, about: `make bench-replay` shows those of passages."""
MEASURED: Final = pa.schema(
    [
        pa.field(c.ROW, pa.int64(), nullable=False),
        pa.field(c.START, pa.int64()),
        pa.field(c.END, pa.int64()),
        pa.field(c.N_BYTES, pa.int64(), nullable=False),
        pa.field(FIRST, pa.uint64(), nullable=False),
        pa.field(SECOND, pa.uint64(), nullable=False),
        pa.field(COUNTS, pa.large_binary(), nullable=False),
    ]
)
"""Passages (or whole documents) of a documents shard: place, size, key, packed n-grams."""


class Pool(NamedTuple):
    """Passages of one split, whatever their order.

    - ``places``: ``doc_id, source, split, shard, row, start, end, n_bytes``, a row a passage.
    - ``counts``, ``keys``, ``documents``: as :class:`tasks.replay.sides.Side` has them.
    """

    places: pl.DataFrame
    counts: Packed
    keys: NDArray[np.uint64]
    documents: Ints


def documents(frame: pl.DataFrame, config: ReplayConfig) -> pl.DataFrame:
    """Return the documents that the pool has: all kept ones given, or so many by seeded hash."""
    own = frame.sort(budget.PRIORITY, c.DOC_ID)
    each = pl.lit(1)
    if config.drawn_by == "passages":
        each = (pl.col(c.N_BYTES) / BYTES_A_PASSAGE).ceil().clip(1).cast(pl.Int64)
    return own.filter(each.cum_sum() - each < config.pool_passages)


def of_trained(frame: pl.DataFrame) -> pl.DataFrame:
    """Leave out held-out documents of sources of which there is nothing to train on."""
    trained = frame.filter(pl.col(c.SPLIT) == TRAIN)[c.SOURCE].unique()
    return frame.filter(pl.col(c.SOURCE).is_in(trained.implode()))


def measure(
    out: str, shard: str, some: pl.DataFrame, *, unit: Unit, masking: MaskingConfig | None
) -> pa.Table:
    """Measure the documents ``some`` (``row, doc_id``) of a shard; return a table (`MEASURED`)."""
    parts, whole = [MEASURED.empty_table()], unit == "documents"
    columns = [c.DOC_ID, c.TEXT]
    for own, read, _ in written.rows(out, shard, some, columns=columns, masking=masking):
        texts = read.column(c.TEXT)
        cut = passages.whole(texts) if whole else passages.cut(texts)
        parts.append(table(cut, packed.of(cut.texts), own, whole=whole))
    return pa.concat_tables(parts).combine_chunks()


def table(
    cut: passages.Passages, counts: Packed, documents: pl.DataFrame, *, whole: bool
) -> pa.Table:
    """Return passages of some documents (``row, doc_id``) as they are laid by."""
    keys = passages.keys(documents[c.DOC_ID].to_list(), cut)
    limits = [pa.nulls(cut.size, pa.int64())] * 2 if whole else [cut.starts, cut.ends]
    columns = [
        documents[c.ROW].to_numpy()[cut.documents],
        *limits,
        pc.binary_length(cut.texts),
        *keys.T,
        _binary(counts),
    ]
    return pa.table(columns, names=MEASURED.names).cast(MEASURED)


def _binary(counts: Packed) -> pa.LargeBinaryArray:
    buffers = [None, pa.py_buffer(counts.firsts), pa.py_buffer(counts.body)]
    return pa.Array.from_buffers(pa.large_binary(), counts.size, buffers)


def write(at: str, measured: pa.Table) -> Shard:
    """Lay a shard's measurements by."""
    entry = Shard(
        file=storage.name_of(at),
        rows=measured.num_rows,
        digest=table_digest(measured.select([c.ROW, FIRST, SECOND])),
        n_bytes=int(pc.sum(pc.binary_length(measured.column(COUNTS))).as_py() or 0),
    )
    storage.write_table(at, measured, MEASURED, shard=entry)
    return entry


def load(files: Sequence[tuple[str, str]], frame: pl.DataFrame) -> Pool:
    """Read what was laid by: ``files`` are shards and where they lie, ``frame`` the documents.

    Fills arrays that are as large as what is read: joining parts would take twice the memory.
    """
    entries = [storage.read_shard(at) for _, at in files]
    rows = sum(e.rows for e in entries if e is not None)
    body = np.empty(sum(e.n_bytes for e in entries if e is not None), np.uint8)
    firsts, keys = np.zeros(rows + 1, np.int64), np.empty((rows, 2), np.uint64)
    numbered, places, at, filled = frame.with_row_index(NUMBER), [], 0, 0
    for shard, file in files:
        read = storage.read_table(file)
        here = slice(at, at + read.num_rows)
        for chunk in read.column(COUNTS).chunks:
            sizes, own = _unpacked(chunk)
            firsts[at + 1 : at + 1 + len(sizes)] = filled + np.cumsum(sizes)
            body[filled : filled + len(own)] = own
            at, filled = at + len(sizes), filled + len(own)
        keys[here, 0], keys[here, 1] = read.column(FIRST), read.column(SECOND)
        places.append(_narrow(read, numbered.filter(pl.col(c.SHARD) == shard)))
    joined = pl.concat([*places, _narrow(MEASURED.empty_table(), numbered.clear())])
    documents = joined.drop_in_place(NUMBER).to_numpy().astype(np.int64)
    return Pool(joined, Packed(firsts, body), keys, documents)


def _narrow(measured: pa.Table, documents: pl.DataFrame) -> pl.DataFrame:
    narrow = pl.DataFrame(measured.select([c.ROW, c.START, c.END, c.N_BYTES]))
    told = documents.select(c.ROW, c.DOC_ID, c.SOURCE, c.RECIPE_SOURCE, c.SPLIT, c.SHARD, NUMBER)
    return narrow.join(told, on=c.ROW, how="left", maintain_order="left")


def _unpacked(chunk: pa.LargeBinaryArray) -> tuple[Any, Any]:
    """Return the length of each packed row of a chunk, and their bytes."""
    limits = np.frombuffer(chunk.buffers()[1], np.int64)[chunk.offset :][: len(chunk) + 1]
    data = chunk.buffers()[2]
    own = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return np.diff(limits), own[limits[0] : limits[-1]] if len(limits) else own[:0]
