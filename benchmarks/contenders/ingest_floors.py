"""What no reader of ``.jsonl.gz`` that writes Parquet can do without, one by one.

The last argument names it: ``gunzip`` (ISA-L), ``parse`` (orjson, line by line) or ``write`` (the
finished tables, as openmoat writes them).
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from isal import igzip

from benchmarks.measuring import contend
from schemas.config import IngestConfig, Source
from schemas.tables import DOCUMENTS
from tasks import inputs, reading, storage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

STEP = 1 << 17
IGZIP: Any = igzip  # its functions have no types


def gunzip(given: Path, _: Path) -> Callable[[], int]:
    """Unpack the file; lines are counted, so that nothing is left out."""

    def work() -> int:
        with IGZIP.open(given, "rb") as plain:
            return sum(piece.count(b"\n") for piece in iter(partial(plain.read, STEP), b""))

    return work


def parse(given: Path, _: Path) -> Callable[[], int]:
    """Make Python's objects of lines that are there already."""
    with IGZIP.open(given, "rb") as plain:
        lines = plain.readlines()
    return lambda: sum(1 for line in lines if orjson.loads(line))


def write(given: Path, folder: Path) -> Callable[[], int]:
    """Write tables that are there already."""
    source = Source(name="bench", url=(str(given),))
    (unit,) = inputs.list_units(IngestConfig(sources=(source,))).units
    tables = [t for t, _ in reading.UnitReader(unit, source, scratch=str(folder)).batches()]
    return partial(_written, tables, folder)


def _written(tables: list[pa.Table], folder: Path) -> int:
    with storage.writing(str(folder / "documents.parquet"), DOCUMENTS) as file:
        for table in tables:
            file.write(table)
    return sum(table.num_rows for table in tables)


if __name__ == "__main__":
    contend({"gunzip": gunzip, "parse": parse, "write": write}[sys.argv[4]])
