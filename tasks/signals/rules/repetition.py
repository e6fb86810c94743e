"""Lines, paragraphs and n-grams that come again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tasks.characters import swar
from tasks.signals.rules.fields import (
    DUPE_5GRAM,
    DUPE_LINE_CHARACTERS,
    DUPE_LINES,
    DUPE_PARAGRAPH_CHARACTERS,
    DUPE_PARAGRAPHS,
    L_CHARS,
    L_FROM,
    L_OPENS,
    L_TO,
    PARAGRAPH_CHARACTERS,
    PARAGRAPHS,
    TOP_2GRAM,
    W_CHARS,
)

MIXER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio


@njit(cache=True, nogil=True)
def table_mask(n: int) -> int:
    """Return the size, less one, of a hash table of ``n`` keys: a power of two, half empty."""
    size = 16
    while size < 2 * n:
        size *= 2
    return size - 1


@njit(cache=True, nogil=True)
def mix(value: Any) -> Any:
    """Spread a number over all 64 bits."""
    value *= MIXER
    return value ^ (value >> np.uint64(32))


@njit(cache=True, nogil=True)
def number_spans(
    text: Any, spans: Any, n: int, slots: Any, keys: Any, ids: Any, times: Any
) -> None:
    """Give each of ``n`` spans of bytes the number of the first equal one, and count these."""
    mask = table_mask(n)
    slots[: mask + 1] = -1
    for s in range(n):
        at, end = np.int64(spans[s, 0]), np.int64(spans[s, 1])
        short = end - at <= 8
        mixed = np.uint64(0)
        first = at
        while first + 8 < end:
            mixed = mix(mixed ^ swar.load(text, first, 8))
            first += 8
        piece = swar.load(text, first, end - first)
        mixed = mix(mixed ^ piece)
        key = np.int64(piece)  # a short span whole, or else the last bytes of it
        slot = np.int64(mixed >> np.uint64(1)) & mask
        while True:
            other = slots[slot]
            if other < 0:
                slots[slot] = s
                keys[slot] = key
                ids[s] = s
                times[s] = 1
                break
            if keys[slot] == key and spans[other, 1] - spans[other, 0] == end - at:
                there = np.int64(spans[other, 0]) - at
                same = True
                if not short:
                    k = at
                    while same and k + 8 < end:
                        same = swar.load(text, k, 8) == swar.load(text, there + k, 8)
                        k += 8
                if same:
                    ids[s] = other
                    times[other] += 1
                    break
            slot = (slot + 1) & mask


@njit(cache=True, nogil=True)
def keep_repeated(ids: Any, places: Any, n: int, times: Any) -> int:
    """Of the ``n`` places keep those whose number occurs again; return how many.

    Written without a branch, here and in ``pair_up``: which places go is as good as random.
    """
    left = 0
    for p in range(n):
        k = places[p]
        again = times[ids[k]] > 1
        ids[k] = ids[k] if again else -1
        places[left] = k
        left += again
    return left


@njit(cache=True, nogil=True)
def pair_up(ids: Any, places: Any, n: int, grams: int, pairs: Any) -> int:
    """Keep the places whose next one has a number too, below ``grams``; return how many.

    The numbers of both become one of ``pairs``, and ``ids`` is emptied.
    """
    left = 0
    for p in range(n):
        k = places[p]
        second = ids[k + 1]  # there is one more than there are words
        pairs[left] = (np.int64(ids[k]) << 32) | np.int64(second)
        places[left] = k
        left += (k < grams) & (second >= 0)
        ids[k] = -1
    return left


@njit(cache=True, nogil=True)
def lengthen(
    ids: Any,
    places: Any,
    n: int,
    grams: int,
    slots: Any,
    keys: Any,
    times: Any,
    pairs: Any,
) -> int:
    """Turn numbers of repeated (n-1)-grams into numbers of n-grams, in place; return how many.

    An n-gram is the pair of the two (n-1)-grams in it, and is unique if one of them is: so only
    ``places`` is looked at, where one is repeated, and few are left after the first steps.
    """
    left = pair_up(ids, places, n, grams, pairs)
    mask = table_mask(left)
    slots[: mask + 1] = -1
    for p in range(left):
        k, key = places[p], pairs[p]
        slot = np.int64((np.uint64(key) * MIXER) >> np.uint64(32)) & mask
        while True:
            other = slots[slot]
            if other < 0:
                slots[slot] = k
                keys[slot] = key
                ids[k] = k
                times[k] = 1
                break
            if keys[slot] == key:
                ids[k] = other
                times[other] += 1
                break
            slot = (slot + 1) & mask
    return left


@njit(cache=True, nogil=True)
def covered(ids: Any, places: Any, left: int, n: int, only: int, until: Any) -> int:
    """Characters of the words in the n-grams at ``places``, each word once.

    ``only`` is the number of the n-gram that is meant, or -1 for all of them.
    """
    total = reached = 0
    for p in range(left):
        k = places[p]
        if only < 0 or ids[k] == only:
            total += until[k + n] - until[max(k, reached)]
            reached = k + n
    return total


@njit(cache=True, nogil=True)
def top(ids: Any, places: Any, left: int, n: int, times: Any, until: Any) -> int:
    """Return the number of the most frequent n-gram; of several the longest, then the first."""
    best, most, longest = -1, 0, 0
    for p in range(left):
        k = places[p]
        if ids[k] == k:
            length = until[k + n] - until[k]
            if times[k] > most or (times[k] == most and length > longest):
                best, most, longest = k, times[k], length
    return best


@njit(cache=True, nogil=True)
def repeat_words(
    text: Any,
    words: Any,
    n_words: int,
    slots: Any,
    keys: Any,
    ids: Any,
    times: Any,
    places: Any,
    until: Any,
    pairs: Any,
    out: Any,
) -> None:
    """Measure the most frequent 2- to 4-grams and the duplicate 5- to 10-grams."""
    until[0] = 0
    for k in range(n_words):
        until[k + 1] = until[k] + words[k, W_CHARS]
        places[k] = k
    ids[n_words] = -1
    number_spans(text, words, n_words, slots, keys, ids, times)
    left = keep_repeated(ids, places, n_words, times)
    for n in range(2, 11):
        left = lengthen(ids, places, left, n_words - n + 1, slots, keys, times, pairs)
        left = keep_repeated(ids, places, left, times)
        if left == 0:
            return
        if n <= 4:
            best = top(ids, places, left, n, times, until)
            out[TOP_2GRAM + n - 2] = covered(ids, places, left, n, best, until)
        else:
            out[DUPE_5GRAM + n - 5] = covered(ids, places, left, n, -1, until)


@njit(cache=True, nogil=True)
def repeat_lines(
    text: Any, lines: Any, n_lines: int, slots: Any, keys: Any, ids: Any, times: Any, out: Any
) -> None:
    """Count the lines, then the paragraphs, that have an equal one before them.

    The lines are overwritten by the paragraphs.
    """
    number_spans(text, lines, n_lines, slots, keys, ids, times)
    for k in range(n_lines):
        if ids[k] != k:
            out[DUPE_LINES] += 1
            out[DUPE_LINE_CHARACTERS] += lines[k, L_CHARS]
    n = 0
    for k in range(n_lines):
        # Read before written: the paragraph's row may be this line's.
        at, end, chars = lines[k, L_FROM], lines[k, L_TO], lines[k, L_CHARS]
        if lines[k, L_OPENS]:
            n += 1
            lines[n - 1, L_FROM] = at
            lines[n - 1, L_CHARS] = 0
        lines[n - 1, L_TO] = end
        lines[n - 1, L_CHARS] += chars
    number_spans(text, lines, n, slots, keys, ids, times)
    for k in range(n):
        out[PARAGRAPH_CHARACTERS] += lines[k, L_CHARS]
        if ids[k] != k:
            out[DUPE_PARAGRAPHS] += 1
            out[DUPE_PARAGRAPH_CHARACTERS] += lines[k, L_CHARS]
    out[PARAGRAPHS] = n
