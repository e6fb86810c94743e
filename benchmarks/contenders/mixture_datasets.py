"""`datasets` that interleaves replay and new rows while it streams them.

The last argument: ``python`` for rows as it gives them, ``numpy`` for rows of arrays.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import contend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHARES = (0.75, 0.25)


def prepare(given: Path, _: Path, *, by: str) -> Callable[[], int]:
    """Nothing: opening the files is part of the work."""
    return partial(_rows, given, by)


def _rows(given: Path, by: str) -> int:
    from datasets import interleave_datasets

    both = interleave_datasets(
        [_stream(given, "new"), _stream(given, "replay")],
        probabilities=SHARES,
        seed=0,
        stopping_strategy="all_exhausted_without_replacement",
    )
    if by == "numpy":
        both = both.with_format("numpy")
    return sum(1 for row in both if len(row["input_ids"]))


def _stream(given: Path, side: str) -> Any:  # noqa: ANN401  (datasets ships no types)
    from datasets import load_dataset

    files = str(given / "parts" / side / "*.parquet")
    return load_dataset("parquet", data_files=files, split="train", streaming=True)


if __name__ == "__main__":
    contend(partial(prepare, by=sys.argv[4]))
