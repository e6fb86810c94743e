"""Counts of hashed n-grams over UTF-8 bytes. Importing this imports Numba."""
# ruff: noqa: ANN401, PLR0913, PLR0917

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from tasks.characters import swar
from tasks.shingles import FACTOR
from tasks.shingles.kernel import longer, room, tokens_following, widely_mixed

FACTOR_64: Final = np.uint64(FACTOR)
ONE: Final = np.uint64(1)
HALF: Final = np.uint64(32)
LOW_6: Final = np.uint64(63)
BY_WORD: Final = np.uint64(6)
BY_WORDS: Final = np.uint64(12)
"""A word of 64 bits marks as many buckets; one above it marks as many words."""


@njit(cache=True, nogil=True)
def space(offsets: Any, width: int) -> Any:
    """Return what :func:`hashed` works in, enough for the longest of some texts."""
    work = room(offsets, width, False)  # noqa: FBT003
    tokens = len(work[2])
    return work, np.empty(tokens, np.uint64), np.empty(width * tokens, np.uint64)


@njit(cache=True, nogil=True)
def hashed(
    data: Any, stop: Any, folds: Any, width: int, buckets: Any, spaces: Any, state: Any
) -> Any:
    """Find the buckets of the n-grams that end with each of the next few thousand words of a text.

    Returns the state for the next call, how many buckets of ``spaces[2]`` are new, and whether they
    were the last. In the state: where to go on, whether inside a word, bytes of it, words seen.
    """
    work, sums, found = spaces
    tokens = work[2]
    at, inside, size, seen = state
    if not seen:
        tokens[:width] = 0
    (at, inside, size), end, last = tokens_following(
        data, stop, folds, work, (at, inside, size, np.uint64(0), seen)
    )
    sums[:end] = tokens[:end]
    made = 0
    for n in range(1, width + 1):
        if n > 1:  # from the end, so that what stands before is still of one word less
            for i in range(end - 1, 0, -1):
                sums[i] = sums[i - 1] * FACTOR_64 + tokens[i]
        first = width + max(0, n - 1 - seen)
        for i in range(first, end):
            found[made + i - first] = ((widely_mixed(sums[i]) >> HALF) * buckets) >> HALF
        made += max(0, end - first)
    seen += end - width
    tokens[:width] = tokens[end - width : end].copy()
    return (at, inside, size, seen), made, last


@njit(cache=True, nogil=True)
def _taken(tally: Any, marks: Any, above: Any, names: Any, numbers: Any, size: Any) -> Any:
    """Write what is in the tally in order of buckets, and empty it; return what there is now."""
    for high in range(len(above)):
        while above[high]:
            middle = (high << 6) + swar.lowest(above[high])
            above[high] &= above[high] - ONE
            bits = marks[middle]
            marks[middle] = 0
            while bits:
                bucket = (middle << 6) + swar.lowest(bits)
                bits &= bits - ONE
                names[size], numbers[size] = bucket, tally[bucket]
                tally[bucket] = 0
                size += 1
    return size


@njit(cache=True, nogil=True)
def counted(data: Any, offsets: Any, folds: Any, width: int, buckets: int) -> Any:
    """Count the n-grams of texts: where each text's rows begin, buckets in order, and counts."""
    spaces, many = space(offsets, width), np.uint64(buckets)
    found = spaces[2]
    tally = np.zeros(buckets, np.uint32)
    marks = np.zeros((buckets >> 6) + 1, np.uint64)
    above = np.zeros((buckets >> 12) + 1, np.uint64)
    firsts = np.zeros(len(offsets), np.int64)
    names, numbers = np.empty(1 << 12, np.uint32), np.empty(1 << 12, np.uint32)
    size = 0
    for text in range(len(offsets) - 1):
        state, last, most = (offsets[text], 0, 0, 0), False, 0
        while not last:
            state, made, last = hashed(data, offsets[text + 1], folds, width, many, spaces, state)
            for bucket in found[:made]:
                tally[bucket] += np.uint32(1)
                marks[bucket >> BY_WORD] |= ONE << (bucket & LOW_6)
                above[bucket >> BY_WORDS] |= ONE << ((bucket >> BY_WORD) & LOW_6)
            most += made
        most = min(most, buckets)
        if size + most > len(names):
            names, numbers = longer(names, size + most), longer(numbers, size + most)
        size = firsts[text + 1] = _taken(tally, marks, above, names, numbers, size)
    return firsts, names[:size].copy(), numbers[:size].copy()
