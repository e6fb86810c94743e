"""What of a text is prose, and where its paragraphs lie. Importing this imports Numba.

White space, letters and lines are those of the rules (:mod:`tasks.characters`), not fastText's.
"""
# ruff: noqa: ANN401, C901, PLR0912, PLR0913, PLR0917, PLR2004

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from tasks import characters
from tasks.signals.lid.kernel import first_end

SPACE, LETTER = characters.SPACE, characters.LETTER
LIMIT: Final = 0x10FFFF
"""The last code point: bytes that are no UTF-8 may say more."""

RUN: Final = 3
WORD: Final = 2
"""So many plain words in a row of one line are prose; words of so many letters count."""

OTHER, JOIN, OPEN, CLOSE, QUOTE, INNER, BLANK, NEWLINE = range(8)
"""What a character is in a plain word; the last two end it."""

BEFORE, INSIDE, AFTER, NOT_PLAIN = range(4)
"""Where in a word we are: before its letters, in them, behind them, or it is not plain."""


@njit(cache=True, nogil=True)
def kinds_of_ascii() -> Any:
    """Return the kind of each byte of ASCII."""
    kinds = np.full(256, OTHER, np.uint8)
    for byte in range(128):
        if 65 <= byte <= 90 or 97 <= byte <= 122:
            kinds[byte] = INNER
        elif byte == 10:
            kinds[byte] = NEWLINE
        elif byte == 32 or 9 <= byte <= 13:
            kinds[byte] = BLANK
        elif byte in (39, 45):  # ' -
            kinds[byte] = JOIN
        elif byte == 40:  # (
            kinds[byte] = OPEN
        elif byte in (33, 41, 44, 46, 59, 63):  # ! ) , . ; ?
            kinds[byte] = CLOSE
        elif byte == 34:  # "
            kinds[byte] = QUOTE
    return kinds


@njit(cache=True, nogil=True)
def next_state(state: int, kind: int) -> int:
    """Return where in the word we are behind a character that does not end it."""
    if state == NOT_PLAIN or kind == OTHER:
        return NOT_PLAIN
    if kind == INNER:
        return INSIDE if state != AFTER else NOT_PLAIN
    if kind == OPEN:
        return BEFORE if state == BEFORE else NOT_PLAIN
    if kind == QUOTE:
        return BEFORE if state == BEFORE else AFTER
    return AFTER if kind == CLOSE else state


@njit(cache=True, nogil=True)
def code_point(data: Any, at: int, stop: int) -> tuple[Any, int]:
    """Return the character that begins here, and where the next one does."""
    lead, at = np.int64(data[at]), at + 1
    more = 0 if lead < 0xC0 else 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
    code = lead if lead < 0x80 else lead & (0x3F >> more)
    while more and at < stop:
        code = (code << 6) | (np.int64(data[at]) & 0x3F)
        at, more = at + 1, more - 1
    return min(code, LIMIT), at


@njit(cache=True, nogil=True)
def enough(
    data: Any, offsets: Any, first_bytes: int, least: int, share: float, classes: Any, out: Any
) -> None:
    """Tell which texts have ``least`` letters in their first bytes, and a ``share`` in prose.

    ``classes`` are those of every block of 256 code points, and where each block's begin. A text
    is read no further than what is left could change the answer.
    """
    content, starts = classes
    kinds = kinds_of_ascii()
    for i in range(len(offsets) - 1):
        at, stop = offsets[i], offsets[i + 1]
        stop = first_end(data, at, stop, first_bytes)
        letters = prose = 0  # those in prose that are sure to be
        words = waiting = 0  # of the run that is open, and its ASCII letters that are not sure
        state, size, mine = BEFORE, 0, 0  # of the word that is open; letters, those of ASCII
        out[i] = False
        while True:
            kind = np.int64(NEWLINE)
            if at < stop:
                kind = np.int64(kinds[data[at]])
                if kind == INNER:
                    begin = at
                    while at < stop and kinds[data[at]] == INNER:
                        at += 1
                    size += at - begin
                    mine += at - begin
                    letters += at - begin
                elif data[at] < 0x80:
                    at += 1
                else:
                    code, at = code_point(data, at, stop)
                    found = content[np.int64(starts[code >> 8]) + (code & 0xFF)]
                    kind = np.int64(BLANK if found & SPACE else INNER)
                    size += kind == INNER
                    letters += found & LETTER != 0
                    prose += found & LETTER != 0
            if kind < BLANK:
                state = next_state(state, int(kind))
                continue
            if state == NOT_PLAIN:
                words = waiting = 0
            else:
                words += size >= WORD
                waiting += mine
            if words >= RUN:
                prose += waiting
                waiting = 0
            if kind == NEWLINE:
                words = waiting = 0
            state, size, mine = BEFORE, 0, 0
            if letters >= least and prose >= share * (letters + stop - at):
                out[i] = True
                break
            if at >= stop:
                break


@njit(cache=True, nogil=True)
def paragraphs(data: Any, offsets: Any, classes: Any, begins: Any, ends: Any, texts: Any) -> int:
    """Count the paragraphs; if there is room, write down where each begins and ends, and its text.

    One goes from its first word to its last.
    """
    content, starts = classes
    count, room = 0, len(begins)
    for i in range(len(offsets) - 1):
        at, stop = offsets[i], offsets[i + 1]
        within = words = False  # in a paragraph; in a line with a word
        while at < stop:
            begin = at
            code, at = code_point(data, at, stop)
            if code == 10:
                within = words
                words = False
            elif content[np.int64(starts[code >> 8]) + (code & 0xFF)] & SPACE == 0:
                if not within and count < room:
                    begins[count], texts[count] = begin, i
                count += not within
                within = words = True
                if count <= room:
                    ends[count - 1] = at
    return count
