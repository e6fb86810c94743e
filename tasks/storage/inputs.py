"""Inputs: listed before they are read, hashed while they are."""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import io
import itertools
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import xxhash

from schemas.errors import ConfigError, SourceError
from schemas.manifest import InputFile
from tasks.storage import download

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.manifest import Part

CHUNK = 1 << 20


def list_inputs(url: str, *, where: str) -> list[InputFile]:
    """Files behind a URL, sorted: one file, a glob, or everything below a folder.

    Hidden files and folders are passed over inside folders and globs; a folder that a glob matches
    is read with everything below it. Raises :class:`ConfigError` naming ``where`` (the recipe key)
    when nothing is there or something cannot be listed.
    """
    if download.is_remote(url):
        return [download.identify(url)]
    with _listing(url, where):
        paths = sorted(set(_paths(url)))
        found = [_identify(path) for path in paths if _is_regular(path)]
        "".join(paths).encode()
    if not found:
        raise _nothing_at(url, where)
    return found


def check_place(url: str, *, where: str) -> None:
    """Raise what :func:`list_inputs` would of a local place without files; do not list it all."""
    with _listing(url, where):
        if next(filter(_is_regular, _paths(url)), None) is None:
            raise _nothing_at(url, where)


def overlaps(url: str, folder: str) -> bool:
    """Whether a local place would be read from below ``folder``, or ``folder`` lies in it.

    A folder need not exist yet: what a glob will match then counts too.
    """
    out = os.path.realpath(folder)
    if os.path.exists(url):  # noqa: PTH110  (never raises, unlike Path)
        place = os.path.realpath(url)
        return _is_below(place, out) or _is_below(out, place)
    hits = glob.iglob(url, recursive=True)  # noqa: PTH207  (absolute patterns too)
    return _would_match(url, out) or any(_is_below(os.path.realpath(hit), out) for hit in hits)


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _would_match(pattern: str, out: str) -> bool:
    """Whether a folder or one above it fits a pattern; below ``**`` everything does."""
    parts = os.path.abspath(pattern).split("/")  # noqa: PTH100  (strings)
    fixed = list(itertools.takewhile(lambda part: not glob.has_magic(part), parts))
    base = os.path.realpath("/".join(fixed) or "/")
    if not _is_below(out, base):
        return False
    wild = parts[len(fixed) :]
    names = out[len(base) :].strip("/").split("/")
    if "**" in wild:
        return True
    fits = zip(names, wild, strict=False)
    return len(names) >= len(wild) and all(fnmatch.fnmatchcase(n, w) for n, w in fits)


def _nothing_at(url: str, where: str) -> ConfigError:
    scheme, _, rest = url.partition("://")
    return ConfigError(
        where,
        got=f"{url!r}: {scheme}:// cannot be read" if rest else f"{url!r}, where there is no file",
        wanted="a file, a folder with files, a glob that matches, or an https:// address",
        way_out="Correct it (a relative path is seen from the recipe's folder).",
    )


@contextlib.contextmanager
def _listing(url: str, where: str) -> Iterator[None]:
    """Turn what keeps files from being listed into one error: none is left out unsaid."""
    try:
        yield
    except OSError as error:
        name, got = error.filename or url, error.strerror or str(error)
    except UnicodeEncodeError as error:
        name, got = ascii(error.object), "a name that is not UTF-8"
    else:
        return
    raise ConfigError(
        where,
        got=f"{name}: {got}",
        wanted="files that can all be listed",
        way_out="Mend the name, the permissions or the link, or move it out of the source.",
    )


def _paths(url: str) -> Iterator[str]:
    if os.path.isfile(url):  # noqa: PTH113  (never raises, unlike Path)
        yield url
        return
    folders = [url]
    if not os.path.isdir(url):  # noqa: PTH112  (as above)
        folders = []
        for hit in glob.iglob(url, recursive=True):  # noqa: PTH207  (absolute patterns too)
            if os.path.isdir(hit):  # noqa: PTH112  (as above)
                folders.append(hit)
            else:
                yield hit
    yield from (path for folder in folders for path in _below(folder))


def _below(folder: str) -> Iterator[str]:
    """Every visible file below a folder. Links are followed, but no folder is entered twice."""
    entered = set()
    for here, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        real = os.path.realpath(here)
        folders[:] = [] if real in entered else sorted(f for f in folders if f[0] != ".")
        visible = [] if real in entered else [n for n in names if n[0] != "."]
        entered.add(real)
        yield from (os.path.join(here, name) for name in visible)  # noqa: PTH118  (strings)


