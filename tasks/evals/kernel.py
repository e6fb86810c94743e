"""Grams of eval items, and what documents have of them. Importing this imports Numba."""
# ruff: noqa: ANN401, PLR0913, PLR0917

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from tasks.evals import WIDTH
from tasks.shingles import ALONE, FACTOR, SEPARATOR
from tasks.shingles.kernel import code_point, longer, room, tokens_following, widely_mixed

FACTOR_64: Final = np.uint64(FACTOR)
ONE: Final = np.uint64(1)
LOW_6: Final = np.uint64(63)
LOW_32: Final = np.uint64(0xFFFFFFFF)
WORD: Final = np.uint64(32)
"""A find is a number: the word it begins with from this bit on, below it the gram."""
TOP: Final = np.uint64(64)


@njit(cache=True, nogil=True)
def _more_rows(array: Any, size: int) -> Any:
    new = np.empty((2 * size, array.shape[1]), array.dtype)
    new[: len(array)] = array
    return new


@njit(cache=True, nogil=True)
def _power(width: Any) -> Any:
    value = ONE
    for _ in range(width):
        value *= FACTOR_64
    return value


@njit(cache=True, nogil=True)
def itemised(data: Any, offsets: Any, folds: Any, least: int) -> Any:
    """Return the grams of items: hash, width, item and place in it; and how many words items have.

    Of an item with less than ``least`` words there are none.
    """
    work = room(offsets, WIDTH, False)  # noqa: FBT003
    tokens, power = work[2], _power(WIDTH)
    hashes, about = np.empty(1 << 12, np.uint64), np.empty((1 << 12, 3), np.int64)
    n_words, made = np.zeros(len(offsets) - 1, np.int64), 0
    for item in range(len(offsets) - 1):
        tokens[:WIDTH] = 0
        at, inside, size, value, seen, last = offsets[item], 0, 0, np.uint64(0), 0, False
        while not last:
            state = (at, inside, size, value, seen)
            (at, inside, size), end, last = tokens_following(
                data, offsets[item + 1], folds, work, state
            )
            if made + end >= len(hashes):
                hashes, about = longer(hashes, made + end), _more_rows(about, made + end)
            for i in range(WIDTH, end):
                value = value * FACTOR_64 + tokens[i] - tokens[i - WIDTH] * power
                seen += 1
                if seen >= WIDTH:
                    hashes[made] = widely_mixed(value)
                    about[made] = WIDTH, item, seen - WIDTH
                    made += 1
            tokens[:WIDTH] = tokens[end - WIDTH : end].copy()
        n_words[item] = seen
        if max(least, 1) <= seen < WIDTH:
            hashes[made], about[made] = widely_mixed(value), (seen, item, 0)
            made += 1
    return hashes[:made], about[:made], n_words


@njit(cache=True, nogil=True)
def table(hashes: Any, slots: int, bits: int) -> Any:
    """Lay grams out for :func:`find`: by slot its hash, its number, and a filter of 2^bits bits.

    ``slots`` is a power of two. In a slot that is free stands -1.
    """
    keys, numbers = np.zeros(slots, np.uint64), np.full(slots, -1, np.int32)
    marks = np.zeros(max(1, (1 << bits) >> 6), np.uint64)
    mask, shift = np.uint64(slots - 1), TOP - np.uint64(bits)
    for number in range(len(hashes)):
        value = hashes[number]
        slot = value & mask
        while numbers[slot] >= 0:
            slot = (slot + ONE) & mask
        keys[slot], numbers[slot] = value, number
        bit = value >> shift
        marks[bit >> np.uint64(6)] |= ONE << (bit & LOW_6)
    return keys, numbers, marks


@njit(cache=True, nogil=True)
def _number(value: Any, keys: Any, numbers: Any) -> Any:
    """Return a gram's number, or -1."""
    mask = np.uint64(len(keys) - 1)
    slot = value & mask
    while numbers[slot] >= 0:
        if keys[slot] == value:
            return np.int64(numbers[slot])
        slot = (slot + ONE) & mask
    return np.int64(-1)


