"""openmoat: one signal, or all of a kind, of texts that are in memory; the last argument names it.

``rules``, ``compression``, ``pii``, ``language`` (the kernel on whole texts), ``language-1000`` (on
their first 1,000 bytes) or ``language-signal`` (what the first pass adds to that: whether a text
has letters enough and is no code).
"""

from __future__ import annotations

import json
import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from benchmarks.measuring import contend
from schemas.config import SignalsConfig
from schemas.errors import OpenmoatError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIRST_BYTES = 1_000
PLACES = {
    "rules": ("tasks.signals.rules", "rules"),
    "compression": ("tasks.signals.compression", "compression_ratio"),
    "pii": ("tasks.signals.pii", "spans"),
}


def texts_of(file: Path) -> pa.ChunkedArray:
    """Texts of a file of JSON strings."""
    with file.open(encoding="utf-8") as lines:
        return pa.chunked_array([pa.array(map(json.loads, lines), pa.large_string())])


def measure_of(job: str) -> Callable[[pa.ChunkedArray], Any]:
    """Find what measures; it is a message, not a traceback, if there is no such signal yet."""
    if job.startswith("language"):
        return _language_of(job)
    module, name = PLACES[job]
    try:
        found: Callable[..., Any] = getattr(import_module(module), name)
    except (ModuleNotFoundError, AttributeError) as error:
        raise OpenmoatError(
            f"{module}.{name}",
            got=str(error),
            wanted="the signal that is to be timed",
            way_out=f"Leave it out: --jobs without {job}.",
        ) from error
    if job == "rules":
        return lambda texts: found(texts, pl.Series(["en"]).new_from_index(0, len(texts)))
    return found


def _language_of(job: str) -> Callable[[pa.ChunkedArray], Any]:
    from tasks.signals import language, lid

    config = SignalsConfig(lang_bytes=FIRST_BYTES)
    if job == "language-signal":
        return lambda texts: language.language(texts, config)
    model = lid.read_model(language.model_path(None).read_bytes(), language.MODEL_NAME)
    size = FIRST_BYTES if job.endswith(str(FIRST_BYTES)) else None
    return lambda texts: lid.languages(texts, model, first_bytes=size)


def prepare(given: Path, _: Path, *, job: str) -> Callable[[], int]:
    """Read the texts; what is left is to measure them."""
    return partial(_measured, texts_of(given), measure_of(job))


def _measured(texts: pa.ChunkedArray, measure: Callable[[pa.ChunkedArray], Any]) -> int:
    found = measure(texts)
    return len(found[0] if isinstance(found, tuple) else found)


if __name__ == "__main__":
    try:
        contend(partial(prepare, job=sys.argv[4]))
    except OpenmoatError as error_:
        sys.exit(str(error_))
