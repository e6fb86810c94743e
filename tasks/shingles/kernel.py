"""Shingles of texts, hashed, over UTF-8 bytes. Importing this imports Numba."""
# ruff: noqa: ANN401, PLR0913, PLR0917, PLR2004

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from tasks.characters import swar
from tasks.shingles import ALONE, FACTOR, SEPARATOR

TOKENS_AT_ONCE: Final = 4_096
"""They are hashed before more are read: what is between stays in a core's cache."""
SPARE: Final = 16
"""Places that stay free, so that eight bytes with four words in them can be written whole."""
SPACE: Final = np.uint64(0x20)
SPACES: Final = np.uint64(0x2020202020202020)
LOW_8: Final = np.uint64(0xFF)
FACTOR_64: Final = np.uint64(FACTOR)
WIDE_1: Final = np.uint64(0xFF51AFD7ED558CCD)
WIDE_2: Final = np.uint64(0xC4CEB9FE1A85EC53)


@njit(cache=True, nogil=True)
def widely_mixed(value: Any) -> Any:
    """Return MurmurHash3's finaliser of 64 bits (github.com/aappleby/smhasher)."""
    value = (value ^ (value >> np.uint64(33))) * WIDE_1
    value = (value ^ (value >> np.uint64(33))) * WIDE_2
    return value ^ (value >> np.uint64(33))


@njit(cache=True, nogil=True)
def _write(words: Any, size: int, code: Any) -> int:
    """Write a code point in UTF-8; return where the next one goes."""
    if code < 0x80:
        words[size] = code
        return size + 1
    if code < 0x800:
        words[size] = 0xC0 | (code >> 6)
        words[size + 1] = 0x80 | (code & 0x3F)
        return size + 2
    if code < 0x10000:
        words[size] = 0xE0 | (code >> 12)
        words[size + 1] = 0x80 | ((code >> 6) & 0x3F)
        words[size + 2] = 0x80 | (code & 0x3F)
        return size + 3
    words[size] = 0xF0 | (code >> 18)
    words[size + 1] = 0x80 | ((code >> 12) & 0x3F)
    words[size + 2] = 0x80 | ((code >> 6) & 0x3F)
    words[size + 3] = 0x80 | (code & 0x3F)
    return size + 4


@njit(cache=True, nogil=True)
def _read_ascii(data: Any, stop: Any, words: Any, begins: Any, state: Any) -> Any:
    """Do what :func:`_read` does as long as there is ASCII, eight bytes at a time."""
    at, inside, size, count = state
    full, whole = len(begins) - SPARE, min(stop, len(data) - 7)
    before = np.uint64(inside) << np.uint64(7)
    while at < stop and count < full:
        chunk = swar.eight(data, at) if at < whole else swar.load(data, at, stop - at)
        most = min(swar.first(chunk & swar.HIGH), stop - at)
        if most == 0:
            break
        marks = swar.alphanumeric(chunk)
        before |= marks << np.uint64(8)
        # As far as separators stand alone; what follows one is skipped as far as it is one too.
        taken = min(swar.first(~(marks | before) & swar.HIGH), most)
        within = (marks >> np.uint64(7)) * LOW_8
        swar.put(words, size, (swar.lower(chunk) & within) | (SPACES & ~within))
        new = marks & ~before
        if taken < 8:
            new &= (np.uint64(1) << np.uint64(8 * taken)) - np.uint64(1)
        # One or two words begin here, most often: both are written down without asking.
        begins[count] = size + swar.first(new)
        second = new & (new - np.uint64(1))
        begins[count + 1] = size + swar.first(second)
        many = np.int64(swar.ones(new))
        if many > 2:
            for k in range(2, many):
                second &= second - np.uint64(1)
                begins[count + k] = size + swar.first(second)
        count += many
        if taken == 8:  # foreseen, so that the next eight need not wait for what this was found by
            at, size, before = at + 8, size + 8, marks >> np.uint64(56)
            continue
        at, size = at + taken, size + taken
        before = (before >> np.uint64(8 * taken)) & np.uint64(0x80)
        if taken < most:
            at += min(swar.first(marks >> np.uint64(8 * taken)), most - taken)
    return at, np.int64(before >> np.uint64(7)), size, count


