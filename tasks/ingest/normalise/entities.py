"""HTML references that an extraction left in the text."""

from __future__ import annotations

import re
import sys
from html.entities import html5
from typing import Final

REFERENCE: Final = re.compile(
    r"&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));", re.ASCII
)
_REST: Final = re.compile(r"#[0-9]{1,7};|#[xX][0-9A-Fa-f]{1,6};|([A-Za-z][A-Za-z0-9]{1,31};)")
_WINDOWS: Final = range(0x80, 0xA0)
"""By HTML's rules these numbers mean what they are in Windows-1252."""
_NEVER: Final = (
    *(range(0x09), range(0x0B, 0x0D), range(0x0E, 0x20), range(0x7F, 0x80)),  # controls
    *(range(0xD800, 0xE000), range(0xFDD0, 0xFDF0)),  # surrogates, no characters
    *(range(plane + 0xFFFE, plane + 0x10000) for plane in range(0, 0x110000, 0x10000)),
)


def without_entities(text: str) -> tuple[str, int]:
    """Replace well-formed references, one level deep; also how many characters these had.

    What stays: unknown names, code points that are no characters, controls but tab and line ends,
    and an ampersand whose character would make a reference of what follows (``&amp;lt;``), so that
    a second time changes nothing.
    """
    if "&" not in text:
        return text, 0
    count = 0

    def character(found: re.Match[str]) -> str:
        nonlocal count
        meant = _meaning(found)
        if meant is None or (meant == "&" and _goes_on(text, found.end())):
            return found[0]
        count += len(found[0])
        return meant

    return REFERENCE.sub(character, text), count


def _goes_on(text: str, position: int) -> bool:
    rest = _REST.match(text, position)
    return rest is not None and (rest[1] is None or rest[1] in html5)


def _meaning(found: re.Match[str]) -> str | None:
    decimal, hexadecimal, name = found.groups()
    if name:
        return html5.get(f"{name};")
    return _of_number(int(decimal) if decimal else int(hexadecimal, 16))


def _of_number(number: int) -> str | None:
    if number in _WINDOWS:
        return bytes([number]).decode("cp1252", "ignore") or None
    if number > sys.maxunicode or any(number in some for some in _NEVER):
        return None
    return chr(number)
