"""Merges applied to the words of sources, and orders looked for that do not hold.

Importing this imports Numba.
"""
# ruff: noqa: ANN401, C901, PLR0912, PLR0913, PLR0915, PLR0917, SIM110

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

ONE: Final = np.uint64(1)
LOW_6: Final = np.int64(63)
HIGH: Final = np.int64(32)
"""A pair is one number: its left symbol from this bit on."""
FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
SHIFT: Final = np.uint64(20)


@njit(cache=True, nogil=True)
def _slot(slots: Any, keys: Any, key: Any) -> Any:
    """Return the slot of a pair, or the free one where it belongs."""
    mask = np.uint64(len(slots) - 1)
    at = ((np.uint64(key) * FACTOR) >> SHIFT) & mask
    while slots[at] >= 0 and keys[slots[at]] != key:
        at = (at + ONE) & mask
    return at


@njit(cache=True, nogil=True)
def _longer(array: Any, size: int) -> Any:
    longer = np.empty(size, array.dtype)
    for i in range(len(array)):
        longer[i] = array[i]
    return longer


@njit(cache=True, nogil=True)
def _more_rows(array: Any, size: int) -> Any:
    more = np.empty((size, array.shape[1]), array.dtype)
    for i in range(len(array)):
        for source in range(array.shape[1]):
            more[i, source] = array[i, source]
    return more


@njit(cache=True, nogil=True)
def _slots(keys: Any, size: int) -> Any:
    """Return slots for twice as many pairs as there is room for; a power of two."""
    slots = np.full(4 * len(keys), -1, np.int64)
    for i in range(size):
        slots[_slot(slots, keys, keys[i])] = i
    return slots


@njit(cache=True, nogil=True)
def _mark(symbol: Any) -> Any:
    return ONE << np.uint64(symbol & LOW_6)


@njit(cache=True, nogil=True)
def _join(values: Any, first: Any, end: Any, left: Any, right: Any, product: Any) -> Any:
    """Join a pair in a word where it lies; return where the word ends now."""
    at, to = first, first
    while at < end:
        if at + 1 < end and values[at] == left and values[at + 1] == right:
            values[to] = product
            at += 2
        else:
            values[to] = values[at]
            at += 1
        to += 1
    return to


@njit(cache=True, nogil=True)
def _has(values: Any, first: Any, end: Any, left: Any, right: Any) -> Any:
    for i in range(first, end - 1):
        if values[i] == left and values[i + 1] == right:
            return True
    return False


@njit(cache=True, nogil=True)
def simulated(values: Any, firsts: Any, counts: Any, merges: Any) -> Any:
    """Apply merges in order; return the pairs that ever occur, and how their counts change.

    ``keys``: of each row its pair. Changes ``limits[t]:limits[t + 1]`` lead to step ``t`` from the
    one before, the first ones from nothing: ``deltas[i]`` (by source) is added to the counts of
    pair ``rows[i]``. ``values`` is worked on in place.
    """
    n_words, n_sources = counts.shape
    ends, marks = firsts[1:].copy(), np.zeros(n_words, np.uint64)
    keys, size = np.empty(1 << 12, np.int64), 0
    slots = _slots(keys, 0)
    places = np.full(1 << 12, -1, np.int64)  # of a row among the changes of this step
    rows, deltas = np.empty(1 << 12, np.int64), np.empty((1 << 12, n_sources), np.int64)
    limits, made = np.zeros(len(merges) + 2, np.int64), 0
    left, right, product, both = np.int64(-1), np.int64(-1), np.int64(-1), np.uint64(0)
    for step in range(-1, len(merges)):
        if step >= 0:
            left, right, product = merges[step, 0], merges[step, 1], merges[step, 2]
            both = _mark(left) | _mark(right)
        began = made
        for word in range(n_words):
            first = firsts[word]
            if step >= 0 and (
                marks[word] & both != both or not _has(values, first, ends[word], left, right)
            ):
                continue
            room = ends[word] - first
            if size + room > len(keys):
                longer = 2 * (len(keys) + room)
                while longer & (longer - 1):
                    longer &= longer - 1
                keys, places = _longer(keys, longer), _longer(places, longer)
                slots = _slots(keys, size)
            if made + 2 * room > len(rows):
                rows = _longer(rows, 2 * (len(rows) + room))
                deltas = _more_rows(deltas, len(rows))
            for sign in range(-1, 2, 2):
                if step < 0 and sign < 0:
                    continue
                if step >= 0 and sign > 0:
                    ends[word] = _join(values, first, ends[word], left, right, product)
                    marks[word] |= _mark(product)
                for i in range(first, ends[word] - 1):
                    key = (np.int64(values[i]) << HIGH) | np.int64(values[i + 1])
                    at = _slot(slots, keys, key)
                    if slots[at] < 0:
                        slots[at], keys[size], places[size] = size, key, -1
                        size += 1
                    row = slots[at]
                    if places[row] < 0:
                        places[row], rows[made] = made, row
                        for source in range(n_sources):
                            deltas[made, source] = 0
                        made += 1
                    for source in range(n_sources):
                        deltas[places[row], source] += sign * counts[word, source]
            if step < 0:
                for i in range(first, ends[word]):
                    marks[word] |= _mark(values[i])
        kept = began
        for i in range(began, made):
            places[rows[i]] = -1
            changes = False
            for source in range(n_sources):
                changes |= deltas[i, source] != 0
                deltas[kept, source] = deltas[i, source]
            rows[kept] = rows[i]
            kept += changes
        made = kept
        limits[step + 2] = made
    return keys[:size], limits, rows[:made], deltas[:made]


