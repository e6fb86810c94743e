"""Bare pyarrow over the shards of a mixture: batches of the columns that trainers take."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from benchmarks.measuring import contend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COLUMNS = ["input_ids", "attention_mask", "labels"]


def prepare(given: Path, _: Path) -> Callable[[], int]:
    """Nothing but the names of the files."""
    return partial(_batches, sorted((given / "mixture" / "train").glob("*.parquet")))


def _batches(files: list[Path]) -> int:
    rows = 0
    for file in files:
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches(batch_size=1024, columns=COLUMNS):
                ids = batch.column(0).flatten().to_numpy()
                rows += len(ids.reshape(batch.num_rows, -1))
    return rows


if __name__ == "__main__":
    contend(prepare)
