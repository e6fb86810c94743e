"""Files behind ``https://`` (or ``http://``): identified by HEAD, fetched whole, length checked.

A download that breaks off goes on where it was, in this run or the next, as far as the server's
entity tag (or date) proves that the file is still the same.
"""

from __future__ import annotations

import contextlib
import io
import itertools
from typing import TYPE_CHECKING, BinaryIO, cast

from schemas.addresses import public
from schemas.errors import SourceError
from schemas.manifest import InputFile
from tasks.storage import answers, local, partial
from tasks.storage.attempts import PASSING, client, trying, unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tasks.storage.partial import Partial

AS_STORED = ("", "identity", "gzip", "x-gzip", "zstd")
"""Content encodings that readers undo themselves, because they see compression in the content."""
PROGRESS_BYTES = 1 << 20
PROGRESS_SHARE = 0.01
"""An attempt that brought so much, or this share of the file, does not count as a failure: a server
that drops every connection is followed to the end, one that gives a byte each time is not."""


def is_remote(url: str) -> bool:
    """Whether a location is reached over HTTP."""
    return url.startswith(("https://", "http://"))


def identify(url: str) -> InputFile:
    """Size and entity tag (or date) of a remote file, by one HEAD request.

    Where a server refuses HEAD, or says that there are no bytes, a GET is asked and broken off.
    Raises :class:`SourceError` when the server cannot be reached or has no such file.
    """

    def ask() -> InputFile:
        answer = client().head(url)
        answers.check_route(url, answer)
        # Servers that make HEAD of GET by leaving the body out may give the length of nothing.
        if answer.is_success and answers.length(answer) != 0:
            return _identity(url, answer)
        if answer.status_code in PASSING:
            answer.raise_for_status()
        with client().stream("GET", url) as answer:
            answers.check_route(url, answer)
            return _identity(url, answer.raise_for_status())

    return trying(url, ask)


def _identity(url: str, answer: httpx.Response) -> InputFile:
    return InputFile(url=url, size=answers.length(answer), version=answers.version(answer))


@contextlib.contextmanager
def fetch(file: InputFile, *, scratch: str) -> Iterator[BinaryIO]:
    """Download a file below ``scratch`` and open it; it is removed when it has been read.

    Dropped connections and short bodies are gone on with; what came of a file before its server
    was given up, or before the process was killed, waits in ``scratch`` for the next run. Raises
    :class:`SourceError` also for a file that is no longer the one that was listed.
    """
    lasting = bool(answers.validator(file.version))
    with contextlib.ExitStack() as stack:
        with local.writable(scratch):
            body = stack.enter_context(partial.opened(file, scratch, lasting=lasting))
            _bring(file, body)
        body.raw.seek(0)
        yield cast("BinaryIO", io.BufferedReader(body.raw))
        body.forget()


def head(url: str, n_bytes: int) -> bytes:
    """At most ``n_bytes`` from a remote file's start (-1: all of it); no more is fetched."""

    def ask() -> bytes:
        body = bytearray()
        with client().stream("GET", url) as answer:
            answers.check_route(url, answer)
            for chunk in answer.raise_for_status().iter_raw():
                body += chunk
                if 0 <= n_bytes <= len(body):
                    return bytes(body[:n_bytes])
        return bytes(body)

    return trying(url, ask)


def _bring(file: InputFile, body: Partial) -> None:
    """Bring in what is missing; what cannot be gone on with leaves no file behind."""
    download = _Download(file, body)
    try:
        trying(file.url, download.attempt, download)
    except OSError:  # most often a full disk, which needs the room
        body.forget()
        raise
    finally:
        if body.size == 0:
            body.forget()


