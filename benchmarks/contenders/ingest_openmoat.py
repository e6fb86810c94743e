"""openmoat: a file to ``documents/`` and ``rejects/`` by the functions that a run calls."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from benchmarks.measuring import contend
from schemas.config import IngestConfig, Source
from schemas.tables import DOCUMENTS, REJECTS
from tasks import inputs, reading, storage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def prepare(given: Path, folder: Path) -> Callable[[], int]:
    """Read ``given`` unit by unit, as the step of the flow does, but measure no signals."""
    return partial(_copy, Source(name="bench", url=(str(given),)), folder)


def _copy(source: Source, folder: Path) -> int:
    documents = 0
    for unit in inputs.list_units(IngestConfig(sources=(source,))).units:
        reader = reading.UnitReader(unit, source, scratch=str(folder / "scratch"))
        at = folder / "documents" / f"{unit.key}.parquet"
        with (
            storage.writing(str(at), DOCUMENTS) as documents_file,
            storage.writing(str(folder / "rejects" / at.name), REJECTS) as rejects_file,
        ):
            for table, rejected in reader.batches():
                documents_file.write(table)
                if rejected.num_rows:
                    rejects_file.write(rejected)
        documents += pq.read_metadata(at).num_rows
    return documents


if __name__ == "__main__":
    contend(prepare)
