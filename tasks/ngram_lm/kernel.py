"""What texts have in nats under a model, over UTF-8 bytes. Importing this imports Numba."""
# ruff: noqa: ANN401, PLR0913, PLR0917

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from tasks.shingles.kernel import room, start, tokens_following, widely_mixed

HALF: Final = np.uint64(32)
"""Bits of a key: the number of an (n-1)-gram above them, that of a word below."""
FREE: Final = -2
"""The number in a place of a table where nothing is."""


@njit(cache=True, nogil=True)
def _home(key: Any, slots: Any) -> Any:
    """Return the place, of ``slots``, at which a key is looked for first."""
    return np.int64(((widely_mixed(key) >> HALF) * slots) >> HALF)


@njit(cache=True, nogil=True)
def fill(table: Any, keys: Any, numbers: Any, logs: Any) -> None:
    """Lay the n-grams of a level out in a table, which has more places than there are of them."""
    slots = np.uint64(len(table))
    for slot in range(len(table)):
        table[slot].number = FREE
    for i in range(len(keys)):
        slot = _home(keys[i], slots)
        while table[slot].number != FREE:
            slot += 1
            if slot == len(table):
                slot = 0
        place = table[slot]
        place.key, place.number, place.log = keys[i], numbers[i], logs[i]


@njit(cache=True, nogil=True)
def _slot(key: Any, table: Any, slot: Any) -> Any:
    """Return the place of a key in the table of a level, from its first one on, or a free one."""
    while table[slot].key != key and table[slot].number != FREE:
        slot += 1
        if slot == len(table):
            slot = 0
    return slot


@njit(cache=True, nogil=True)
def _words(tokens: Any, table: Any, unseen: Any, words: Any, scores: Any) -> None:
    """Find each word's number, or -1, and the log probability that it has without a context."""
    slots = np.uint64(len(table))
    for i in range(len(tokens)):
        place = table[_slot(tokens[i], table, _home(tokens[i], slots))]
        words[i], scores[i] = np.int32(-1), unseen
        if place.number != FREE:
            words[i], scores[i] = place.number, place.log


@njit(cache=True, nogil=True)
def _homes(table: Any, words: Any, nodes: Any, homes: Any) -> None:
    """Write down where each n-gram is looked for first, or -1 if it cannot be in the table.

    Nothing that is read decides what is read next: so memory is asked for many places at once, and
    :func:`_level` finds them in a core's cache. It makes the whole one and a half times as fast.
    """
    slots = np.uint64(len(table))
    for i in range(len(words)):
        home = _home((np.uint64(nodes[i]) << HALF) | np.uint64(words[i]), slots)
        there = (table[home].number != FREE) & (nodes[i] >= 0) & (words[i] >= 0)
        homes[i] = home if there else -1


@njit(cache=True, nogil=True)
def _level(table: Any, back_offs: Any, words: Any, nodes: Any, homes: Any, scores: Any) -> None:
    """Take the n-grams of a level for the words that have one, and for others the back-off weight.

    ``nodes``: at each word the number of the (n-1)-gram before it, or -1; they become the n-grams
    that end with it. ``homes`` is of :func:`_homes`.
    """
    for i in range(len(words)):
        node, nodes[i] = nodes[i], np.int32(-1)
        if homes[i] >= 0:
            key = (np.uint64(node) << HALF) | np.uint64(words[i])
            place = table[_slot(key, table, homes[i])]
            if place.number != FREE:
                nodes[i], scores[i] = place.number, place.log
                continue
        if node >= 0:
            scores[i] += back_offs[node]


@njit(cache=True, nogil=True)
def cross_entropy(data: Any, offsets: Any, folds: Any, table: Any, firsts: Any, rest: Any) -> Any:
    """Return the nats and the words of each text.

    ``firsts``: where in the table each level begins, and its end. ``rest``: logs of the back-off
    weights, of all levels one after the other; where each level's begin; the log probability of a
    word that was never seen; the number of the mark before a text.
    """
    back_offs, begins, unseen, mark = rest
    order = len(firsts) - 1
    work = room(offsets, 0, False)  # noqa: FBT003
    tokens = work[2]
    words = np.empty(len(tokens), np.int32)
    nodes = np.empty(len(tokens) + order, np.int32)
    homes = np.empty(len(tokens), np.int64)
    scores = np.empty(len(tokens), np.float64)
    carried = np.empty(order + 1, np.int32)
    nats, n_words = np.zeros(len(offsets) - 1), np.zeros(len(offsets) - 1, np.int64)
    for text in range(len(offsets) - 1):
        carried[:] = -1
        carried[1] = mark
        state, last, total = start(offsets[text], work), False, 0.0
        while not last:
            (at, inside, size), end, last = tokens_following(
                data, offsets[text + 1], folds, work, state
            )
            state = (at, inside, size, np.uint64(0), 0)
            if not end:
                continue
            _words(tokens[:end], table[: firsts[1]], unseen, words, scores)
            # What ends with a word stands before the next one: all is read one place further on.
            nodes[order : order + end] = words[:end]
            for n in range(2, order + 1):
                at_n = order + 1 - n
                carried[n - 1], nodes[at_n] = nodes[at_n + end], carried[n - 1]
                grams, before = table[firsts[n - 1] : firsts[n]], nodes[at_n : at_n + end]
                _homes(grams, words[:end], before, homes)
                _level(grams, back_offs[begins[n - 2] :], words[:end], before, homes, scores)
            for i in range(end):
                total -= scores[i]
            n_words[text] += end
        nats[text] = total
    return nats, n_words
