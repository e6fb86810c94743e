"""Words of texts as numbers, and the n-grams in them, for training. Importing this imports Numba.

A **stream** is the words of documents by number (uint32), with :data:`MARK` before each document
and behind the last. **Places** in it are sorted by the words that begin there: those of an n-gram
lie side by side, whatever its length, and n-grams are in the order of a level's keys.
"""
# ruff: noqa: ANN401, PLR0913, PLR0917, PLR2004

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from tasks import ngram_lm
from tasks.shingles.kernel import longer, room, start, tokens_following, widely_mixed

MARK: Final = np.uint32(ngram_lm.MARK)
FREE: Final = np.uint32(0xFFFFFFFF)
ONE: Final = np.uint64(1)
WORD_BITS: Final = np.uint64(32)
LOW_32: Final = np.uint64(0xFFFFFFFF)
NEVER: Final = np.uint8(15)
"""Of a place: no level so far tells it from the one before (lower four bits), or is too long for
the document that it stands in (upper four)."""


@njit(cache=True, nogil=True)
def table(hashes: Any, slots: int) -> Any:
    """Lay the numbers of words out by their hashes, in ``slots`` places, a power of two."""
    numbers = np.full(slots, FREE, np.uint32)
    mask = np.uint64(slots - 1)
    for i in range(len(hashes)):
        slot = widely_mixed(hashes[i]) & mask
        while numbers[slot] != FREE:
            slot = (slot + ONE) & mask
        numbers[slot] = i
    return numbers


@njit(cache=True, nogil=True)
def _with_room(hashes: Any, known: Any, numbers: Any, most: Any) -> Any:
    """Return hashes and table with room for so many words."""
    if most > len(hashes):
        hashes = longer(hashes, most)
    slots = len(numbers)
    while 2 * most > slots:
        slots *= 2
    if slots > len(numbers):
        numbers = table(hashes[:known], slots)
    return hashes, numbers


@njit(cache=True, nogil=True)
def number(data: Any, offsets: Any, folds: Any, hashes: Any, known: int, numbers: Any) -> Any:
    """Return the stream of texts; and the words' hashes, how many (``known`` before), their table.

    A word that is new gets the next number. A text without words leaves nothing.
    """
    work = room(offsets, 0, False)  # noqa: FBT003
    tokens, stream, size = work[2], np.empty(1 << 12, np.uint32), 0
    for text in range(len(offsets) - 1):
        state, last, begun = start(offsets[text], work), False, False
        while not last:
            (at, inside, left), end, last = tokens_following(
                data, offsets[text + 1], folds, work, state
            )
            state = (at, inside, left, np.uint64(0), 0)
            if size + end + 1 > len(stream):
                stream = longer(stream, size + end + 1)
            if end and not begun:
                stream[size] = MARK
                size, begun = size + 1, True
            hashes, numbers = _with_room(hashes, known, numbers, known + end)
            mask = np.uint64(len(numbers) - 1)
            for i in range(end):
                slot = widely_mixed(tokens[i]) & mask
                while numbers[slot] != FREE and hashes[numbers[slot]] != tokens[i]:
                    slot = (slot + ONE) & mask
                if numbers[slot] == FREE:
                    numbers[slot], hashes[known] = known, tokens[i]
                    known += 1
                stream[size + i] = numbers[slot]
            size += end
    return stream[:size].copy(), hashes, known, numbers


@njit(cache=True, nogil=True)
def renumber(stream: Any, order: Any) -> None:
    """Give words their places in ``order``, which are those of their numbers, in place."""
    places = np.empty(len(order), np.uint32)
    for i in range(len(order)):
        places[order[i]] = i
    for i in range(len(stream)):
        if stream[i] != MARK:
            stream[i] = places[stream[i]]


@njit(cache=True, nogil=True)
def sort_words(stream: Any, n_words: int) -> Any:
    """Return the places of a stream sorted by the word there, and what :func:`refine` goes on from.

    The mark is behind all words.
    """
    ends = np.zeros(n_words + 2, np.int64)
    size = len(stream) - 1
    for i in range(size):
        ends[(n_words if stream[i] == MARK else np.int64(stream[i])) + 1] += 1
    for i in range(n_words + 1):
        ends[i + 1] += ends[i]
    places = np.empty(size, np.uint32)
    for i in range(size):
        word = n_words if stream[i] == MARK else np.int64(stream[i])
        places[ends[word]] = i
        ends[word] += 1
    levels = np.full(size, (NEVER << 4) | NEVER, np.uint8)
    for i in range(size):
        if not i or stream[places[i]] != stream[places[i - 1]]:
            levels[i] = (NEVER << 4) | 1
    return places, levels


@njit(cache=True, nogil=True)
def refine(stream: Any, places: Any, levels: Any, n: int) -> None:
    """Sort places by ``n`` words, which are sorted by one less."""
    keys = np.empty(1 << 10, np.uint64)
    begin, size = 0, len(places)
    while begin < size:
        end = begin + 1
        while end < size and (levels[end] & 15) >= n:
            end += 1
        if levels[begin] >> 4 < n:
            begin = end
            continue
        width = end - begin
        if width > len(keys):
            keys = np.empty(2 * width, np.uint64)
        for i in range(width):
            place = np.uint64(places[begin + i])
            keys[i] = (np.uint64(stream[place + np.uint64(n - 1)]) << WORD_BITS) | place
        if width > 1:
            _sort(keys, width)
        for i in range(width):
            word = keys[i] >> WORD_BITS
            places[begin + i] = keys[i] & LOW_32
            if i and word != keys[i - 1] >> WORD_BITS:
                levels[begin + i] = (levels[begin + i] & 0xF0) | n
            if word == np.uint64(MARK):
                levels[begin + i] = (n << 4) | (levels[begin + i] & 15)
        begin = end


