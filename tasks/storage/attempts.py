"""Requests over HTTP that are repeated while the trouble may pass."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

from schemas.addresses import public
from schemas.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

Answer = TypeVar("Answer")
ATTEMPTS = 4
"""Failures in a row after which a server is given up."""
PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 60.0
"""How long a server may be silent: before it answers, and between two pieces of an answer."""
LONGEST_PAUSE_SECONDS = 30.0
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Status codes of trouble that may pass."""
WAY_OUT = "Check the address in a browser, or take it out of the recipe, and run again."


class Effort(Protocol):
    """A request whose attempts may each bring it nearer to its end."""

    def gained(self) -> bool:
        """Whether the last attempt brought enough that the next one is a first one again."""

    def reached(self) -> str:
        """How far it came, to be added to what went wrong."""


def trying(url: str, request: Callable[[], Answer], effort: Effort | None = None) -> Answer:
    """Repeat a request while the trouble may pass; the last trouble becomes a SourceError."""
    import httpx

    trouble, failures, pause = "", 0, 0.0
    while failures < ATTEMPTS:
        time.sleep(pause)
        wish = 0.0
        try:
            return request()
        except httpx.HTTPStatusError as error:
            trouble = _status(error.response)
            if error.response.status_code not in PASSING:
                raise unreachable(url, trouble) from error
            wish = _retry_after(error.response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            trouble = f"{type(error).__name__} ({error})"
            if not isinstance(error, httpx.TransportError | httpx.DecodingError):
                raise unreachable(url, trouble) from error
        failures = 0 if effort is not None and effort.gained() else failures + 1
        pause = max(wish, PAUSE_SECONDS * (2 ** max(1, failures) - 1))
    reached = "" if effort is None else effort.reached()
    raise unreachable(url, f"{trouble} in each of {ATTEMPTS} attempts{reached}")


def _status(answer: httpx.Response) -> str:
    return f"HTTP status {answer.status_code} {answer.reason_phrase}".rstrip()


def _retry_after(answer: httpx.Response) -> float:
    wish = answer.headers.get("retry-after", "")
    return min(float(wish), LONGEST_PAUSE_SECONDS) if wish.isdecimal() else 0.0


def unreachable(
    url: str, got: str, *, wanted: str = "the whole file", way_out: str = WAY_OUT
) -> SourceError:
    """The error for an address that does not give what it should."""
    return SourceError(public(url), got=got, wanted=wanted, way_out=way_out)


@functools.cache
def client() -> httpx.Client:
    """One client for all threads: making one reads the system's certificates, which takes long."""
    import httpx

    # Stored files are compressed already; asking for them as they are keeps sizes and digests true.
    return httpx.Client(
        follow_redirects=True, timeout=TIMEOUT_SECONDS, headers={"accept-encoding": "identity"}
    )