@njit(cache=True, nogil=True)
def _look(tokens: Any, end: Any, seen: Any, rolls: Any, wanted: Any, finds: Any, made: Any) -> Any:
    """Look up the grams that end with each of ``tokens[WIDTH:end]``; return how many are found.

    ``rolls``: widths, their powers of the factor, and the sums of powers so far, which go on.
    """
    widths, powers, sums = rolls
    keys, numbers, marks, own_widths, shift = wanted
    for k in range(len(widths)):
        width, power, value = widths[k], powers[k], sums[k]
        for i in range(WIDTH, end):
            value = value * FACTOR_64 + tokens[i] - tokens[i - width] * power
            hashed = widely_mixed(value)
            bit = hashed >> shift
            if marks[bit >> np.uint64(6)] >> (bit & LOW_6) & ONE:
                number, first = _number(hashed, keys, numbers), seen + i - WIDTH + 1 - width
                if number >= 0 and own_widths[number] == width and first >= 0:
                    finds[made] = (np.uint64(first) << WORD) | np.uint64(number)
                    made += 1
        sums[k] = value
    return made


@njit(cache=True, nogil=True)
def find(data: Any, offsets: Any, folds: Any, wanted: Any, widths: Any) -> Any:
    """Return what texts have of grams, each text's in order of words, and where its own begin.

    ``wanted`` is what :func:`table` returns, the width of each gram, and 64 less the bits of the
    filter. A find is ``word << 32 | gram``.
    """
    work = room(offsets, WIDTH, False)  # noqa: FBT003
    tokens, sums = work[2], np.zeros(len(widths), np.uint64)
    powers = np.zeros(len(widths), np.uint64)
    for k in range(len(widths)):
        powers[k] = _power(widths[k])
    finds, firsts, made = np.empty(1 << 12, np.uint64), np.zeros(len(offsets), np.int64), 0
    for text in range(len(offsets) - 1):
        tokens[:WIDTH] = 0
        sums[:] = 0
        at, inside, size, seen, last = offsets[text], 0, 0, 0, False
        while not last:
            state = (at, inside, size, np.uint64(0), seen)
            (at, inside, size), end, last = tokens_following(
                data, offsets[text + 1], folds, work, state
            )
            more = len(widths) * (end - WIDTH)
            if made + more > len(finds):
                finds = longer(finds, made + more)
            made = _look(tokens, end, seen, (widths, powers, sums), wanted, finds, made)
            seen += end - WIDTH
            tokens[:WIDTH] = tokens[end - WIDTH : end].copy()
        if made > firsts[text] and len(widths) > 1:
            finds[firsts[text] : made] = np.sort(finds[firsts[text] : made])
        firsts[text + 1] = made
    return finds[:made], firsts


@njit(cache=True, nogil=True)
def places(data: Any, offsets: Any, folds: Any, finds: Any, firsts: Any, own_widths: Any) -> Any:
    """Return which bytes of its text each find is: from, and up to but without."""
    starts, ends = np.zeros(len(finds), np.int32), np.zeros(len(finds), np.int32)
    limits = np.empty((4, 2), np.int64)
    for text in range(len(offsets) - 1):
        if firsts[text] < firsts[text + 1]:
            if len(limits) < offsets[text + 1] - offsets[text] + 1:
                limits = np.empty((offsets[text + 1] - offsets[text] + 1, 2), np.int64)
            last = np.int64(finds[firsts[text + 1] - 1] >> WORD) + WIDTH
            _limits(data, offsets[text], offsets[text + 1], folds, limits, last)
            for i in range(firsts[text], firsts[text + 1]):
                word, gram = np.int64(finds[i] >> WORD), np.int64(finds[i] & LOW_32)
                starts[i] = limits[word, 0] - offsets[text]
                ends[i] = limits[word + own_widths[gram] - 1, 1] - offsets[text]
    return starts, ends


@njit(cache=True, nogil=True)
def _limits(data: Any, at: Any, stop: Any, folds: Any, limits: Any, most: Any) -> None:
    """Find where words begin and end, up to so many of them."""
    starts, folded = folds
    count, inside = 0, False
    while at < stop and count < most:
        begin = at
        code, at = code_point(data, at, stop)
        kind = folded[np.int64(starts[code >> 8]) + (code & 0xFF)] >> 24
        if kind and inside:
            limits[count, 1] = begin
            count, inside = count + 1, False
        if kind == ALONE:
            limits[count] = begin, at
            count += 1
        elif kind != SEPARATOR and not inside:
            limits[count, 0] = begin
            inside = True
    if inside:
        limits[count, 1] = at


