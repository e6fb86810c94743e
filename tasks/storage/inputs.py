"""Inputs: listed before they are read, hashed while they are."""

from __future__ import annotations

import contextlib
import glob
import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import xxhash

from schemas.errors import ConfigError, SourceError
from schemas.manifest import InputFile
from tasks.storage import download

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 1 << 20


def list_inputs(url: str, *, where: str) -> list[InputFile]:
    """Files behind a URL, sorted: one file, a glob, or everything below a folder.

    Hidden files and folders are passed over inside folders and globs. Raises :class:`ConfigError`
    naming ``where`` (the recipe key) when nothing is there.
    """
    if download.is_remote(url):
        return [download.identify(url)]
    path = Path(url)
    if path.is_file():
        return [_identify(path)]
    hits = _expand(f"{glob.escape(url)}/**/*" if path.is_dir() else url)
    if not hits:
        raise _nothing_at(url, where)
    return [_identify(p) for p in hits]


def check_place(url: str, *, where: str) -> None:
    """Raise what :func:`list_inputs` would of a local place without files, without listing it all."""
    pattern = f"{glob.escape(url)}/**/*" if Path(url).is_dir() else url
    if not Path(url).is_file() and next(glob.iglob(pattern, recursive=True), None) is None:  # noqa: PTH207
        raise _nothing_at(url, where)


def _nothing_at(url: str, where: str) -> ConfigError:
    return ConfigError(
        where,
        got=f"{url!r}, where there is no file",
        wanted="a file, a folder with files, a glob that matches, or an https:// address",
        way_out="Correct the path (a relative one is seen from the recipe's folder).",
    )


def _expand(pattern: str) -> list[Path]:
    found = map(Path, glob.glob(pattern, recursive=True))  # noqa: PTH207  (absolute patterns too)
    return sorted(p for p in found if p.is_file())


def _identify(path: Path) -> InputFile:
    stat = path.stat()
    return InputFile(url=str(path), size=stat.st_size, version=str(stat.st_mtime_ns))


class Digesting(io.RawIOBase):
    """A readable stream that hashes every byte it hands out."""

    def __init__(self, inner: BinaryIO) -> None:
        super().__init__()
        self._inner, self._hash = inner, xxhash.xxh3_128()
        self._final: str | None = None

    def readable(self) -> bool:
        """Say yes: the stream can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill ``buffer``; return the number of bytes, 0 at the end."""
        view = memoryview(cast("bytearray", buffer))
        data = self._inner.read(len(view))
        view[: len(data)] = data
        self._hash.update(data)
        return len(data)

    def close(self) -> None:
        """Stay open: readers wrapped around this one close it when they go, before ``finish``."""

    def finish(self) -> str:
        """Read what is left and return the hex xxh3_128 of all bytes."""
        if self._final is None:
            while self.read(CHUNK):
                pass
            self._final = self._hash.hexdigest()
        return self._final

    def rewound(self) -> BinaryIO:
        """Finish, then return the bytes again as a seekable stream, for formats read from their end."""
        self.finish()
        self._inner.seek(0)
        return self._inner


@contextlib.contextmanager
def open_input(file: InputFile, *, scratch: str) -> Iterator[Digesting]:
    """Open an input for reading from its start; a remote one is fetched whole into ``scratch`` first.

    Raises :class:`SourceError` when it cannot be reached, is shorter than the server said, or is no
    longer the file that was listed.
    """
    if download.is_remote(file.url):
        with download.fetch(file, scratch=scratch) as body:
            yield Digesting(body)
        return
    try:
        raw = Path(file.url).open("rb")
    except OSError as error:
        raise SourceError(
            file.url,
            got=error.strerror or str(error),
            wanted="the file that was listed a moment ago",
            way_out="Put it back or mend its permissions, and run the recipe again.",
        ) from error
    with raw:
        _check_unchanged(file)
        yield Digesting(raw)
        _check_unchanged(file)


def _check_unchanged(file: InputFile) -> None:
    now = _identify(Path(file.url))
    if now != file:
        raise SourceError(
            file.url,
            got=f"{now.size} bytes, changed since it was listed with {file.size} bytes",
            wanted="a file that stays as it is while it is read",
            way_out="Run the recipe again when nothing writes to it any more.",
        )
