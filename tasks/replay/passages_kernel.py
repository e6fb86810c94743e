"""Where the passages of documents end, over UTF-8 bytes. Importing this imports Numba."""
# ruff: noqa: ANN401, C901, PLR0913, PLR0917

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from tasks.characters import QUOTE, SPACE, TERMINAL
from tasks.shingles.kernel import code_point, longer

NEWLINE: Final = 0x0A
LEAD: Final = 0xC0
MORE: Final = 0x80
"""Of a byte's two highest bits: those of one that is not the first of its code point."""
PARAGRAPH, LINE, SENTENCE, WHITE = range(4)
KINDS: Final = 4
NOTHING, ENDED, BEHIND = range(3)
"""Of a sentence: it goes on; a mark has ended it; white space has followed."""


@njit(cache=True, nogil=True)
def _skipped(data: Any, at: Any, stop: Any, most: int) -> Any:
    """Return the place behind up to so many code points, and how many these are."""
    seen = 0
    while at < stop:
        if (data[at] & LEAD) != MORE:
            if seen == most:
                break
            seen += 1
        at += 1
    return at, seen


@njit(cache=True, nogil=True)
def _contains(marks: Any, code: Any) -> Any:
    for mark in marks:  # noqa: SIM110
        if mark == code:
            return True
    return False


@njit(cache=True, nogil=True)
def _limit(data: Any, at: Any, end: Any, table: Any, unspaced: Any, best: Any) -> Any:
    """Return the place of the last of the best limits in a window, and the code points up to it.

    ``best`` is to work in: a row ``place, code points`` for each kind.
    """
    starts, content = table
    best[:] = -1
    seen, blank, sentence = 0, False, NOTHING
    while at < end:
        code, at = code_point(data, at, end)
        seen += 1
        classes = content[np.int64(starts[code >> 8]) + (code & 0xFF)]
        if code == NEWLINE:
            best[LINE] = at, seen
            if blank:
                best[PARAGRAPH] = at, seen
            blank = True
        elif not classes & SPACE:
            blank = False
        if classes & SPACE:
            best[WHITE] = at, seen
            if sentence != NOTHING:
                best[SENTENCE] = at, seen
                sentence = BEHIND
        elif _contains(unspaced, code):
            best[SENTENCE] = at, seen
            sentence = ENDED
        elif classes & TERMINAL:
            sentence = ENDED
        elif sentence == BEHIND or not classes & QUOTE:
            sentence = NOTHING
    for kind in range(KINDS):
        if best[kind, 0] >= 0:
            return best[kind, 0], best[kind, 1]
    return at, seen


@njit(cache=True, nogil=True)
def cut(data: Any, offsets: Any, most: int, table: Any, unspaced: Any) -> Any:
    """Return each passage's document, its first and last code point, and where its bytes begin.

    The last of these is where those of the last passage end: there is one more of them.
    """
    owners, starts = np.empty(1024, np.int64), np.empty(1024, np.int64)
    ends, places = np.empty(1024, np.int64), np.empty(1025, np.int64)
    best = np.empty((KINDS, 2), np.int64)
    made, first = 0, most * 3 // 4
    for owner in range(len(offsets) - 1):
        at, stop, start = offsets[owner], offsets[owner + 1], 0
        while at < stop:
            window, seen = _skipped(data, at, stop, first)
            end, more = _skipped(data, window, stop, most - first)
            size = seen + more
            if end < stop:
                end, more = _limit(data, window, end, table, unspaced, best)
                size = seen + more
            if made + 1 == len(owners):
                room = len(places)
                owners, starts = longer(owners, room), longer(starts, room)
                ends, places = longer(ends, room), longer(places, room + 1)
            owners[made], starts[made], ends[made], places[made] = owner, start, start + size, at
            at, start, made = end, start + size, made + 1
    places[made] = offsets[len(offsets) - 1]
    return owners[:made].copy(), starts[:made].copy(), ends[:made].copy(), places[: made + 1].copy()
