"""One writer for a folder at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import ConfigError
from tasks.storage import local

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = ".lock"


@contextlib.contextmanager
def claimed(folder: str) -> Iterator[None]:
    """Hold a folder while the block runs; the system lets go of it when the process ends.

    Raises :class:`ConfigError` when another run holds it.
    """
    with local.writable(folder):
        local.make_folder(folder)
        lock = (Path(folder) / LOCK).open("a+")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise ConfigError(
                folder,
                got=f"a folder that another run is writing to (process {lock.read().strip()})",
                wanted="one run a folder at a time",
                way_out="Wait for it, or choose another --out.",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
