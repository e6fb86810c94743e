"""Files behind ``https://`` (or ``http://``): identified by HEAD, fetched whole, length checked."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import time
from typing import IO, TYPE_CHECKING, BinaryIO, TypeVar, cast

from schemas.errors import SourceError
from schemas.manifest import InputFile
from tasks.storage import local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

Answer = TypeVar("Answer")
ATTEMPTS = 4
PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 30.0
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Status codes of trouble that may pass."""
AS_STORED = ("", "identity", "gzip", "x-gzip", "zstd")
"""Content encodings that readers undo themselves, because they see compression in the content."""
WAY_OUT = "Check the address in a browser, or take it out of the recipe, and run again."


def is_remote(url: str) -> bool:
    """Whether a location is reached over HTTP."""
    return url.startswith(("https://", "http://"))


def identify(url: str) -> InputFile:
    """Size and entity tag (or date) of a remote file, by one HEAD request.

    Where a server refuses HEAD, a GET is asked and broken off. Raises :class:`SourceError` when the
    server cannot be reached or has no such file.
    """

    def ask() -> InputFile:
        answer = _client().head(url)
        if answer.is_success:
            return _identity(url, answer)
        if answer.status_code in PASSING:
            answer.raise_for_status()
        with _client().stream("GET", url) as answer:
            return _identity(url, answer.raise_for_status())

    return _trying(url, ask)


@contextlib.contextmanager
def fetch(file: InputFile, *, scratch: str) -> Iterator[BinaryIO]:
    """Download a file into an unnamed one below ``scratch``, which vanishes when it is closed.

    Dropped connections and short bodies are tried again; then :class:`SourceError`, as for a file
    that is no longer the one that was listed.
    """
    with local.writable(scratch):
        local.make_folder(scratch)
        body = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  (closed below)
    with body:
        with local.writable(scratch):
            _trying(file.url, lambda: _stream_into(body, file))
        body.seek(0)
        yield cast("BinaryIO", body)


def head(url: str, n_bytes: int) -> bytes:
    """At most ``n_bytes`` from a remote file's start (-1: all of it); no more is fetched."""

    def ask() -> bytes:
        body = bytearray()
        with _client().stream("GET", url) as answer:
            for chunk in answer.raise_for_status().iter_raw():
                body += chunk
                if 0 <= n_bytes <= len(body):
                    return bytes(body[:n_bytes])
        return bytes(body)

    return _trying(url, ask)


@functools.cache
def _client() -> httpx.Client:
    """One client for all threads: making one reads the system's certificates, which takes long."""
    import httpx

    # Stored files are compressed already; asking for them as they are keeps sizes and digests true.
    return httpx.Client(
        follow_redirects=True, timeout=TIMEOUT_SECONDS, headers={"accept-encoding": "identity"}
    )


def _identity(url: str, answer: httpx.Response) -> InputFile:
    length = answer.headers.get("content-length")
    tag = answer.headers.get("etag") or answer.headers.get("last-modified") or ""
    return InputFile(url=url, size=int(length) if length else None, version=tag)


def _stream_into(body: IO[bytes], file: InputFile) -> None:
    import httpx

    body.seek(0)
    body.truncate()
    with _client().stream("GET", file.url) as answer:
        now = _identity(file.url, answer.raise_for_status())
        _check_unchanged(file, now)
        encoding = answer.headers.get("content-encoding", "").lower()
        if encoding not in AS_STORED:
            raise _unreachable(
                file.url, f"it in the encoding {encoding!r}, which was not asked for"
            )
        for chunk in answer.iter_raw():
            body.write(chunk)
    size = now.size if now.size is not None else file.size
    if size is not None and body.tell() != size:
        raise httpx.RemoteProtocolError(f"{body.tell():,} bytes came, {size:,} were announced")


def _check_unchanged(listed: InputFile, now: InputFile) -> None:
    known = [(getattr(listed, n), getattr(now, n)) for n in ("size", "version")]
    if any(old not in (None, "") and new not in (None, "") and old != new for old, new in known):
        raise SourceError(
            listed.url,
            got="another file than the one that was listed (its size, tag or date differ)",
            wanted="a file that stays as it is",
            way_out="Run the recipe again: it lists the sources anew.",
        )


def _trying(url: str, request: Callable[[], Answer]) -> Answer:
    """Repeat a request while the trouble may pass; the last trouble becomes a SourceError."""
    import httpx

    trouble, pause = "", 0.0
    for attempt in range(ATTEMPTS):
        time.sleep(max(pause, PAUSE_SECONDS * (2**attempt - 1)))
        try:
            return request()
        except httpx.HTTPStatusError as error:
            answer = error.response
            trouble = f"HTTP status {answer.status_code} {answer.reason_phrase}".rstrip()
            if answer.status_code not in PASSING:
                raise _unreachable(url, trouble) from error
            wish = answer.headers.get("retry-after", "")
            pause = min(float(wish), LONGEST_PAUSE_SECONDS) if wish.isdecimal() else 0.0
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            trouble = f"{type(error).__name__} ({error})"
            if not isinstance(error, httpx.TransportError | httpx.DecodingError):
                raise _unreachable(url, trouble) from error
    raise _unreachable(url, f"{trouble} in each of {ATTEMPTS} attempts")


def _unreachable(url: str, got: str) -> SourceError:
    return SourceError(url, got=got, wanted="the whole file", way_out=WAY_OUT)