@njit(cache=True, nogil=True)
def _sort(keys: Any, width: int) -> None:
    """Sort the first few keys in place."""
    if width > 24:
        keys[:width].sort()
        return
    for i in range(1, width):
        key, k = keys[i], i
        while k and keys[k - 1] > key:
            keys[k] = keys[k - 1]
            k -= 1
        keys[k] = key


@njit(cache=True, nogil=True)
def rank(places: Any, levels: Any, n: int, ranks: Any) -> int:
    """Write to each place of a stream which n-gram begins there; return how many there are."""
    made = -1
    for i in range(len(places)):
        if levels[i] >> 4 > n:
            if levels[i] & 15 <= n:
                made += 1
            ranks[places[i]] = made
    return made + 1


@njit(cache=True, nogil=True)
def occurring(places: Any, levels: Any, n: int, size: int) -> Any:
    """Return how often each of the ``size`` n-grams occurs."""
    times, made = np.zeros(size, np.uint32), -1
    for i in range(len(places)):
        if levels[i] >> 4 > n:
            if levels[i] & 15 <= n:
                made += 1
            times[made] += np.uint32(1)
    return times


@njit(cache=True, nogil=True)
def preceded(stream: Any, places: Any, levels: Any, n: int, ranks: Any, times: Any) -> Any:
    """Return the counts of n-grams: how many words stand before each; ``times`` behind a mark.

    ``ranks`` are those of n-grams.
    """
    counts = np.zeros(len(times), np.uint32)
    for i in range(len(places)):
        if levels[i] >> 4 > n + 1 and levels[i] & 15 <= n + 1:
            counts[ranks[np.int64(places[i]) + 1]] += np.uint32(1)
    for i in range(len(places) - 1, -1, -1):
        if stream[places[i]] != MARK:
            break
        if levels[i] >> 4 > n:
            gram = ranks[places[i]]
            counts[gram] = times[gram]
    return counts


@njit(cache=True, nogil=True)
def counted(counts: Any, times: Any, least: int) -> Any:
    """Return how many n-grams have a count of 1, of 2, of 3, of 4; and how many are kept."""
    found, kept = np.zeros(4, np.int64), 0
    for i in range(len(counts)):
        if 1 <= counts[i] <= 4:
            found[counts[i] - 1] += 1
        kept += times[i] >= least
    return found, kept


@njit(cache=True, nogil=True)
def _total(levels: Any, n: Any, counts: Any, times: Any, least: Any, taken: Any) -> Any:
    """Return the sum of the counts of the first n-grams, and what the back-off weight has of it.

    ``levels`` are those of their places. It is the same in any order: whole numbers are added up.
    """
    total, left_out, some, gram = 0, 0, np.zeros(3, np.int64), 0
    for level in levels:
        if level >> 4 > n and level & 15 <= n:
            total += counts[gram]
            if times[gram] >= least:
                some[min(counts[gram], 3) - 1] += 1
            else:
                left_out += counts[gram]
            gram += 1
    return total, taken[0] * some[0] + taken[1] * some[1] + taken[2] * some[2] + left_out


@njit(cache=True, nogil=True)
def estimate(
    stream: Any, places: Any, levels: Any, n: int, grams: Any, contexts: Any, chances: Any
) -> Any:
    """Return the n-grams of a level that are kept, and the back-off weights of their contexts.

    ``grams``: counts, how often each occurs, how often one must to be kept, how many are, and the
    three discounts; of the (n-1)-grams, ``contexts``: which begins at a place of the stream, how
    often each occurs, how often one must, how many are kept, probability of each. To ``chances`` go
    the probabilities, unless it is empty. Returns keys, logs, logs of back-off weights.
    """
    counts, times, least, n_kept, taken = grams
    ranks, times_before, least_before, n_contexts, lower = contexts
    keys, logs = np.empty(n_kept, np.uint64), np.empty(n_kept, np.float32)
    back_offs = np.zeros(n_contexts, np.float32)
    begin, size, gram, kept, context, kept_context = 0, len(places), 0, 0, -1, -1
    while begin < size:
        end = begin + 1
        while end < size and levels[end] & 15 >= n:
            end += 1
        if levels[begin] >> 4 < n:
            begin = end
            continue
        context += 1
        kept_context += times_before[context] >= least_before
        total, saved = _total(levels[begin:end], n, counts[gram:], times[gram:], least, taken)
        weight = saved / max(total, 1)
        if total and times_before[context] >= least_before:
            back_offs[kept_context] = np.log(weight)
        for i in range(begin, end):
            if levels[i] >> 4 > n and levels[i] & 15 <= n:
                if times[gram] >= least:
                    place, count = np.int64(places[i]), counts[gram]
                    own = (count - taken[min(count, 3) - 1]) / total
                    chance = own + weight * lower[ranks[place + 1]]
                    if len(chances):
                        chances[gram] = chance
                    word = np.uint64(stream[place + n - 1])
                    keys[kept] = (np.uint64(kept_context) << WORD_BITS) | word
                    logs[kept] = np.log(chance)
                    kept += 1
                gram += 1
        begin = end
    return keys, logs, back_offs
