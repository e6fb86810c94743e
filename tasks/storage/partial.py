"""Files on their way: what has come of a download, to be gone on with by this run or the next.

Each lies in ``scratch`` under digests of its address and of its version, with one writer at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.hashing import digest
from tasks.storage import local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.manifest import InputFile

SUFFIX = ".part"
PRIVATE = 0o600


@dataclass
class Partial:
    """The bytes that have come; without a ``path`` they vanish with the process."""

    raw: io.FileIO
    path: Path | None = None

    @property
    def size(self) -> int:
        """How many bytes have come."""
        return os.fstat(self.raw.fileno()).st_size

    def begin_anew(self) -> None:
        """Throw away what has come."""
        self.raw.seek(0)
        self.raw.truncate()

    def write(self, data: bytes) -> None:
        """Add bytes at the end. Unbuffered: a full disk shows here, and not when it is closed."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.raw.write(rest) :]

    def forget(self) -> None:
        """Give up the name, so that no later run goes on with it; it can still be read here."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
            self.path = None


@contextlib.contextmanager
def opened(file: InputFile, scratch: str, *, lasting: bool) -> Iterator[Partial]:
    """What an earlier run left of a file, or nothing yet; other versions of it are removed.

    Nameless when it is not ``lasting``, and where another worker has the same file in hand.
    """
    local.make_folder(scratch)
    body = _named(file, Path(scratch)) if lasting else None
    if body is None:
        body = Partial(tempfile.TemporaryFile(dir=scratch, buffering=0))  # noqa: SIM115
    with body.raw:
        yield body


def clear(scratch: str) -> None:
    """Remove all that is left of downloads, but for what another worker has in hand."""
    for path in Path(scratch).glob(f"*-*{SUFFIX}"):
        _discard(path)


def _named(file: InputFile, scratch: Path) -> Partial | None:
    address = digest(file.url)
    path = scratch / f"{address}-{digest(file.size, file.version)}{SUFFIX}"
    for other in scratch.glob(f"{address}-*{SUFFIX}"):
        if other != path:
            _discard(other)
    raw = _held(path)
    return None if raw is None else Partial(raw, path)


def _held(path: Path) -> io.FileIO | None:
    """Open a file at its end, alone; None where another has it. The system lets go of it."""
    raw = io.FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE), "r+")
    try:
        fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The other may have finished and removed it between opening and locking.
        still_there = os.path.samestat(os.fstat(raw.fileno()), path.stat())
    except OSError:
        still_there = False
    if not still_there:
        raw.close()
        return None
    raw.seek(0, os.SEEK_END)
    return raw


def _discard(path: Path) -> None:
    raw = _held(path)
    if raw is not None:
        with raw:
            path.unlink(missing_ok=True)