@njit(cache=True, nogil=True)
def _read(data: Any, stop: int, folds: Any, words: Any, begins: Any, state: Any) -> Any:
    """Write words in lower case, each with a space behind it, until ``begins`` is full.

    ``begins`` holds where each begins. The state, which is returned: where in ``data``, whether
    inside a word (0 or 1), bytes and words written so far.
    """
    starts, folded = folds
    at, inside, size, count = state
    full = len(begins) - SPARE
    while at < stop and count < full:
        if data[at] < 0x80:
            at, inside, size, count = _read_ascii(
                data, stop, words, begins, (at, inside, size, count)
            )
            continue
        lead = np.int64(data[at])
        more = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
        code = lead & (0x3F >> more)
        at += 1
        while more and at < stop:
            code = (code << 6) | (np.int64(data[at]) & 0x3F)
            at, more = at + 1, more - 1
        code = min(code, np.int64(0x10FFFF))  # bytes that are no UTF-8 may say more
        both = np.int64(folded[np.int64(starts[code >> 8]) + (code & 0xFF)])
        code, kind = (code + both) & 0xFFFFFF, both >> 24
        if inside and kind:
            words[size] = 32
            size, inside = size + 1, 0
        if kind == SEPARATOR:
            continue
        if not inside:
            begins[count] = size
            count += 1
        size, inside = _write(words, size, code), 1
        if kind == ALONE:
            words[size] = 32
            size, inside = size + 1, 0
    return at, inside, size, count


@njit(cache=True, nogil=True)
def _token(value: Any) -> Any:
    """Return the product with the factor, its upper half folded into the lower one."""
    value *= FACTOR_64
    return value ^ (value >> np.uint64(32))


@njit(cache=True, nogil=True)
def _word(words: Any, at: int, size: int) -> Any:
    """Hash the bytes of a word; seven more must be there."""
    value = np.uint64(0)
    while size > 8:
        value = _token(value ^ swar.eight(words, at))
        at, size = at + 8, size - 8
    beyond = np.uint64(8 * (8 - size))
    return _token(value ^ ((swar.eight(words, at) << beyond) >> beyond))


@njit(cache=True, nogil=True)
def _words(words: Any, begins: Any, count: Any, tokens: Any, found: Any) -> Any:
    """Hash ``count`` words; return how many tokens there are then.

    It is :func:`_word` again, written out: a call for each word would take as long as its hash.
    """
    for i in range(count):
        at = begins[i]
        size = begins[i + 1] - 1 - at
        value = np.uint64(0)
        while size > 8:
            value = _token(value ^ swar.eight(words, at))
            at, size = at + 8, size - 8
        beyond = np.uint64(8 * (8 - size))
        tokens[found + i] = _token(value ^ ((swar.eight(words, at) << beyond) >> beyond))
    return found + count


@njit(cache=True, nogil=True)
def _characters(words: Any, size: Any, tokens: Any, count: int) -> int:
    """Hash each character of ``words[:size]``; return how many tokens there are then."""
    at = 0
    while at < size:
        end = at + 1
        while end < size and words[end] & 0xC0 == 0x80:
            end += 1
        tokens[count] = _word(words, at, end - at)
        at, count = end, count + 1
    return count


@njit(cache=True, nogil=True)
def _roll(tokens: Any, width: int, count: int, hashes: Any, state: Any) -> Any:
    """Hash the shingles that end with each of ``tokens[width:width + count]``.

    Before them stand the ``width`` tokens that came before (zeros at first). The state, which is
    returned: the sum of powers so far, and tokens seen. Also returns how many hashes there are.
    """
    value, seen = state
    power = np.uint64(1)
    for _ in range(width):
        power *= FACTOR_64
    made = 0
    for i in range(count):
        value = value * FACTOR_64 + tokens[width + i] - tokens[i] * power
        seen += 1
        if seen >= width:
            hashes[made] = widely_mixed(value)
            made += 1
    tokens[:width] = tokens[count : count + width].copy()
    return (value, seen), made


