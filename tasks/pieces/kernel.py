"""Lines, paragraphs, anchors and runs of texts, hashed, over UTF-8 bytes. Imports Numba."""
# ruff: noqa: ANN401, C901, PLR0912, PLR0913, PLR0917, PLR1714, PLR2004, SIM109

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from tasks.pieces import ANCHOR, LINE, PARAGRAPH, SPACE, WHITE
from tasks.shingles import ALONE, FACTOR, SEPARATOR
from tasks.shingles.kernel import widely_mixed

FACTOR_64: Final = np.uint64(FACTOR)
ZERO: Final = np.uint64(0)
NEWLINE: Final = 0x0A


@njit(cache=True, nogil=True)
def _code_point(data: Any, at: Any, stop: Any) -> Any:
    """Return the code point that begins at a place, and where the next one does."""
    lead = np.int64(data[at])
    at += 1
    if lead < 0x80:
        return lead, at
    more = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
    code = lead & (0x3F >> more)
    while more and at < stop:
        code = (code << 6) | (np.int64(data[at]) & 0x3F)
        at, more = at + 1, more - 1
    return min(code, np.int64(0x10FFFF)), at


@njit(cache=True, nogil=True)
def _kind(code: Any, table: Any) -> Any:
    starts, kinds = table
    return kinds[np.int64(starts[code >> 8]) + (code & 0xFF)]


@njit(cache=True, nogil=True)
def _fold(value: Any, code: Any) -> Any:
    value = (value ^ np.uint64(code)) * FACTOR_64
    return value ^ (value >> np.uint64(32))


@njit(cache=True, nogil=True)
def _with_room(found: Any, made: Any, more: Any) -> Any:
    """Return arrays with room for so many pieces more; loops that write do not let them grow."""
    hashes, places = found
    if made + more > len(hashes):
        longer = np.empty(2 * (made + more), np.uint64)
        wider = np.empty((2 * (made + more), 3), np.int32)
        longer[:made], wider[:made] = hashes[:made], places[:made]
        return longer, wider
    return hashes, places


@njit(cache=True, nogil=True)
def _write(found: Any, made: Any, value: Any, kind: int, start: Any, end: Any) -> Any:
    """Write a piece down; return how many there are."""
    hashes, places = found
    hashes[made] = widely_mixed(value + np.uint64(kind))
    places[made, 0], places[made, 1], places[made, 2] = start, end, kind
    return made + 1


@njit(cache=True, nogil=True)
def _newlines(data: Any, begin: Any, stop: Any) -> Any:
    count = 0
    for at in range(begin, stop):
        count += data[at] == NEWLINE
    return count


@njit(cache=True, nogil=True)
def _lines(data: Any, begin: Any, stop: Any, table: Any, least: Any, found: Any, made: Any) -> Any:
    """Add the lines and paragraphs of a text, of at least so many words each (0: none of them)."""
    by_line, by_paragraph = least
    line, paragraph, line_words, words = ZERO, ZERO, 0, 0
    gap, paragraph_gap, inside = False, False, False
    line_start = start = begin  # where they begin
    filled, open_ = False, False  # whether this line is not blank; whether a paragraph goes on
    closed = False  # whether a blank line has ended it
    at = begin
    while at < stop:
        code, at = _code_point(data, at, stop)
        kind = _kind(code, table)
        if kind == WHITE:
            gap, paragraph_gap, inside = True, True, False
        else:
            if not filled:
                if closed and open_:
                    if by_paragraph and words >= by_paragraph:
                        made = _write(
                            found, made, paragraph, PARAGRAPH, start - begin, line_start - begin
                        )
                    open_ = False
                if not open_:
                    paragraph, words, start, open_ = ZERO, 0, line_start, True
                    paragraph_gap = False
                closed, filled, gap = False, True, False
            if gap:
                line = _fold(line, SPACE)
            if paragraph_gap:
                paragraph = _fold(paragraph, SPACE)
            gap = paragraph_gap = False
            line, paragraph = _fold(line, code), _fold(paragraph, code)
            if kind == ALONE or (kind != SEPARATOR and not inside):
                line_words, words = line_words + 1, words + 1
            inside = kind != SEPARATOR and kind != ALONE
        if code == NEWLINE or at >= stop:
            if by_line and line_words >= by_line:
                made = _write(found, made, line, LINE, line_start - begin, at - begin)
            closed = closed or not filled
            line, line_words, line_start, filled = ZERO, 0, at, False
    if open_ and by_paragraph and words >= by_paragraph:
        made = _write(found, made, paragraph, PARAGRAPH, start - begin, stop - begin)
    return made


@njit(cache=True, nogil=True)
def _some_tokens(data: Any, span: Any, table: Any, work: Any, state: Any) -> Any:
    """Hash tokens until the text ends, or there is no room for more; return the state then.

    The state: where to go on, tokens so far, the hash of the last one, whether inside a word.
    """
    (begin, stop), (values, starts), (at, count, value, inside) = span, work, state
    while at < stop and count + 1 < len(values):
        here = at
        code, at = _code_point(data, at, stop)
        kind = _kind(code, table)
        if kind == WHITE or kind == SEPARATOR:
            inside = False
            if kind == WHITE or not count:
                continue
        elif kind == ALONE or not inside:
            if count:
                values[count - 1] = value
            starts[count] = here - begin
            count, value, inside = count + 1, ZERO, kind != ALONE
        value = _fold(value, code)
    return at, count, value, inside


