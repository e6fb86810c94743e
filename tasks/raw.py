"""Some rows of documents, as they were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tasks import ledger, storage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from schemas.manifest import Shard

    Ints = NDArray[np.int64]


def rows(
    out: str, shard: str, wanted: Sequence[int], *, columns: Sequence[str] | None = None
) -> Iterator[tuple[list[int], pa.Table]]:
    """Read some rows of a documents shard, in their order, as (row numbers, table) a batch.

    The file is read up to the last of them, and not at all for none.
    """
    ordered = np.sort(np.asarray(wanted, dtype=np.int64))
    if not len(ordered):
        return
    start = 0
    at = storage.join(ledger.folder(out, "ingest"), shard)
    for batch in storage.read_batches(at, columns):
        inside = ordered[(ordered >= start) & (ordered < start + batch.num_rows)]
        if len(inside):
            every = len(inside) == batch.num_rows
            yield inside.tolist(), batch if every else batch.take(pa.array(inside - start))
        start += batch.num_rows
        if start > ordered[-1]:
            return


def of_run(
    out: str, shards: Iterable[Shard], wanted: Ints, *, columns: Sequence[str]
) -> Iterator[tuple[Shard, Ints, pa.Table]]:
    """Read some rows of a run, which count through all shards, in order: (shard, rows, table).

    Of each shard as :func:`rows` reads it.
    """
    start = 0
    for shard in shards:
        own = wanted[(wanted >= start) & (wanted < start + shard.rows)] - start
        for numbers, table in rows(out, shard.file, own.tolist(), columns=columns):
            yield shard, np.asarray(numbers, dtype=np.int64) + start, table
        start += shard.rows
