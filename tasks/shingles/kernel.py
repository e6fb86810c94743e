"""Shingles of texts, hashed, over UTF-8 bytes. Importing this imports Numba."""
# ruff: noqa: ANN401, PLR0913, PLR0917, PLR2004

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from tasks.characters import swar, wide
from tasks.shingles import ALONE, FACTOR, MIX, SEPARATOR

TOKENS_AT_ONCE: Final = 2_048
"""They are hashed before more are read: what is between stays in a core's cache."""
SPARE: Final = 40
"""Places that stay free, so that 32 bytes, or all limits of words in them, can be written."""
OFTEN: Final = 12
"""Words begin or end in 32 bytes of most texts so often, at most."""
SPACE: Final = np.uint64(0x20)
FACTOR_64: Final = np.uint64(FACTOR)
WIDE_1: Final = np.uint64(MIX[0])
WIDE_2: Final = np.uint64(MIX[1])


@njit(cache=True, nogil=True)
def longer(array: Any, size: int) -> Any:
    """Return an array of twice ``size`` that begins with what ``array`` holds."""
    new = np.empty(2 * size, array.dtype)
    new[: len(array)] = array
    return new


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
def code_point(data: Any, at: Any, stop: Any) -> Any:
    """Return the code point at a place, and where the next one begins."""
    code = np.int64(data[at])
    at += 1
    if code >= 0x80:
        more = 1 if code < 0xE0 else 2 if code < 0xF0 else 3
        code &= 0x3F >> more
        while more and at < stop:
            code = (code << 6) | (np.int64(data[at]) & 0x3F)
            at, more = at + 1, more - 1
    return min(code, np.int64(0x10FFFF)), at  # bytes that are no UTF-8 may say more


@njit(cache=True, nogil=True)
def _read_ascii(data: Any, stop: Any, words: Any, limits: Any, state: Any) -> Any:
    """Do what :func:`_read` does as long as there is ASCII, 32 bytes at a time."""
    at, size, count = state
    full = len(limits) - SPARE
    before = np.uint64(count & 1)
    while at < stop and count < full:
        found = wide.lowered(data, at, words, size)
        taken = min(swar.lowest(found >> np.uint64(32)), stop - at, wide.WIDTH)
        if taken == 0:
            break
        every = (np.uint64(1) << np.uint64(taken)) - np.uint64(1)
        marks = found & every
        turns = (marks ^ ((marks << np.uint64(1)) | before)) & every
        before = marks >> np.uint64(taken - 1)
        new = np.int64(swar.ones(turns))
        for k in range(OFTEN):  # whether there are as many or not: to ask would take longer
            limits[count + k] = size + swar.lowest(turns)
            turns &= turns - np.uint64(1)
        if new > OFTEN:
            for k in range(OFTEN, new):
                limits[count + k] = size + swar.lowest(turns)
                turns &= turns - np.uint64(1)
        at, size, count = at + taken, size + taken, count + new
    return at, size, count


@njit(cache=True, nogil=True)
def _read(data: Any, stop: int, folds: Any, words: Any, limits: Any, state: Any) -> Any:
    """Write words in lower case until ``limits`` is full of where they begin and end, in turn.

    What is written between two words is no matter. The state, which is returned: where in ``data``,
    bytes and limits written so far; a word is open if their number is odd.
    """
    starts, folded = folds
    at, size, count = state
    full, whole = len(limits) - SPARE, len(data) - wide.WIDTH
    while at < stop and count < full:
        if data[at] < 0x80 and at <= whole:
            at, size, count = _read_ascii(
                data, min(stop, whole + 1), words, limits, (at, size, count)
            )
            continue
        code, at = code_point(data, at, stop)
        both = np.int64(folded[np.int64(starts[code >> 8]) + (code & 0xFF)])
        code, kind = (code + both) & 0xFFFFFF, both >> 24
        if kind and count & 1:
            limits[count] = size
            count += 1
        if kind == SEPARATOR:
            continue
        if not count & 1:
            limits[count] = size
            count += 1
        size = _write(words, size, code)
        if kind == ALONE:
            limits[count] = size
            count += 1
    return at, size, count


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
def _words(words: Any, limits: Any, count: Any, tokens: Any, found: Any) -> Any:
    """Hash ``count`` words; return how many tokens there are then.

    It is :func:`_word` again, written out: a call for each word would take as long as its hash.
    """
    for i in range(count):
        at = limits[2 * i]
        size = limits[2 * i + 1] - at
        value = np.uint64(0)
        while size > 8:
            value = _token(value ^ swar.eight(words, at))
            at, size = at + 8, size - 8
        beyond = np.uint64(8 * (8 - size))
        tokens[found + i] = _token(value ^ ((swar.eight(words, at) << beyond) >> beyond))
    return found + count


