"""datatrove: its reader and the writer that the last argument names, with their defaults."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from datatrove.pipeline.readers import JsonlReader, ParquetReader
from datatrove.pipeline.writers import JsonlWriter, ParquetWriter

from benchmarks.measuring import contend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WRITERS = {"parquet": ParquetWriter, "jsonl": JsonlWriter}


def prepare(given: Path, folder: Path, *, writer: str) -> Callable[[], int]:
    """Read ``given`` in one task and write it to ``folder``."""
    kind = ParquetReader if given.suffix == ".parquet" else JsonlReader
    reader = kind(str(given.parent), glob_pattern=given.name)
    written = WRITERS[writer](str(folder))
    return lambda: sum(1 for _ in written.run(reader.run(None, 0, 1), 0, 1))


if __name__ == "__main__":
    contend(partial(prepare, writer=sys.argv[4]))
