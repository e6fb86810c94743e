"""openmoat: the first pass over a file, to ``documents/``, ``rejects/`` and ``signals/``.

The functions that a run calls for a unit, in the same order, without Prefect and tokenizer. The
last argument says what language is read from: ``first-1000`` (bytes), ``whole`` (texts) or
``paragraphs`` (the first 1,000 bytes, and each paragraph for itself); or ``minhash``: the first
1,000 bytes, and MinHash, which the others leave out.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import contend
from schemas import columns as c
from schemas.config import IngestConfig, SignalsConfig, Source
from schemas.errors import OpenmoatError
from schemas.tables import DOCUMENTS, REJECTS, SIGNALS
from tasks import hashing, inputs, reading, storage
from tasks.signals import measure as signals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from schemas.manifest import Unit

MEASURED: dict[str, dict[str, Any]] = {
    "first-1000": {"lang_bytes": 1_000, "minhash": False},
    "whole": {"lang_bytes": 0, "minhash": False},
    "paragraphs": {"lang_bytes": 1_000, "lang_paragraphs": True, "minhash": False},
    "minhash": {"lang_bytes": 1_000},
}


def config_of(name: str) -> SignalsConfig:
    """What is measured."""
    wanted = MEASURED[name]
    if missing := set(wanted) - set(SignalsConfig.model_fields):
        raise OpenmoatError(
            f"first pass, {name}",
            got=f"no key {', '.join(missing)} in [signals]",
            wanted="a version of openmoat that has it",
            way_out=f"Leave it out: --jobs without pass1-{name}.",
        )
    return SignalsConfig(**wanted)


def prepare(given: Path, folder: Path, *, measured: str) -> Callable[[], int]:
    """Nothing is read yet: the file is unpacked, read, measured and written in the work itself."""
    return partial(copy, Source(name="bench", url=(str(given),)), folder, config_of(measured))


def copy(source: Source, folder: Path, config: SignalsConfig) -> int:
    """The pass over all units of a source; returns the number of documents."""
    units = inputs.list_units(IngestConfig(sources=(source,))).units
    return sum(unit_rows(unit, source, folder, config) for unit in units)


def unit_rows(unit: Unit, source: Source, folder: Path, config: SignalsConfig) -> int:
    """The pass over one unit, as the step of the flow makes it, with the digests it keeps."""
    reader = reading.UnitReader(unit, source, scratch=str(folder / "scratch"))
    at = {name: str(folder / name / f"{unit.key}.parquet") for name in ("documents", "signals")}
    rows, digests = 0, []
    with (
        storage.writing(at["documents"], DOCUMENTS) as documents_file,
        storage.writing(str(folder / "rejects" / f"{unit.key}.parquet"), REJECTS) as rejects_file,
        storage.writing(at["signals"], SIGNALS) as signals_file,
    ):
        for documents, rejected in reader.batches():
            measured = signals.measure(documents, config)
            documents_file.write(documents)
            signals_file.write(measured)
            rejects_file.write(rejected)
            rows += documents.num_rows
            digests.append(hashing.add_hex(measured.column(c.DOCUMENT_DIGEST).to_pylist()))
            digests.append(hashing.table_digest(measured))
    hashing.add_hex(digests)
    return rows


if __name__ == "__main__":
    try:
        contend(partial(prepare, measured=sys.argv[4]))
    except OpenmoatError as error:
        sys.exit(str(error))
