"""Compiled kernels: imported when first called for, their machine code kept in a folder.

A kernel is a module of functions compiled by Numba, which walk over the UTF-8 of a column of texts
without the interpreter's lock. Commands that measure nothing import neither Numba nor a kernel.
"""

from __future__ import annotations

import gc
import hashlib
import os
import tempfile
import threading
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

Array = TypeVar("Array", bound=np.ndarray[Any, Any])

_importing = threading.Lock()


def load(kernel: str) -> ModuleType:
    """Import a module of compiled functions; the first call in a process imports Numba.

    The machine code lies in ``$NUMBA_CACHE_DIR`` or else in the user's cache folder.
    """
    with _importing:
        return _import(kernel)


@cache
def _import(kernel: str) -> ModuleType:
    config: Any = import_module("numba").config  # what it holds is set as it is imported
    before = config.CACHE_DIR
    # Read when a function is decorated, so that nobody else's kernels move.
    config.CACHE_DIR = str(folder())
    try:
        return import_module(kernel)
    finally:
        config.CACHE_DIR = before
        # What came with Numba stays: the collector need not look at all of it again each time.
        gc.freeze()


def folder() -> Path:
    """Return the folder for this version of the kernels, a new temporary one if it is read-only.

    Numba looks at the time and size of a kernel's own file only; here the sources of all that they
    are made of are in the name, and the version of Numba, and whether bounds are checked.
    """
    here = Path(__file__).parent
    sources = [Path(__file__)]
    stages = ("dedup/*.py", "ingest/normalise/*.py", "replay/**/*.py", "signals/**/*.py")
    folders = (
        "characters/*.py",
        "classifier/*.py",
        "evals/*.py",
        "ngram_lm/*.py",
        "ngrams/*.py",
        "pieces/*.py",
        "shingles/*.py",
        *stages,
    )
    sources += sorted(source for folder in folders for source in here.glob(folder))
    seed = [version("numba"), os.environ.get("NUMBA_BOUNDSCHECK", "")]
    digest = hashlib.sha256("\0".join(seed).encode())
    for source in sources:
        digest.update(source.read_bytes())
    wanted = _base() / f"kernels-{digest.hexdigest()[:16]}"
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=wanted).close()
    except OSError:
        return Path(tempfile.mkdtemp(prefix="openmoat-kernels-"))
    return wanted


def _base() -> Path:
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen)
    # Not Path.home(), which raises where a user has none.
    home = os.path.expanduser("~/.cache")  # noqa: PTH111
    return Path(os.environ.get("XDG_CACHE_HOME") or home) / "openmoat"


def chunks(column: pa.Array | pa.ChunkedArray) -> list[pa.LargeStringArray]:
    """Return the arrays that a column of texts is made of."""
    parts = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return [part.cast(pa.large_string()) for part in parts]


def buffers(texts: pa.LargeStringArray) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the bytes of texts, and where each begins and the last one ends; no copy.

    Both are read-only, wherever the memory is from: a kernel is compiled for each kind of array.
    """
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None or not data.size:
        limits, body = np.zeros(len(texts) + 1, np.int64), np.zeros(1, np.uint8)
    else:
        limits = np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset)
        body = np.frombuffer(data, np.uint8)
    return read_only(body), read_only(limits)


def read_only(array: Array) -> Array:
    """Return a view that a kernel cannot write to."""
    view = array.view()
    view.flags.writeable = False
    return view
