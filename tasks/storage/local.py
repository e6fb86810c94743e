"""Local files: whole under their final name or not there at all."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import re
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import orjson
import xxhash

from schemas.errors import ManifestError, OpenmoatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

Model = TypeVar("Model", bound="BaseModel")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_UNWRITABLE = (
    *_FULL,
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO),
    *(errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ELOOP),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ENOTEMPTY),
)
PIECE = 1 << 24
_TEMPORARY = re.compile(r"^\.(?P<name>.+)\.(?P<pid>\d+)-[0-9a-f]{8}\.tmp$")


def join(folder: str, *names: str) -> str:
    """Join names to a folder."""
    return os.path.join(folder, *names)  # noqa: PTH118  (locations are strings, not paths)


def beside(location: str, name: str) -> str:
    """Location of ``name`` as seen from the folder that holds ``location``."""
    return os.path.normpath(Path(location).parent / Path(os.path.expanduser(name)))  # noqa: PTH111


def name_of(location: str) -> str:
    """Last part of a location."""
    return Path(location).name


def exists(location: str) -> bool:
    """Whether a local file or folder is there and can be seen."""
    return os.path.exists(location)  # noqa: PTH110  (never raises, unlike Path)


def is_file(location: str) -> bool:
    """Whether a local file is there and can be seen."""
    return os.path.isfile(location)  # noqa: PTH113  (as above)


def stamp(location: str) -> tuple[int, ...] | None:
    """Return what tells that a local file was written anew; None where it is not there."""
    try:
        found = os.stat(location)  # noqa: PTH116  (locations are strings, not paths)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def read_bytes(location: str) -> bytes:
    """Return the content of a local file."""
    return Path(location).read_bytes()


def write_bytes(location: str, data: bytes) -> None:
    """Write a whole file, atomically."""
    with replacing(location) as temporary:
        Path(temporary).write_bytes(data)


@contextlib.contextmanager
def replacing(location: str) -> Iterator[str]:
    """Give a temporary name in the same folder; rename it to ``location`` when the block succeeds.

    A full disk or a folder without permission becomes an :class:`OpenmoatError`; nothing half
    written is left behind.
    """
    target = Path(location)
    temporary = _temporary(target)
    with writable(location):
        make_folder(str(target.parent))
        try:
            yield str(temporary)
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(location: str) -> Iterator[str]:
    """Give a temporary folder beside ``location``; it gets this name when the block succeeds.

    What processes that were killed in such a block have left there is removed first.
    """
    target = Path(location).absolute()
    for path in target.parent.glob(f".{glob.escape(target.name)}.*.tmp"):
        if _abandoned(path) == target.name:
            remove(str(path))
    temporary = _temporary(target)
    with writable(location):
        make_folder(str(temporary))
        try:
            yield str(temporary)
            temporary.rename(target)
        finally:
            remove(str(temporary))


@contextlib.contextmanager
def appending(location: str) -> Iterator[BinaryIO]:
    """Open a new file to which bytes are added; for files of a folder that is not there yet."""
    with writable(location):
        make_folder(str(Path(location).parent))
        with Path(location).open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())


@contextlib.contextmanager
def writable(location: str) -> Iterator[None]:
    """Turn what the system says of a place that cannot be written to into one error."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        full = error.errno in _FULL
        raise OpenmoatError(
            location,
            got="a full disk" if full else f"{error.strerror or error}",
            wanted="a place to write to",
            way_out="Free some space and run the same command again: finished shards are kept."
            if full
            else "Choose another --out, or mend its permissions, and run the same command again.",
        ) from error


def make_folder(location: str) -> None:
    """Make a folder and what is missing above it."""
    Path(location).mkdir(parents=True, exist_ok=True)


def remove(location: str) -> None:
    """Remove a local file, or a folder and all below it; what is not there is no error."""
    path = Path(location)
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sweep_temporaries(folder: str) -> int:
    """Remove what killed processes of this machine left half written; return how many there were.

    Files, and whole folders (:func:`replacing_folder`).
    """
    swept = [path for path in Path(folder).rglob(".*.tmp") if _abandoned(path)]
    for path in swept:
        remove(str(path))
    return len(swept)


def _temporary(target: Path) -> Path:
    """A name beside the target that tells whose it is."""
    return target.parent / f".{target.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp"


def _abandoned(path: Path) -> str:
    """What a killed process would have called it; nothing where it lives, or it is no such name."""
    found = _TEMPORARY.match(path.name)
    return found["name"] if found and not _alive(int(found["pid"])) else ""


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def list_names(folder: str) -> list[str]:
    """Names of the visible files in a local folder, sorted; empty when it is not there."""
    path = Path(folder)
    if not path.is_dir():
        return []
    return sorted(p.name for p in path.iterdir() if p.is_file() and not p.name.startswith("."))


def list_folders(folder: str) -> list[str]:
    """Names of the visible folders in a local folder, sorted; empty when it is not there."""
    path = Path(folder)
    if not path.is_dir():
        return []
    return sorted(p.name for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))


def free_bytes(location: str) -> int:
    """Bytes free on the disk that holds ``location`` or its nearest existing parent."""
    path = Path(location).absolute()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def first_line(error: BaseException) -> str:
    """What an error says, as far as one line goes."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def write_model(location: str, model: BaseModel) -> None:
    """Write a model as indented JSON, atomically."""
    body = orjson.dumps(model.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
    write_bytes(location, body + b"\n")


def read_model(location: str, kind: type[Model]) -> Model:
    """Read a JSON file as ``kind``; raises :class:`ManifestError` when it is missing or broken."""
    try:
        return kind.model_validate_json(read_bytes(location))
    except (OSError, ValueError) as error:
        raise ManifestError(
            location,
            got=first_line(error),
            wanted=f"a {kind.__name__} written by this version of openmoat",
            way_out="Run the recipe again with the same --out to make it anew.",
        ) from error


def file_digest(location: str) -> str:
    """Hex xxh3_128 of a local file's bytes, read a piece at a time."""
    found = xxhash.xxh3_128()
    with Path(location).open("rb") as stream:
        while piece := stream.read(PIECE):
            found.update(piece)
    return found.hexdigest()