@njit(cache=True, nogil=True)
def judge(grams: Any, words: Any, firsts: Any, items: Any, limits: Any) -> Any:
    """Return which items documents have: rows of document, item, words covered, longest run.

    ``items``: of grams where their places begin, and of each place the item and the gram's number
    in it; and how many words items have. ``limits``: an item counts if more than that share of its
    words is covered, or if a run is as long.
    """
    n_words, (share, run) = items[3], limits
    counts, own = np.zeros(len(n_words), np.int64), np.full(len(n_words), -1, np.int64)
    found, made = np.empty((1 << 10, 4), np.int64), 0
    for document in range(len(firsts) - 1):
        begin, end = firsts[document], firsts[document + 1]
        chosen, ends = _chosen(grams[begin:end], items, limits, counts)
        if not len(chosen):
            continue
        own[chosen] = np.arange(len(chosen))
        places = _places(grams[begin:end], words[begin:end], items, own, ends)
        own[chosen] = -1
        for k in range(len(chosen)):
            item, some = chosen[k], places[ends[k] : ends[k + 1]]
            width = min(WIDTH, n_words[item])
            covered, longest = _covered(some, width), _longest(some) + width - 1
            if covered > share * n_words[item] or longest >= run:
                if made == len(found):
                    found = _more_rows(found, made)
                found[made] = document, item, covered, longest
                made += 1
    return found[:made]


@njit(cache=True, nogil=True)
def _chosen(grams: Any, items: Any, limits: Any, counts: Any) -> Any:
    """Return the items of which a document may have enough, by how many places have its grams.

    And where each one's places would begin, one after the other. ``counts`` are zeros, and left so.
    """
    firsts, own, _, n_words = items
    share, run = limits
    touched, total = np.empty(16, np.int64), 0
    for gram in grams:
        for place in range(firsts[gram], firsts[gram + 1]):
            item = own[place]
            if not counts[item]:
                if total == len(touched):
                    touched = longer(touched, total)
                touched[total] = item
                total += 1
            counts[item] += 1
    ends, size = np.zeros(total + 1, np.int64), 0
    for item in touched[:total]:
        width, count = min(WIDTH, n_words[item]), counts[item]
        counts[item] = 0
        if count * width > share * n_words[item] or count + width - 1 >= run:
            touched[size] = item
            size += 1
            ends[size] = ends[size - 1] + count
    return touched[:size], ends[: size + 1]


@njit(cache=True, nogil=True)
def _places(grams: Any, words: Any, items: Any, chosen: Any, ends: Any) -> Any:
    """Return how much later in a document than in an item grams stand, and where in the item.

    ``chosen``: the number of each item, or -1; ``ends``: where in the answer its places begin.
    """
    firsts, own, ats, _ = items
    found, filled = np.empty((ends[-1], 2), np.int64), ends.copy()
    for i in range(len(grams)):
        for place in range(firsts[grams[i]], firsts[grams[i] + 1]):
            k = chosen[own[place]]
            if k >= 0:
                found[filled[k]] = words[i] - ats[place], np.int64(ats[place])
                filled[k] += 1
    return found


@njit(cache=True, nogil=True)
def _covered(places: Any, width: Any) -> Any:
    """Return how many words lie in grams of an item, of which some places are given."""
    ats = np.sort(places[:, 1])
    covered, end = 0, 0
    for i in range(len(ats)):
        covered += ats[i] + width - max(end, ats[i])
        end = ats[i] + width
    return covered


@njit(cache=True, nogil=True)
def _longest(places: Any) -> Any:
    """Return how many grams follow each other both in an item and in the document, at most."""
    keys = np.sort((places[:, 0] << 32) + places[:, 1])
    longest, length = 0, 0
    for i in range(len(keys)):
        if i and keys[i] == keys[i - 1]:
            continue
        length = length + 1 if i and keys[i] == keys[i - 1] + 1 else 1
        longest = max(longest, length)
    return longest
