"""Classes of every code point, the same under every Python and in every compiled kernel.

The ranges stand in :mod:`tasks.characters.unicode_16`, which a script wrote, because Python 3.11 to
3.13 know three versions of Unicode. A code point that Unicode 16.0 does not assign has no class,
but for the scripts without spaces, which are given by blocks
(:data:`tasks.characters.ranges.UNSPACED`).
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, TypeVar

import numpy as np

from tasks.characters import unicode_16
from tasks.characters.ranges import UNSPACED as UNSPACED_BLOCKS
from tasks.characters.ranges import stepped_ranges

Classes = np.ndarray[Any, np.dtype[np.uint16]]
Values = TypeVar("Values", bound=np.ndarray[Any, Any])

# A code point has any number of these.
SPACE: Final = 1  # White_Space
LETTER: Final = 2  # general category L
DIGIT: Final = 4  # Nd
MARK: Final = 8  # M
PUNCTUATION: Final = 16  # P
UPPER: Final = 32  # Lu
UNSPACED: Final = 64  # of a script written without spaces between words
TERMINAL: Final = 128  # Sentence_Terminal
QUOTE: Final = 256  # Quotation_Mark

SIGMA: Final = 0x3A3
FINAL_SIGMA: Final = 0x3C2
DOTTED_I: Final = 0x130

BLOCK_BITS: Final = 8
"""A block is 256 code points: what differs is kept once, which makes 80 kB of 2 MB."""

_RANGES: Final = (
    (SPACE, unicode_16.WHITE_SPACE),
    (LETTER, unicode_16.LETTERS),
    (DIGIT, unicode_16.DIGITS),
    (MARK, unicode_16.MARKS),
    (PUNCTUATION, unicode_16.PUNCTUATION),
    (UPPER, unicode_16.UPPER_CASE),
    (TERMINAL, unicode_16.SENTENCE_TERMINALS),
    (QUOTE, unicode_16.QUOTATION_MARKS),
    (UNSPACED, UNSPACED_BLOCKS),
)


@cache
def classes() -> Classes:
    """Return the classes of every code point, by its number (read-only)."""
    found = np.zeros(0x110000, dtype=np.uint16)
    for bit, ranges in _RANGES:
        for first, last, step in stepped_ranges(ranges):
            found[first : last + 1 : step] |= bit
    found.flags.writeable = False
    return found


@cache
def lowered() -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Return every code point in lower case, whatever stands beside it (read-only).

    The final sigma is a sigma. LATIN CAPITAL LETTER I WITH DOT ABOVE, of which Unicode makes two
    code points, is an i.
    """
    found = np.arange(0x110000, dtype=np.uint32)
    for part in unicode_16.LOWER_CASE.split():
        ranges, _, distance = part.partition(":")
        for first, last, step in stepped_ranges(ranges):
            found[first : last + 1 : step] += np.uint32(int(distance, 16) % (1 << 32))
    found[FINAL_SIGMA] = found[SIGMA]
    found[DOTTED_I] = ord("i")
    found.flags.writeable = False
    return found


@cache
def blocks() -> tuple[Classes, Classes]:
    """Return the same in two levels: where a code point's block begins, and the classes in it.

    The classes of ``cp`` are ``content[starts[cp >> 8] + (cp & 255)]``. Both arrays are read-only.
    """
    return in_blocks(classes())


def in_blocks(values: Values) -> tuple[Classes, Values]:
    """Return what is known of every code point in two levels, as :func:`blocks` does.

    There may be 256 different blocks.
    """
    rows, numbers = np.unique(values.reshape(-1, 1 << BLOCK_BITS), axis=0, return_inverse=True)
    starts = (numbers.reshape(-1) << BLOCK_BITS).astype(np.uint16)
    content: Any = rows.reshape(-1)
    starts.flags.writeable = content.flags.writeable = False
    return starts, content


def of(text: str) -> Classes:
    """Return the classes of each code point of ``text``."""
    found: Classes = classes()[np.frombuffer(text.encode("utf-32-le"), dtype="<u4")]
    return found
