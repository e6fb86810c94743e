r"""What every text is freed of: line ends other than ``\n``, and control characters.

- Line ends: ``\r\n``, ``\r``, vertical tab, form feed (a page break; one beside a line feed is one
  line end with it), NEL, and Unicode's line and paragraph separators.
- Control characters: C0 but tab and line feed, DEL and C1. A terminal's escape sequence goes as a
  whole. The four information separators part fields, so they become a space.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tasks import compiled

if TYPE_CHECKING:
    import pyarrow as pa

    _Bytes = np.ndarray[Any, np.dtype[np.uint8]]

DELETED: Final = bytes([*range(9), *range(11, 32), 127])
CONTROLS: Final = 1
COMPOSING: Final = 2
HARMLESS: Final = (*range(0x2002, 0x2028), *range(0x202A, 0x2040), 0x20AC)
"""Punctuation and the euro sign, which stand in most texts."""
_C1: Final = re.compile(rb"\xc2[\x80-\x9f]")
_SEPARATORS: Final = (b"\xe2\x80\xa8", b"\xe2\x80\xa9")
_LINE_END: Final = re.compile("\n[\x0b\x0c]+|[\x0b\x0c]+\n?|[\x85\u2028\u2029]")
_CONTROL: Final = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]|([\x1c-\x1f])|[\x00-\x08\x0b\x0c\x0e-\x1b\x7f-\x9f]"
)


def is_plain(text: str) -> bool:
    """Whether there is nothing here to change.

    Most texts are plain, and this is the one look that all of them take: UTF-8 is scanned several
    times faster than a regular expression scans the text.
    """
    body = text.encode("utf-8", "surrogatepass")
    if len(body.translate(None, DELETED)) != len(body):
        return False
    return text.isascii() or not (
        any(separator in body for separator in _SEPARATORS) or _C1.search(body)
    )


def line_feeds(text: str) -> str:
    r"""Make ``\n`` of every line end."""
    return _LINE_END.sub("\n", with_returns_folded(text))


def with_returns_folded(text: str) -> str:
    r"""Make ``\n`` of ``\r\n`` and ``\r``: all that most texts from Windows need."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def without_controls(text: str) -> tuple[str, int]:
    """Remove control characters; also how many characters that were, escape sequences whole."""
    count = 0

    def plain(found: re.Match[str]) -> str:
        nonlocal count
        count += len(found[0])
        return " " if found[1] else ""

    return _CONTROL.sub(plain, text), count


def suspects(texts: pa.LargeStringArray) -> _Bytes:
    """What each text may need: bit :data:`CONTROLS`, bit :data:`COMPOSING`; 0 is nothing at all.

    It passes ASCII, Latin letters (up to U+02FF) and :data:`HARMLESS`, none of which changes under
    NFC or composes with another; it may suspect a text without cause, and never passes one that has
    to change.
    """
    look = compiled.load("tasks.ingest.normalise.kernel").look
    found = np.zeros(len(texts), np.uint8)
    look(*compiled.buffers(texts), _punctuation(), found)
    return found


@cache
def _punctuation() -> np.ndarray[Any, Any]:
    """By the second and third byte: whether they are those of a harmless character after E2."""
    table = np.zeros((256, 256), np.bool_)
    for number in HARMLESS:
        _, second, third = chr(number).encode()
        table[second, third] = True
    return table
