"""Some rows of a documents shard, as they were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tasks import ledger, storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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
            yield inside.tolist(), batch.take(pa.array(inside - start))
        start += batch.num_rows
        if start > ordered[-1]:
            return
