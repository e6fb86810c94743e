r"""Pieces of a text that other texts may have too: lines, paragraphs, and runs of words.

**White space** is that of :mod:`tasks.characters`; **words** are those of :mod:`tasks.shingles` but
for their case, which counts here.

- **Line**: what stands between two ``\n``, and the second of them. **Paragraph**: neighbouring
  lines that are not blank, and blank ones that follow. Two are equal if they are the same but for
  how much white space there is where there is some, and at their ends.
- **Token**: a word and what follows it up to the next one. Two are equal if they are the same but
  for white space. **Run**: so many neighbouring tokens.

Equal is what has the same hash of 64 bits: of a billion different ones, two have by one chance in
forty.

**Anchors** are how runs are found without keeping a hash of each: of the shorter runs, of half as
many tokens, within a run that of the least hash (winnowing; Schleimer et al., SIGMOD 2003). Equal
runs hold equal ones, so that only texts which share an anchor can share a run, and then one that
holds it. There are about four anchors to ``words`` tokens.

Each is defined here in plain Python; :mod:`tasks.pieces.kernel` is what runs.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from tasks import characters
from tasks.characters import in_blocks
from tasks.shingles import FACTOR, LOW_64, kinds, mixed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

LINE, PARAGRAPH, ANCHOR = range(3)
NAMES: Final = ("line", "paragraph", "substring")
"""Levels as decisions call them, by kind."""
WHITE: Final = 3
"""Kind of a code point, beside those of :func:`tasks.shingles.kinds`."""
SPACE: Final = 0x20
_SHAPES: Final = "w.a "
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
_FILLED: Final = r"[^\n]*[^\n ][^\n]*(?:\n|\Z)"
_PARAGRAPH: Final = re.compile(rf"(?:{_FILLED})+(?: *\n)*(?: +\Z)?")
_TOKEN: Final = re.compile(r"(?:w+|a)[. \n]*")


class Piece(NamedTuple):
    """A hash, and the bytes of the text's UTF-8 that it is of: from, and up to but without."""

    hash: int
    start: int
    end: int


def anchor_width(words: int) -> int:
    """Return how many tokens an anchor has, where runs have so many."""
    return (words + 1) // 2


def lines(text: str, words: int) -> list[Piece]:
    """Return the lines of at least so many words."""
    return list(_spaced(text, _LINE, words, LINE))


def paragraphs(text: str, words: int) -> list[Piece]:
    """Return the paragraphs of at least so many words."""
    return list(_spaced(text, _PARAGRAPH, words, PARAGRAPH))


def _spaced(text: str, pattern: re.Pattern[str], words: int, kind: int) -> Iterator[Piece]:
    shape, at = _shape(text), _bytes(text)
    for found in pattern.finditer(shape):
        start, end = found.span()
        if len(_TOKEN.findall(shape[start:end])) >= words:
            parts = re.finditer(r"[^ \n]+", shape[start:end])
            said = " ".join(text[start:end][part.start() : part.end()] for part in parts)
            yield Piece(mixed(_fold(said) + kind), at[start], at[end])


def tokens(text: str) -> list[Piece]:
    """Return the tokens, each with its hash."""
    shape, at = _shape(text), _bytes(text)
    found = []
    for token in _TOKEN.finditer(shape):
        said = (text[i] for i in range(*token.span()) if shape[i] not in " \n")
        found.append(Piece(_fold(said), at[token.start()], at[token.end()]))
    return found


def runs(text: str, words: int) -> list[Piece]:
    """Return all runs of so many tokens."""
    some = tokens(text)
    found = []
    for i in range(len(some) - words + 1):
        run = some[i : i + words]
        value = sum(t.hash * FACTOR ** (words - 1 - k) for k, t in enumerate(run))
        found.append(Piece(mixed(value + ANCHOR), run[0].start, run[-1].end))
    return found


def anchors(text: str, words: int) -> list[Piece]:
    """Return the anchors of runs of so many tokens."""
    shorter = runs(text, anchor_width(words))
    within = words - anchor_width(words) + 1
    chosen = -1
    found = []
    for last in range(within - 1, len(shorter)):
        some = range(last - within + 1, last + 1)
        least = min(shorter[i].hash for i in some)
        # As long as it lies within, the one before; else the last of equals.
        if chosen not in some or shorter[chosen].hash != least:
            chosen = max(i for i in some if shorter[i].hash == least)
            found.append(shorter[chosen])
    return found


def _fold(said: Iterable[str]) -> int:
    """Return the hash of a token's characters."""
    value = 0
    for character in said:
        value = (value ^ ord(character)) * FACTOR & LOW_64
        value ^= value >> 32
    return value


def _shape(text: str) -> str:
    code_points = np.frombuffer(text.encode("utf-32-le"), "<u4")
    shapes = "".join(_SHAPES[kind] for kind in table_of_kinds()[code_points])
    return "".join("\n" if c == "\n" else s for c, s in zip(text, shapes, strict=True))


def is_blank(text: str) -> bool:
    """Return whether there is nothing but white space in a text."""
    code_points = np.frombuffer(text.encode("utf-32-le"), "<u4")
    return bool((table_of_kinds()[code_points] == WHITE).all())


def _bytes(text: str) -> list[int]:
    return list(accumulate((len(c.encode()) for c in text), initial=0))


@cache
def table_of_kinds() -> NDArray[np.uint8]:
    """Return the kind of every code point: of a word, a separator, a word of its own, white."""
    found = np.where(characters.classes() & characters.SPACE, WHITE, kinds()).astype(np.uint8)
    found.flags.writeable = False
    return found


@cache
def kinds_in_blocks() -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return the same in two levels (:func:`tasks.characters.in_blocks`)."""
    return in_blocks(table_of_kinds())
