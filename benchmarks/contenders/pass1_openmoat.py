"""openmoat: the first pass over a file, to ``documents/``, ``rejects/`` and ``signals/``.

The functions that a run calls for a unit, in the same order, without Prefect and tokenizer. The
last argument says what language is read from: ``first-1000`` (bytes), ``whole`` (texts) or
``paragraphs`` (the first 1,000 bytes, and each paragraph for itself); or ``minhash``: the first
1,000 bytes, and MinHash, which the others leave out; or ``models``: the first 1,000 bytes, and the
scores of the models that lie beside the file, a classifier and an n-gram model.
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
from tasks import hashing, inputs, models, reading, storage
from tasks.signals import measure as signals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from schemas.manifest import Unit

MEASURED: dict[str, dict[str, Any]] = {
    "first-1000": {"lang_bytes": 1_000, "minhash": False},
    "whole": {"lang_bytes": 0, "minhash": False},
    "paragraphs": {"lang_bytes": 1_000, "lang_paragraphs": True, "minhash": False},
    "minhash": {"lang_bytes": 1_000},
    "models": {"lang_bytes": 1_000, "minhash": False},
}
MODELS = {"classifiers": "classifier", "ngram_lms": "ngrams-3"}
"""Sections of a recipe, and the folders of what is named there."""


def config_of(name: str, given: Path | None = None) -> SignalsConfig:
    """What is measured; models are those beside ``given``."""
    wanted = dict(MEASURED[name])
    if name == "models" and given is not None:
        for section, folder in MODELS.items():
            wanted[section] = [{"name": "bench_" + section, "path": str(given.with_name(folder))}]
    if missing := set(wanted) - set(SignalsConfig.model_fields):
        raise OpenmoatError(
            f"first pass, {name}",
            got=f"no key {', '.join(missing)} in [signals]",
            wanted="a version of openmoat that has it",
            way_out=f"Leave it out: --jobs without pass1-{name}.",
        )
    return SignalsConfig.model_validate(wanted, strict=False)


def prepare(given: Path, folder: Path, *, measured: str) -> Callable[[], int]:
    """Nothing is read yet: the file is unpacked, read, measured and written in the work itself."""
    config = config_of(measured, given)
    return partial(copy, Source(name="bench", url=(str(given),)), folder, config)


def copy(source: Source, folder: Path, config: SignalsConfig) -> int:
    """The pass over all units of a source; returns the number of documents."""
    units = inputs.list_units(IngestConfig(sources=(source,))).units
    scorers = models.scorers(models.lay_by(config, 0, 0, str(folder)), str(folder))
    measure = partial(signals.measure, config=config, scorers=scorers)
    return sum(unit_rows(unit, source, folder, measure) for unit in units)


def unit_rows(
    unit: Unit, source: Source, folder: Path, measure: Callable[[pa.Table], pa.Table]
) -> int:
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
            measured = measure(documents)
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