@njit(cache=True, nogil=True)
def counts_at(start: Any, change_firsts: Any, rows: Any, deltas: Any, step: Any) -> Any:
    """Return the counts of all pairs at a step."""
    now = start.copy()
    for i in range(change_firsts[step]):
        for source in range(start.shape[1]):
            now[rows[i], source] += deltas[i, source]
    return now


@njit(cache=True, nogil=True)
def merge_counts(start: Any, change_firsts: Any, rows: Any, deltas: Any, wanted: Any) -> Any:
    """Return the counts of each step's merge at that step; ``wanted``: its row, or -1."""
    now = start.copy()
    found = np.zeros((len(wanted), start.shape[1]), np.int64)
    for step in range(len(wanted)):
        for source in range(start.shape[1]):
            if wanted[step] >= 0:
                found[step, source] = now[wanted[step], source]
            for i in range(change_firsts[step], change_firsts[step + 1]):
                now[rows[i], source] += deltas[i, source]
    return found


@njit(cache=True, nogil=True)
def violated(
    start: Any,
    change_firsts: Any,
    rows: Any,
    deltas: Any,
    wanted: Any,
    able: Any,
    weights: Any,
    scales: Any,
    slack: Any,
    most: Any,
) -> Any:
    """Return the orders that a mixture violates most: ``most`` competitors of a step at most.

    By how much a competitor is above the merge is measured in the step's ``scales``; what a pair
    may be above is ``slack[0][step] + slack[1][pair]``. Steps with a scale of 0 are passed over,
    and pairs that are not ``able``. Returns step, pair, how much above the slack, and the
    difference of counts, competitor less merge (finds, sources).
    """
    now, mixed = start.copy(), np.zeros(len(start))
    for row in range(len(start)):
        for source in range(len(weights)):
            mixed[row] += start[row, source] * weights[source]
    of_steps, of_pairs = slack
    found, made = np.empty((len(wanted) * most, 2), np.int64), 0
    amounts = np.empty(len(wanted) * most)
    differences = np.empty((len(wanted) * most, start.shape[1]), np.int64)
    for step in range(len(wanted)):
        if scales[step] > 0:
            begin = made
            base = mixed[wanted[step]] if wanted[step] >= 0 else 0.0
            least = 0.0
            for pair in range(len(mixed)):
                above = (mixed[pair] - base) / scales[step] - of_steps[step] - of_pairs[pair]
                if above <= least or not able[pair] or pair == wanted[step]:
                    continue
                # Kept in falling order; the last one goes when there are too many.
                at = made if made - begin < most else made - 1
                while at > begin and amounts[at - 1] < above:
                    amounts[at], found[at] = amounts[at - 1], found[at - 1]
                    at -= 1
                amounts[at], found[at, 0], found[at, 1] = above, step, pair
                made = min(made + 1, begin + most)
                if made - begin == most:
                    least = amounts[made - 1]
            for i in range(begin, made):
                for source in range(len(weights)):
                    merged = now[wanted[step], source] if wanted[step] >= 0 else 0
                    differences[i, source] = now[found[i, 1], source] - merged
        for i in range(change_firsts[step], change_firsts[step + 1]):
            row, total = rows[i], 0.0
            for source in range(len(weights)):
                now[row, source] += deltas[i, source]
                total += now[row, source] * weights[source]
            mixed[row] = total
    return found[:made], amounts[:made], differences[:made]