@njit(cache=True, nogil=True)
def room(offsets: Any, width: int, by_character: bool) -> Any:  # noqa: FBT001
    """Return what :func:`following` works in, enough for the longest of some texts.

    ``width``: words, or characters, of a shingle.
    """
    longest = 0
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    # In lower case two bytes may be three; a word of one character has a space behind it.
    words = np.empty(2 * longest + SPARE, np.uint8)
    begins = np.empty(TOKENS_AT_ONCE + SPARE, np.int64)
    most = width + SPARE + (len(words) if by_character else len(begins))
    tokens, hashes = np.empty(most, np.uint64), np.empty(most, np.uint64)
    return words, begins, tokens, hashes, width, by_character


@njit(cache=True, nogil=True)
def start(at: Any, work: Any) -> Any:
    """Return the state before the first shingle of a text that begins ``at`` a place."""
    tokens, width = work[2], work[4]
    tokens[:width] = 0
    return at, 0, 0, np.uint64(0), 0


@njit(cache=True, nogil=True)
def following(data: Any, stop: Any, folds: Any, work: Any, state: Any) -> Any:
    """Hash the next few thousand shingles of a text, which ends at ``stop``.

    Returns the state for the next call, how many hashes (uint64) of ``work[3]`` are new, and
    whether they were the last. In the state stand where to go on, whether inside a word, bytes of
    it that were read, the sum of powers, and tokens seen: 0 in the end if there is no word at all.
    """
    words, begins, tokens, hashes, width, by_character = work
    at, inside, size, value, seen = state
    begins[0] = 0
    at, inside, size, count = _read(data, stop, folds, words, begins, (at, inside, size, inside))
    last = at >= stop
    if last and inside:
        words[size] = 32
        size, inside = size + 1, 0
    begins[count] = size
    whole = count - inside
    first = begins[whole]  # of a word that goes on in what is read next
    found = width
    if by_character:
        if seen and first:
            tokens[found] = _token(SPACE)  # between what came before and what comes now
            found += 1
        found = _characters(words, first - 1, tokens, found)
    else:
        found = _words(words, begins, whole, tokens, found)
    (value, seen), made = _roll(tokens, width, found - width, hashes, (value, seen))
    if last and 0 < seen < width:
        hashes[0], made = widely_mixed(value), 1
    words[: size - first] = words[first:size]
    return (at, inside, size - first, value, seen), made, last


@njit(cache=True, nogil=True)
def sets(data: Any, offsets: Any, folds: Any, width: int, by_character: bool) -> Any:  # noqa: FBT001
    """Return the different shingles of each text: hashes in order, and where each text's begin."""
    work = room(offsets, width, by_character)
    found, ends = np.empty(1 << 16, np.uint64), np.zeros(len(offsets), np.int64)
    size = 0
    for i in range(len(offsets) - 1):
        begin, last, state = size, False, start(offsets[i], work)
        while not last:
            state, made, last = following(data, offsets[i + 1], folds, work, state)
            if size + made > len(found):
                longer = np.empty(2 * (size + made), np.uint64)
                longer[:size] = found[:size]
                found = longer
            found[size : size + made] = work[3][:made]
            size += made
        found[begin:size] = np.sort(found[begin:size])
        distinct = begin
        for k in range(begin, size):
            if k == begin or found[k] != found[distinct - 1]:
                found[distinct] = found[k]
                distinct += 1
        size = ends[i + 1] = distinct
    return found[:size], ends


@njit(cache=True, nogil=True)
def jaccard(found: Any, ends: Any, left: Any, right: Any) -> Any:
    """Return the Jaccard similarity of pairs of texts, of which ``found`` are the shingles."""
    similar = np.zeros(len(left), np.float64)
    for i in range(len(left)):
        one, one_end = ends[left[i]], ends[left[i] + 1]
        other, other_end = ends[right[i]], ends[right[i] + 1]
        both, every = 0, one_end - one + other_end - other
        while one < one_end and other < other_end:
            this, that = found[one], found[other]
            both += this == that
            one += this <= that
            other += that <= this
        if every:
            similar[i] = both / (every - both)
    return similar