@njit(cache=True, nogil=True)
def _characters(words: Any, limits: Any, count: Any, tokens: Any, found: Any, inside: Any) -> Any:
    """Hash each character of ``count`` words and a space between two; return how many tokens then.

    ``inside``: whether a word stands before the first one.
    """
    for i in range(count):
        if i or inside:
            tokens[found] = _token(SPACE)
            found += 1
        at, last = limits[2 * i], limits[2 * i + 1]
        while at < last:
            end = at + 1
            while end < last and words[end] & 0xC0 == 0x80:
                end += 1
            tokens[found] = _word(words, at, end - at)
            at, found = end, found + 1
    return found


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
    # In lower case two bytes may be three; a word of one character has a space behind it as tokens.
    words = np.empty(2 * longest + SPARE, np.uint8)
    limits = np.empty(2 * TOKENS_AT_ONCE + SPARE, np.int64)
    most = width + SPARE + (len(words) if by_character else TOKENS_AT_ONCE)
    tokens, hashes = np.empty(most, np.uint64), np.empty(most, np.uint64)
    return words, limits, tokens, hashes, width, by_character


@njit(cache=True, nogil=True)
def start(at: Any, work: Any) -> Any:
    """Return the state before the first shingle of a text that begins ``at`` a place."""
    tokens, width = work[2], work[4]
    tokens[:width] = 0
    return at, 0, 0, np.uint64(0), 0


@njit(cache=True, nogil=True)
def tokens_following(data: Any, stop: Any, folds: Any, work: Any, state: Any) -> Any:
    """Hash the next few thousand tokens of a text, which ends at ``stop``.

    Returns where to go on, whether inside a word, and bytes of it that were read, for the next
    call; where in ``work[2]`` tokens end now (they begin at ``work[4]``); whether they are the
    last. ``state`` is that of :func:`start`, of which the first three and the last are looked at.
    """
    words, limits, tokens, _, width, by_character = work
    at, inside, size, _, seen = state
    limits[0] = 0
    at, size, count = _read(data, stop, folds, words, limits, (at, size, inside))
    last = at >= stop
    if last and count & 1:
        limits[count] = size
        count += 1
    whole, inside = count >> 1, count & 1
    first = limits[2 * whole] if inside else size  # of a word that goes on in what is read next
    if by_character:
        found = _characters(words, limits, whole, tokens, width, seen)
    else:
        found = _words(words, limits, whole, tokens, width)
    words[: size - first] = words[first:size]
    return (at, inside, size - first), found, last


@njit(cache=True, nogil=True)
def following(data: Any, stop: Any, folds: Any, work: Any, state: Any) -> Any:
    """Hash the next few thousand shingles of a text, which ends at ``stop``.

    Returns the state for the next call, how many hashes (uint64) of ``work[3]`` are new, and
    whether they were the last. In the state stand where to go on, whether inside a word, bytes of
    it that were read, the sum of powers, and tokens seen: 0 in the end if there is no word at all.
    """
    _, _, tokens, hashes, width, _ = work
    (at, inside, size), found, last = tokens_following(data, stop, folds, work, state)
    (value, seen), made = _roll(tokens, width, found - width, hashes, (state[3], state[4]))
    if last and 0 < seen < width:
        hashes[0], made = widely_mixed(value), 1
    return (at, inside, size, value, seen), made, last


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
                found = longer(found, size + made)
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