class _Download:
    """One file on its way: what has come is kept and not asked for again."""

    def __init__(self, file: InputFile, body: Partial) -> None:
        self._file, self._body, self._best = file, body, body.size
        self._total = file.size
        # What an earlier run left is of the version that was listed: its name says so.
        self._validator = answers.validator(file.version)
        self._ranges = True

    def gained(self) -> bool:
        """Whether more than ever has come, and will stay: enough to forgive what broke off."""
        if not (self._ranges and self._validator):
            return False
        share = PROGRESS_BYTES if self._total is None else PROGRESS_SHARE * self._total
        if self._body.size < self._best + max(1, min(PROGRESS_BYTES, share)):
            return False
        self._best = self._body.size
        return True

    def reached(self) -> str:
        """How much has come."""
        of = "" if self._total is None else f" of {self._total:,}"
        return f", after {self._body.size:,}{of} bytes" if self._body.size else ""

    def attempt(self) -> None:
        """Ask for the missing bytes; raises httpx's errors for trouble that may pass."""
        have = self._body.size
        if have and have == self._total:
            return
        asked = {}
        if have and self._ranges and self._validator:
            asked = {"range": f"bytes={have}-", "if-range": self._validator}
        with client().stream("GET", self._file.url, headers=asked) as answer:
            answers.check_route(self._file.url, answer)
            if asked and answer.status_code == answers.NO_SUCH_RANGE:
                self._settle(answer, have)
                return
            answer.raise_for_status()
            chunks = answers.paced(answer.iter_raw())
            if answer.status_code == answers.PARTIAL:
                self._go_on(answer, have if asked else None)
            else:
                self._ranges = not asked  # whoever answers a range with all has no ranges
                chunks = self._begin(answer, chunks)
            self._write(chunks)

    def _begin(self, answer: httpx.Response, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Start with the first byte; return the answer's bytes."""
        self._body.begin_anew()
        if answer.status_code != answers.OK:
            raise self._refused(f"HTTP status {answer.status_code} {answer.reason_phrase}")
        first = next(chunks, b"")
        if answers.is_page(self._file.url, answer, first):
            at = public(str(answer.url)).partition("?")[0]
            raise self._refused(f"a web page ({at})", wanted="a data file")
        encoded = self._encoding(answer) not in ("", "identity")
        size = answers.length(answer)
        self._check_unchanged(answer, size)
        # Without a length, only bytes as they were listed can be counted against the listing.
        self._total = size if size is not None or encoded else self._file.size
        self._validator = answers.validator(answers.version(answer))
        if self._validator != answers.validator(self._file.version):
            self._body.forget()  # nothing confirms that this is the version that was listed
        return itertools.chain([first], chunks)

    def _go_on(self, answer: httpx.Response, have: int | None) -> None:
        """Check that the answer begins where the file ends so far."""
        start, total = answers.content_range(answer)
        if have is None or start != have:
            self._ranges = False
            raise self._odd("bytes from another place than was asked for")
        self._encoding(answer)
        self._check_unchanged(answer, total)
        self._total = self._total if total is None else total

    def _settle(self, answer: httpx.Response, have: int) -> None:
        """The server has no bytes behind those that have come: all are here, or none is right."""
        _, total = answers.content_range(answer)
        self._check_unchanged(answer, total)
        if total != have:
            raise self._odd(f"no bytes behind the first {have:,}")

    def _write(self, chunks: Iterator[bytes]) -> None:
        import httpx

        total, came = self._total, self._body.size
        for chunk in chunks:
            came += len(chunk)
            if total is not None and came > total:
                raise self._refused(f"more than the {total:,} bytes that were announced")
            self._body.write(chunk)
        if total is not None and came < total:
            raise httpx.RemoteProtocolError(f"{came:,} bytes came, {total:,} were announced")

    def _encoding(self, answer: httpx.Response) -> str:
        encoding = str(answer.headers.get("content-encoding", "")).lower()
        if encoding not in AS_STORED:
            raise self._refused(f"it in the encoding {encoding!r}, which was not asked for")
        return encoding

    def _check_unchanged(self, answer: httpx.Response, size: int | None) -> None:
        other = answers.difference(self._file, answer, size)
        if other:
            self._body.begin_anew()
            raise SourceError(
                public(self._file.url),
                got=f"another file than the one that was listed ({other})",
                wanted="a file that stays as it is",
                way_out="Run the recipe again: it lists the sources anew. If it says so again, the "
                "server contradicts itself: download the file another way and give its path.",
            )

    def _odd(self, said: str) -> httpx.TransportError:
        """Trouble after which only a new start can help."""
        import httpx

        self._body.begin_anew()
        return httpx.RemoteProtocolError(said)

    def _refused(self, got: str, *, wanted: str = "the whole file") -> SourceError:
        """Trouble that no further attempt would mend; what came is no part of the file."""
        self._body.begin_anew()
        return unreachable(self._file.url, got, wanted=wanted)