def _is_regular(path: str) -> bool:
    """Whether it is a file, and no pipe or socket that would be waited for without end."""
    return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116  (strings)


def _refuse(error: OSError) -> None:
    raise error


def _identify(path: str) -> InputFile:
    about = os.stat(path)  # noqa: PTH116  (strings)
    return InputFile(url=path, size=about.st_size, version=str(about.st_mtime_ns))


class Digesting(io.RawIOBase):
    """A readable stream that hashes every byte it hands out: a file's, or those of a part.

    A line belongs to the part in which it begins, so that parts side by side hold each line once.
    """

    def __init__(
        self, inner: BinaryIO, url: str, part: Part | None = None, *, hashed: bool = True
    ) -> None:
        super().__init__()
        self._inner, self._url, self._hash = inner, url, xxhash.xxh3_128()
        self._hashed = hashed
        self._final: str | None = None
        self._left = None if part is None else part.size
        self._of_lines = part is not None and part.unit == "bytes"
        self._in_line = False
        if part is not None and part.offset:
            self._inner.seek(part.offset)
            if self._of_lines:
                self._skip_line(part.offset)

    def readable(self) -> bool:
        """Say yes: the stream can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill ``buffer``; return the number of bytes, 0 at the end."""
        view = memoryview(cast("bytearray", buffer))
        data = self._next(len(view))
        view[: len(data)] = data
        self._hash.update(data)
        return len(data)

    def _skip_line(self, start: int) -> None:
        """Go to the first line that begins at ``start`` or behind it."""
        self._inner.seek(start - 1)
        before = start - 1
        while (piece := self._read(CHUNK)) and b"\n" not in piece:
            before += len(piece)
        begins = before + piece.find(b"\n") + 1 if piece else before
        self._inner.seek(begins)
        self._left = max(0, (self._left or 0) - (begins - start))

    def _next(self, size: int) -> bytes:
        if self._left is None:
            return self._read(size)
        data = b""
        if self._left > 0:
            data = self._read(min(size, self._left))
            self._left -= len(data)
            self._in_line = self._of_lines and not data.endswith(b"\n")
        elif self._in_line:  # the last line reaches into the next part
            line, newline, _ = self._read(size).partition(b"\n")
            data = line + newline
            self._in_line = not newline
        return data

    def _read(self, size: int) -> bytes:
        try:
            return self._inner.read(size)
        except OSError as error:
            raise _unreadable(self._url, error) from error

    def tell(self) -> int:
        """How far the file has been read, in bytes from its start."""
        return self._inner.tell()

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
        """Finish, then return the whole file again, seekable, for formats read from their end."""
        if self._hashed:
            self.finish()
        self._inner.seek(0)
        return self._inner


@contextlib.contextmanager
def open_input(file: InputFile, *, scratch: str) -> Iterator[Digesting]:
    """Open an input for reading from its start; a remote one is first fetched into ``scratch``.

    Raises :class:`SourceError` when it cannot be reached or read, is shorter than the server said,
    or is no longer the file that was listed.
    """
    if download.is_remote(file.url):
        with download.fetch(file, scratch=scratch) as body:
            yield Digesting(body, file.url)
        return
    with _opened(file) as raw:
        _check_unchanged(file)
        yield Digesting(raw, file.url, file.part)
        _check_unchanged(file)


@contextlib.contextmanager
def peeked(file: InputFile) -> Iterator[Digesting]:
    """Open a local input of which only some is to be read, and nothing hashed."""
    with _opened(file) as raw:
        yield Digesting(raw, file.url, file.part, hashed=False)


def _opened(file: InputFile) -> BinaryIO:
    try:
        return Path(file.url).open("rb")
    except OSError as error:
        raise _unreadable(file.url, error) from error


def _check_unchanged(file: InputFile) -> None:
    try:
        now = _identify(file.url)
    except OSError as error:
        raise _unreadable(file.url, error) from error
    if (now.size, now.version) != (file.size, file.version):
        size = f"now {now.size:,} bytes" if now.size != file.size else "of another time"
        raise SourceError(
            file.url,
            got=f"another file than the {file.size:,} bytes that were listed: it is {size}",
            wanted="a file that stays as it is while it is read",
            way_out="Run the recipe again when nothing writes to it any more.",
        )


def _unreadable(url: str, error: OSError) -> SourceError:
    return SourceError(
        url,
        got=error.strerror or str(error),
        wanted="the file that was listed a moment ago",
        way_out="Put it back or mend its permissions, and run the recipe again.",
    )
