"""The compiled kernel: imported when it is first called for, its machine code kept in a folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

_importing = threading.Lock()


def load() -> ModuleType:
    """Return :mod:`tasks.signals.rules.kernel`; the first call in a process imports Numba.

    The machine code lies in ``$NUMBA_CACHE_DIR`` or else in the user's cache folder.
    """
    with _importing:
        return _import()


@cache
def _import() -> ModuleType:
    config: Any = import_module("numba").config  # what it holds is set as it is imported
    before = config.CACHE_DIR
    # Read when a function is decorated, so that nobody else's kernels move.
    config.CACHE_DIR = str(folder())
    try:
        return import_module("tasks.signals.rules.kernel")
    finally:
        config.CACHE_DIR = before


def folder() -> Path:
    """Return the folder for this version of the kernel, or a new temporary one if it is read-only.

    Numba looks at the time and size of the kernel's own file only; here the sources of all that it
    is made of are in the name, and the version of Numba, and whether bounds are checked.
    """
    sources = sorted(Path(__file__).parent.glob("*.py"))
    sources += sorted(Path(__file__).parents[2].glob("characters/*.py"))
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
