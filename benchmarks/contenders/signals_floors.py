"""What a first pass that writes signals cannot do without: to write the finished table of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders.pass1_openmoat import config_of
from benchmarks.measuring import contend
from schemas.config import IngestConfig, Source
from schemas.tables import SIGNALS
from tasks import inputs, reading, storage
from tasks.signals.measure import measure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa


def prepare(given: Path, folder: Path) -> Callable[[], int]:
    """Read and measure; what is left is to write the signals."""
    source, config = Source(name="bench", url=(str(given),)), config_of("first-1000")
    (unit,) = inputs.list_units(IngestConfig(sources=(source,))).units
    read = reading.UnitReader(unit, source, scratch=str(folder)).batches()
    return partial(_written, [measure(documents, config) for documents, _ in read], folder)


def _written(tables: list[pa.Table], folder: Path) -> int:
    with storage.writing(str(folder / "signals.parquet"), SIGNALS) as file:
        for table in tables:
            file.write(table)
    return sum(table.num_rows for table in tables)


if __name__ == "__main__":
    contend(prepare)
