"""Letters, digits and spaces that stand for plain ones.

Two kinds. *Compatibility forms* (full-width, mathematical, half-width katakana, Latin ligatures,
special spaces) are replaced by what Unicode's NFKC makes of them, in ranges where that loses
nothing but a style; superscripts, fractions and full-width punctuation are none of them.
*Homoglyphs* are Cyrillic and Greek letters that look like a Latin one, after Unicode Technical
Standard #39 (its ``confusables``), as far as upright print shows no difference. They are replaced
in words that are otherwise Latin, and never in words that are wholly Cyrillic or Greek.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMS: Final[tuple[Sequence[int], ...]] = (
    *(range(0xFF10, 0xFF1A), range(0xFF21, 0xFF3B), range(0xFF41, 0xFF5B)),  # full-width
    range(0xFF66, 0xFFA0),  # half-width katakana
    range(0x1D400, 0x1D800),  # mathematical
    *((n,) for n in (0x2102, 0x2115, 0x2119, 0x211A, 0x211D, 0x2124, 0x2128, 0x212C, 0x212D)),
    *(range(0x210A, 0x2114), range(0x211B, 0x211D), range(0x212F, 0x2132), range(0x2133, 0x2135)),
    *(range(0x213C, 0x2140), range(0x2145, 0x214A)),  # mathematical, in an older block
    range(0xFB00, 0xFB07),  # Latin ligatures
    *((0xA0,), range(0x2000, 0x200B), (0x205F,), (0x3000,)),  # spaces
)
"""Where compatibility forms stand; letters were put into these long before any Python in use."""
NARROW_SPACE: Final = "\u202f"
"""A special space too, but in Mongolian, where it is a part of the spelling."""

CYRILLIC: Final = {
    0x405: "S", 0x406: "I", 0x408: "J", 0x410: "A", 0x412: "B", 0x415: "E", 0x41A: "K",
    0x41C: "M", 0x41D: "H", 0x41E: "O", 0x420: "P", 0x421: "C", 0x422: "T", 0x425: "X",
    0x430: "a", 0x435: "e", 0x43E: "o", 0x440: "p", 0x441: "c", 0x443: "y", 0x445: "x",
    0x455: "s", 0x456: "i", 0x458: "j", 0x4AE: "Y", 0x4BB: "h", 0x501: "d", 0x50C: "G",
    0x51A: "Q", 0x51B: "q", 0x51C: "W", 0x51D: "w",
}  # fmt: skip
GREEK: Final = {
    0x391: "A", 0x392: "B", 0x395: "E", 0x396: "Z", 0x397: "H", 0x399: "I", 0x39A: "K",
    0x39C: "M", 0x39D: "N", 0x39F: "O", 0x3A1: "P", 0x3A4: "T", 0x3A5: "Y", 0x3A7: "X",
    0x3BF: "o", 0x3F2: "c", 0x3F3: "j",
}  # fmt: skip
"""Of the small letters only those that no formula mixes with Latin ones, as in ``\u03bde``."""
HOMOGLYPHS: Final = {chr(n): latin for n, latin in (CYRILLIC | GREEK).items()}

_LATIN: Final = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
_LOOK: Final = "".join(HOMOGLYPHS)
_LETTERS: Final = f"{_LATIN}\u0370-\u0373\u0376-\u037d\u0386-\u052f\u1c80-\u1c8f\u1f00-\u1fff"
_MIXED: Final = re.compile(f"[{_LATIN}][{_LOOK}]|[{_LOOK}][{_LATIN}]")
_WORD: Final = re.compile(f"[{_LETTERS}]{{2,}}")
_LATIN_WITH: Final = re.compile(f"[{_LATIN}{_LOOK}]+")
_NARROW_SPACE: Final = re.compile(f"(?<![\u1800-\u18af]){NARROW_SPACE}")
_INFLECTED: Final = re.compile(f"[A-Z]{{2,}}[{_LOOK}]")


def without_lookalikes(text: str) -> tuple[str, int]:
    """Replace them; also how many there were."""
    if text.isascii():
        return text, 0
    count, seen = 0, set(text)
    # Few of them stand in one text, so this is far quicker than one search for a thousand.
    for form in _plain_forms().keys() & seen:
        count += text.count(form)
        text = text.replace(form, _plain_forms()[form])
    if NARROW_SPACE in seen:
        text, found = _NARROW_SPACE.subn(" ", text)
        count += found
    # A word of both scripts has the two side by side somewhere.
    if HOMOGLYPHS.keys().isdisjoint(seen) or not _MIXED.search(text):
        return text, count
    mended = _WORD.sub(_mended, text)
    return mended, count + sum(map(str.__ne__, text, mended))


def _mended(found: re.Match[str]) -> str:
    word = found[0]
    return word.translate(_HOMOGLYPH_TABLE) if _is_otherwise_latin(word) else word


def _is_otherwise_latin(word: str) -> bool:
    """Whether at least half of the letters are Latin, and the others look so.

    Not the ending of a Russian word on a foreign abbreviation, as in the locative of "SMS".
    """
    if word.isascii() or not _LATIN_WITH.fullmatch(word):
        return False
    look = sum(map(HOMOGLYPHS.__contains__, word))
    inflected = look == 1 and word[-1].islower() and _INFLECTED.fullmatch(word)
    return len(word) >= 2 * look and not inflected


_HOMOGLYPH_TABLE: Final = str.maketrans(HOMOGLYPHS)


@cache
def _plain_forms() -> dict[str, str]:
    forms = {chr(n): unicodedata.normalize("NFKC", chr(n)) for n in chain(*FORMS)}
    return {form: plain for form, plain in forms.items() if form != plain}
