"""One writer for a folder at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import ConfigError
from tasks.storage import local

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = ".lock"
OF_A_RUN = {LOCK, "run.json"}
OF_THE_SYSTEM = {"lost+found", ".DS_Store"}
"""What a disk or a file manager puts into folders."""


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


def check_file(location: str, *, option: str) -> None:
    """Raise :class:`ConfigError` when a file could not be written; what is there may be replaced.

    For commands that work for minutes before they write.
    """
    if Path(location).is_dir():
        raise ConfigError(
            f"{option} {location}",
            got="a folder",
            wanted="a file's name",
            way_out=f"Name a file in it with {option}.",
        )
    check_writable(str(Path(location).parent), option=option)


def check_writable(folder: str, *, option: str = "--out") -> None:
    """Raise :class:`ConfigError` when a run could not write to a folder; leave nothing behind.

    What is missing is made and taken away again, because only trying tells of every disk.
    """
    made: list[Path] = []
    try:
        folder.encode()
        for path in [*reversed(Path(folder).absolute().parents), Path(folder).absolute()]:
            if not path.exists():
                path.mkdir()
                made.append(path)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, UnicodeEncodeError) as error:
        raise ConfigError(
            f"{option} {ascii(folder) if isinstance(error, UnicodeEncodeError) else folder}",
            got=getattr(error, "strerror", None) or "a name that is not UTF-8",
            wanted="a folder that can be written to",
            way_out=f"Choose another {option}, or mend its permissions.",
        ) from error
    finally:
        for path in reversed(made):
            with contextlib.suppress(OSError):  # another run has begun to use it
                path.rmdir()


def check_own(folder: str, owner: str, *, others: tuple[str, ...] = ()) -> None:
    """Raise :class:`ConfigError` for a folder that cannot be written to, or is somebody else's.

    ``owner`` in words, such as "a training run"; ``others``: files by which folders of other kinds
    of runs are told.
    """
    check_writable(folder)
    found = [name for name in others if (Path(folder) / name).exists()]
    other = found[0] if found else holds_other_files(folder)
    if other is not None:
        raise ConfigError(
            f"--out {folder}",
            got=f"a folder that holds {other}, which is not of {owner}",
            wanted=f"a new folder, an empty one, or that of {owner}",
            way_out="Choose another --out.",
        )


def holds_other_files(folder: str) -> str | None:
    """Name of something in a folder that is not a run's; None for an empty, new or run folder."""
    try:
        names = {path.name for path in Path(folder).iterdir()} - OF_THE_SYSTEM
    except FileNotFoundError:
        return None
    return None if not names or names & OF_A_RUN else min(names)
