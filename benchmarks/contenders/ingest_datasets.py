"""Hugging Face datasets: ``load_dataset(…).to_parquet(…)``, through its cache or streaming."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from datasets import load_dataset

from benchmarks.measuring import contend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def prepare(given: Path, folder: Path, *, how: str) -> Callable[[], int]:
    """Load ``given`` and write it as Parquet; the last argument is ``cached`` or ``streaming``."""
    return partial(_copy, given, folder, streaming=how == "streaming")


def _copy(given: Path, folder: Path, *, streaming: bool) -> int:
    folder.mkdir(parents=True)
    rows = load_dataset(
        "parquet" if given.suffix == ".parquet" else "json",
        data_files=str(given),
        split="train",
        streaming=streaming,
        cache_dir=str(folder.parent / f"cache-{folder.name}"),
    )
    rows.to_parquet(str(folder / "documents.parquet"))
    return int(pq.read_metadata(folder / "documents.parquet").num_rows)


if __name__ == "__main__":
    contend(partial(prepare, how=sys.argv[4]))