@njit(cache=True, nogil=True)
def _tokens(data: Any, begin: Any, stop: Any, table: Any, work: Any) -> Any:
    """Hash the tokens of a text; return the arrays, which grow, and how many there are.

    Beside the hashes stands where each begins, and behind the last one where the text ends.
    """
    values, starts = work
    state = begin, 0, ZERO, False
    while True:
        state = _some_tokens(data, (begin, stop), table, (values, starts), state)
        at, count, value, _ = state
        if at >= stop:
            break
        longer, wider = np.empty(2 * len(values), np.uint64), np.empty(2 * len(values), np.int64)
        longer[:count], wider[:count] = values[:count], starts[:count]
        values, starts = longer, wider
    if count:
        values[count - 1] = value
    starts[count] = stop - begin
    return (values, starts), count


@njit(cache=True, nogil=True)
def _roll(values: Any, count: Any, width: int) -> Any:
    """Return the sum of powers of each run of so many tokens."""
    made = max(count - width + 1, 0)
    sums, value, power = np.empty(made, np.uint64), ZERO, np.uint64(1)
    for _ in range(width):
        power *= FACTOR_64
    for i in range(count):
        value = value * FACTOR_64 + values[i]
        if i >= width:
            value -= values[i - width] * power
        if i >= width - 1:
            sums[i - width + 1] = value
    return sums


@njit(cache=True, nogil=True)
def _hashes(sums: Any) -> Any:
    hashes = np.empty(len(sums), np.uint64)
    for i in range(len(sums)):
        hashes[i] = widely_mixed(sums[i] + np.uint64(ANCHOR))
    return hashes


@njit(cache=True, nogil=True)
def _anchors(sums: Any, starts: Any, words: Any, found: Any, made: Any) -> Any:
    """Write down the anchors of a text's runs; return how many pieces there are then."""
    width, run = words
    within, hashes, chosen = run - width + 1, _hashes(sums), -1
    for last in range(within - 1, len(hashes)):
        before = chosen
        if chosen <= last - within:
            chosen = last
            for i in range(last - 1, last - within, -1):
                if hashes[i] < hashes[chosen]:
                    chosen = i
        elif hashes[last] < hashes[chosen]:
            chosen = last
        if chosen != before:
            made = _write(found, made, sums[chosen], ANCHOR, starts[chosen], starts[chosen + width])
    return made


@njit(cache=True, nogil=True)
def pieces(data: Any, offsets: Any, whole: Any, table: Any, least: Any, words: Any) -> Any:
    """Return pieces of texts: hashes (uint64), rows of ``start, end, kind``, and each text's first.

    ``least``: words of a line and of a paragraph, 0 for none of them; ``words``: those of an anchor
    and of a run, 0 for none. Texts that are ``whole`` have no pieces.
    """
    found = np.empty(1024, np.uint64), np.empty((1024, 3), np.int32)
    work = np.empty(1024, np.uint64), np.empty(1024, np.int64)
    firsts, made = np.zeros(len(offsets), np.int32), 0
    for i in range(len(offsets) - 1):
        begin, stop = offsets[i], offsets[i + 1]
        if not whole[i] and (least[0] or least[1]):
            found = _with_room(found, made, 2 * _newlines(data, begin, stop) + 2)
            made = _lines(data, begin, stop, table, least, found, made)
        if not whole[i] and words[1]:
            work, count = _tokens(data, begin, stop, table, work)
            sums = _roll(work[0], count, words[0])
            found = _with_room(found, made, len(sums))
            made = _anchors(sums, work[1], words, found, made)
        firsts[i + 1] = made
    return found[0][:made], found[1][:made], firsts


@njit(cache=True, nogil=True)
def runs(data: Any, offsets: Any, table: Any, words: Any, near: Any, limits: Any) -> Any:
    """Return runs of texts that hold an anchor: hashes, and rows of ``start, end, text``.

    ``near``: where the anchors of all texts begin, in order, and which of them is each text's
    first. ``limits``: the least and the largest hash that is asked for.
    """
    (places, firsts), (width, run), (low, high) = near, words, limits
    found, made = (np.empty(1024, np.uint64), np.empty((1024, 3), np.int32)), 0
    work = np.empty(1024, np.uint64), np.empty(1024, np.int64)
    for i in range(len(offsets) - 1):
        if firsts[i] == firsts[i + 1]:
            continue
        work, count = _tokens(data, offsets[i], offsets[i + 1], table, work)
        starts, sums, following = work[1], _roll(work[0], count, run), 0
        hashes = _hashes(sums)
        found = _with_room(found, made, len(sums))
        for k in range(firsts[i], firsts[i + 1]):
            anchor = np.searchsorted(starts[:count], places[k])
            following = max(following, anchor + width - run)
            while following <= min(anchor, len(sums) - 1):
                if low <= hashes[following] <= high:
                    end = starts[following + run]
                    made = _write(found, made, sums[following], ANCHOR, starts[following], end)
                    found[1][made - 1, 2] = i
                following += 1
    return found[0][:made], found[1][:made]
