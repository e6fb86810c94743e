"""Files behind ``https://`` (or ``http://``): identified by HEAD, fetched whole, checked for length."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from schemas.errors import SourceError
from schemas.manifest import InputFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

ATTEMPTS = 4
PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 60.0
FIRST_SERVER_ERROR = 500
WAY_OUT = "Check the address in a browser, or take the source out of the recipe, and run again."


def is_remote(url: str) -> bool:
    """Whether a location is reached over HTTP."""
    return url.startswith(("https://", "http://"))


def identify(url: str) -> InputFile:
    """Size and entity tag (or date) of a remote file, by one HEAD request.

    A server that refuses HEAD leaves both unknown; the file is then taken to be what its address
    says. Raises :class:`SourceError` when the server cannot be reached or has no such file.
    """
    import httpx

    response = _trying(url, lambda: _client().head(url))
    if response.status_code in (httpx.codes.METHOD_NOT_ALLOWED, httpx.codes.NOT_IMPLEMENTED):
        return InputFile(url=url)
    _check_status(url, response)
    length = response.headers.get("content-length")
    encoded = response.headers.get("content-encoding", "identity") != "identity"
    tag = response.headers.get("etag") or response.headers.get("last-modified") or ""
    return InputFile(url=url, size=int(length) if length and not encoded else None, version=tag)


@contextlib.contextmanager
def fetch(file: InputFile, *, scratch: str) -> Iterator[BinaryIO]:
    """Download a file into an unnamed one below ``scratch``, which vanishes when it is closed.

    Dropped connections and short bodies are tried again; then :class:`SourceError`.
    """
    Path(scratch).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=scratch) as body:
        _trying(file.url, lambda: _stream_into(body, file))
        body.seek(0)
        yield cast("BinaryIO", body)


def head(url: str, n_bytes: int) -> bytes:
    """At most ``n_bytes`` from the start of a remote file (-1: all of it); the rest is not fetched."""
    import httpx

    body = bytearray()
    try:
        with _client() as client, client.stream("GET", url) as response:
            _check_status(url, response)
            for chunk in response.iter_raw():
                body += chunk
                if 0 <= n_bytes <= len(body):
                    break
    except httpx.HTTPError as error:
        raise _unreachable(url, f"{type(error).__name__}: {error}") from error
    return bytes(body[:n_bytes] if n_bytes >= 0 else body)


def _client() -> httpx.Client:
    import httpx

    # Stored files are compressed already; asking for them as they are keeps sizes and digests true.
    return httpx.Client(
        follow_redirects=True, timeout=TIMEOUT_SECONDS, headers={"accept-encoding": "identity"}
    )


def _stream_into(body: IO[bytes], file: InputFile) -> httpx.Response:
    import httpx

    body.seek(0)
    body.truncate()
    with _client() as client, client.stream("GET", file.url) as response:
        _check_status(file.url, response)
        for chunk in response.iter_raw():
            body.write(chunk)
        said = response.headers.get("content-length", file.size)
        if said is not None and body.tell() != int(said):
            raise httpx.RemoteProtocolError(f"{body.tell()} bytes came, {said} were announced")
    return response


def _trying(url: str, request: Callable[[], httpx.Response]) -> httpx.Response:
    """Repeat a request while the trouble may pass; the last trouble becomes a SourceError."""
    import httpx

    trouble = ""
    for attempt in range(ATTEMPTS):
        time.sleep(PAUSE_SECONDS * (2**attempt - 1))
        try:
            response = request()
        except (httpx.TransportError, httpx.DecodingError) as error:
            trouble = f"{type(error).__name__}: {error}"
            continue
        except httpx.HTTPError as error:
            raise _unreachable(url, str(error)) from error
        if response.status_code < FIRST_SERVER_ERROR:
            return response
        trouble = f"HTTP status {response.status_code}"
    raise _unreachable(url, f"{trouble} ({ATTEMPTS} attempts)")


def _check_status(url: str, response: httpx.Response) -> None:
    if response.is_error and response.status_code < FIRST_SERVER_ERROR:
        raise _unreachable(url, f"HTTP status {response.status_code} {response.reason_phrase}")


def _unreachable(url: str, got: str) -> SourceError:
    return SourceError(url, got=got, wanted="the whole file", way_out=WAY_OUT)
