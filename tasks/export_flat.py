"""Writers of exports that are one run of ids a split: for Megatron-LM and OLMo-core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from schemas import columns as c
from schemas.exported import SplitSaid
from schemas.manifest import Shard
from schemas.mixture import LEARNED
from tasks import storage
from tasks.hashing import add_hex, table_digest
from tasks.mixture import flat

if TYPE_CHECKING:
    from tasks.reader import Reader
    from tasks.reader_files import Files

IDS, MASK, ROWS = "input_ids.npy", "label_mask.npy", "rows.parquet"
COLUMNS: Final = (*LEARNED, c.POSITION, c.ORIGIN)
ROW_TABLE: Final = pa.schema(
    [
        pa.field(c.POSITION, pa.int64(), nullable=False),
        pa.field(c.ORIGIN, pa.string(), nullable=False),
        pa.field(c.START, pa.int64(), nullable=False),
        pa.field(c.TOKENS, pa.int64(), nullable=False),
    ]
)
"""Of each row: where its tokens begin in the file of ids, and how many they are."""


def megatron(reader: Reader, out: str, *, size: int) -> SplitSaid:
    """Write ``SPLIT.bin`` and ``SPLIT.idx``: a row is a document, without its padding."""
    kind, lengths = flat.megatron_type(size), [np.zeros(0, np.int64)]
    stem, learned = storage.join(out, reader.split), 0
    with storage.appending(f"{stem}.bin") as ids:
        for table in reader.batches():
            found = flat.flat(table)
            ids.write(found.ids.astype(kind).tobytes())
            lengths.append(found.lengths)
            learned += int(found.learned.sum())
    all_lengths = np.concatenate(lengths)
    storage.write_bytes(f"{stem}.idx", flat.megatron_index(all_lengths, kind))
    return SplitSaid(rows=len(all_lengths), tokens=int(all_lengths.sum()), learned=learned)


def olmo(reader: Reader, out: str, *, size: int) -> SplitSaid:
    """Write ``SPLIT/input_ids.npy`` and ``SPLIT/label_mask.npy``: values alone, with no header.

    Beside them ``SPLIT/rows.parquet`` (:data:`ROW_TABLE`), since rows are no longer told apart.
    """
    below, kind = storage.join(out, reader.split), flat.olmo_type(size)
    rows = tokens = learned = 0
    digests: list[str] = []
    with (
        storage.appending(storage.join(below, IDS)) as ids,
        storage.appending(storage.join(below, MASK)) as mask,
        storage.writing(storage.join(below, ROWS), ROW_TABLE) as table_of_rows,
    ):
        for table in reader.batches():
            found = flat.flat(table)
            ids.write(found.ids.astype(kind).tobytes())
            mask.write(found.learned.tobytes())
            own = _rows(table, found.lengths, tokens)
            table_of_rows.write(own)
            digests.append(table_digest(own))
            rows, tokens = rows + table.num_rows, tokens + len(found.ids)
            learned += int(found.learned.sum())
        said = Shard(file=ROWS, rows=rows, digest=add_hex(digests))
        table_of_rows.finish(said)
    return SplitSaid(rows=rows, tokens=tokens, learned=learned)


def _rows(table: pa.Table, lengths: flat.Numbers, before: int) -> pa.Table:
    starts = before + np.cumsum(lengths) - lengths
    values = [table.column(c.POSITION), table.column(c.ORIGIN), pa.array(starts), pa.array(lengths)]
    return pa.table(values, schema=ROW_TABLE)


def masked_rows(files: Files, group: int) -> int:
    """Rows of a row group that hold a token which is not learned."""
    found = flat.flat(files.read(group, LEARNED))
    whole = np.concatenate([[0], np.cumsum(found.learned)])
    ends = np.cumsum(found.lengths)
    return int((whole[ends] - whole[ends - found.lengths] < found.lengths).sum())
