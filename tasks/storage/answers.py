"""What a server's answer says of a file: its length, its version, which bytes come, from where."""

from __future__ import annotations

import email.utils
import itertools
import re
import time
from typing import TYPE_CHECKING

from schemas.addresses import public
from tasks.storage.attempts import TIMEOUT_SECONDS, unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from schemas.manifest import InputFile

SLOWEST_BYTES_A_SECOND = 1_000
"""A connection that brings less, over TIMEOUT_SECONDS, counts as dropped."""
DATA = (
    *(".gz", ".zst", ".bz2", ".xz", ".tar", ".tgz", ".zip"),
    *(".parquet", ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".warc", ".wet"),
)
"""Names of files that never begin as a web page does."""
OK, PARTIAL, NO_SUCH_RANGE = 200, 206, 416
_RANGE = re.compile(r"bytes\s+(?:(\d+)-\d+|\*)/(\d+|\*)")
_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} ")


def length(answer: httpx.Response) -> int | None:
    """Bytes of the body, where they were announced."""
    found = answer.headers.get("content-length")
    return int(found) if found else None


def version(answer: httpx.Response) -> str:
    """Entity tag or, without one, date of last change; empty where there is neither."""
    return str(answer.headers.get("etag") or answer.headers.get("last-modified") or "")


def validator(of: str) -> str:
    """What ``If-Range`` may be asked with: a strong entity tag, or a date; else nothing.

    A weak tag says that two files mean the same, not that they are the same bytes.
    """
    return of if of.startswith('"') or _is_date(of) else ""


def _is_date(text: str) -> bool:
    return _DATE.match(text) is not None and email.utils.parsedate_tz(text) is not None


def content_range(answer: httpx.Response) -> tuple[int | None, int | None]:
    """First byte and total length as ``Content-Range`` states them."""
    found = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
    if found is None:
        return None, None
    start, total = (int(x) if x and x != "*" else None for x in found.groups())
    return start, total


def difference(listed: InputFile, answer: httpx.Response, size: int | None) -> str:
    """How an answer contradicts what was listed, like compared with like; empty if it does not.

    What is known on one side only contradicts nothing. Weakness of a tag is left out: a server may
    mark it for HEAD and not for GET.
    """
    if None not in (size, listed.size) and size != listed.size:
        return f"{size:,} bytes instead of {listed.size:,}"
    seen = answer.headers.get("last-modified" if _is_date(listed.version) else "etag", "")
    if "" not in (seen, listed.version) and _strong(seen) != _strong(listed.version):
        return f"{seen} instead of {listed.version}"
    return ""


def _strong(tag: str) -> str:
    return tag.removeprefix("W/")


def is_page(url: str, answer: httpx.Response, first: bytes) -> bool:
    """Whether a web page (for people: a login, an excuse) came in the place of data.

    Both signs are asked for, because some servers call everything text/html.
    """
    kind = answer.headers.get("content-type", "").lower()
    begins = first.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    named_data = url.partition("?")[0].lower().endswith(DATA)
    return named_data and kind.startswith("text/html") and begins == b"<"


def check_route(url: str, answer: httpx.Response) -> None:
    """Refuse a redirect that leaves encryption: anybody on the way could give another file."""
    route = [str(step.url) for step in (*answer.history, answer)]
    for here, there in itertools.pairwise(route):
        if here.startswith("https://") and not there.startswith("https://"):
            raise unreachable(url, f"a redirect to {public(there)}, which is not encrypted")


def paced(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Pass the chunks on; a connection that crawls is as good as dropped."""
    import httpx

    since, came = time.monotonic(), 0
    for chunk in chunks:
        yield chunk
        came += len(chunk)
        seconds = time.monotonic() - since
        if seconds > TIMEOUT_SECONDS:
            if came < SLOWEST_BYTES_A_SECOND * seconds:
                raise httpx.ReadTimeout(f"{came:,} bytes in {seconds:.0f} seconds")
            since, came = time.monotonic(), 0
