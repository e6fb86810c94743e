"""Verified pairs among documents that share a band key. Importing this imports Numba."""
# ruff: noqa: ANN401, PLR0913, PLR0917

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from tasks.characters import swar
from tasks.shingles.kernel import FACTOR_64

CROWD: Final = 64
"""Documents of one key that each of the others is compared with: those that are preferred most.

Documents with a boilerplate in common share keys without being twins, and comparing all with all
would cost the square of their number.
"""
ENOUGH: Final = 8
"""Twins that are noted down of a document for one key: one of them, most likely, is kept."""


@njit(cache=True, nogil=True)
def _equal(sketches: Any, one: int, other: int) -> Any:
    """Count the bytes that two rows of ``sketches`` (a multiple of eight wide) have in common."""
    left, right, same = sketches[one], sketches[other], np.uint64(0)
    for k in range(0, len(left), 8):
        unlike = swar.eight(left, k) ^ swar.eight(right, k)
        same += swar.ones(~(((unlike & swar.LOW) + swar.LOW) | unlike) & swar.HIGH)
    return np.int64(same)


@njit(cache=True, nogil=True)
def _place(pair: Any, seen: Any) -> Any:
    """Return where a pair stands in the hash table ``seen`` (a power of two long), or is to."""
    last = len(seen) - 1
    place = np.int64((pair * FACTOR_64) >> np.uint64(32)) & last
    while seen[place] != 0 and seen[place] != pair:
        place = (place + 1) & last
    return place


@njit(cache=True, nogil=True)
def _longer(found: Any, seen: Any) -> Any:
    """Return both with twice the room."""
    longer = np.empty((2 * len(found), 3), np.int64)
    longer[: len(found)] = found
    wider = np.zeros(2 * len(seen), np.uint64)
    for pair in seen:
        if pair != 0:
            wider[_place(pair, wider)] = pair
    return longer, wider


@njit(cache=True, nogil=True)
def _compare(members: Any, sketches: Any, least: int, found: Any, seen: Any, made: int) -> Any:
    """Compare each member with the first ones of its group; note down who is alike, once.

    Returns what was noted down, the pairs so far, how many these are, and how many were compared.
    """
    compared = 0
    for i in range(1, len(members)):
        twins = 0
        for j in range(min(i, CROWD)):
            same = _equal(sketches, members[i], members[j])
            compared += 1
            if same >= least:
                # Of two numbers that differ, so that 0 is free to mean nothing.
                pair = np.uint64(members[i]) << np.uint64(32) | np.uint64(members[j])
                place = _place(pair, seen)
                if seen[place] == 0:
                    if made == len(found):
                        found, seen = _longer(found, seen)
                        place = _place(pair, seen)
                    found[made] = members[i], members[j], same
                    seen[place], made = pair, made + 1
                twins += 1
                if twins == ENOUGH:
                    break
    return found, seen, made, compared


@njit(cache=True, nogil=True)
def _by_another_band(key: Any, members: Any, sketches: Any, rows: int) -> Any:
    """Order a crowd by what its sketches say of another band; return also where that changes.

    Twins share most bands, a boilerplate's other documents few: so they come to lie together.
    """
    bands = sketches.shape[1] // rows
    begin = np.int64(key % np.uint64(max(bands, 1))) * rows
    said = np.zeros(len(members), np.uint64)
    for i in range(len(members)):
        for k in range(begin, begin + rows):
            said[i] = said[i] * FACTOR_64 + np.uint64(sketches[members[i], k])
    order = np.argsort(said, kind="mergesort")  # it keeps the order of equals
    return members[order], said[order]


@njit(cache=True, nogil=True)
def _end_of_equals(values: Any, begin: Any) -> Any:
    """Return where the values that equal the one at a place end, one after the other."""
    end = begin + 1
    while end < len(values) and values[end] == values[begin]:
        end += 1
    return end


@njit(cache=True, nogil=True)
def pairs(keys: Any, members: Any, sketches: Any, rows: int, least: int) -> Any:
    """Return rows of ``later, earlier, equal bytes``: members of one key that are alike.

    ``keys`` (uint64) is sorted; ``members`` numbers rows of ``sketches``, within a key in the order
    in which they are preferred. Alike is who has at least ``least`` bytes in common. A pair that
    shares several keys comes once: twins share most of theirs, and would fill the memory. Also
    returns how many were compared.
    """
    found, seen = np.empty((1024, 3), np.int64), np.zeros(2048, np.uint64)
    made, compared, begin = 0, 0, 0
    while begin < len(keys):
        end = _end_of_equals(keys, begin)
        group = members[begin:end]
        found, seen, made, more = _compare(group, sketches, least, found, seen, made)
        compared += more
        if end - begin > CROWD:
            ordered, said = _by_another_band(keys[begin], group, sketches, rows)
            start = 0
            while start < len(ordered):
                stop = _end_of_equals(said, start)
                run = ordered[start:stop]
                found, seen, made, more = _compare(run, sketches, least, found, seen, made)
                compared += more
                start = stop
        begin = end
    return found[:made], compared


@njit(cache=True, nogil=True)
def _set_limits(members: Any, sets: Any) -> Any:
    """Return where members of another set begin, one after the other, and where they all end."""
    numbers = sets[members]
    changes = np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
    limits = np.zeros(len(changes) + 2, np.int64)
    limits[1:-1], limits[-1] = changes, len(members)
    return limits


@njit(cache=True, nogil=True)
def _best(one: Any, others: Any, sketches: Any, least: int, best: Any) -> Any:
    """Write the likest of ``others`` into ``best`` (row, equal bytes), and count them."""
    held, most = 0, len(best)
    for other in others:
        same = _equal(sketches, one, other)
        if same < least or (held == most and same <= best[most - 1, 1]):
            continue
        at = min(held, most - 1)
        while at > 0 and best[at - 1, 1] < same:
            best[at] = best[at - 1]
            at -= 1
        best[at] = other, same
        held = min(held + 1, most)
    return held


@njit(cache=True, nogil=True)
def _likest(members: Any, sets: Any, sketches: Any, limits: Any, noted: Any) -> Any:
    """Note down for each member its likest ones of each other set: the first CROWD are compared.

    ``noted``: what was, and how much that is; returned are both, and how many were compared.
    Members of a set stand together, in the order in which they are preferred.
    """
    _, least, most = limits
    found, made = noted
    bounds, compared = _set_limits(members, sets), 0
    best = np.empty((most, 2), np.int64)
    for one in members:
        for k in range(len(bounds) - 1):
            others = members[bounds[k] : min(bounds[k + 1], bounds[k] + CROWD)]
            if sets[others[0]] == sets[one]:
                continue
            held = _best(one, others, sketches, least, best)
            compared += len(others)
            if made + held > len(found):
                longer = np.empty((2 * (made + held), 3), np.int64)
                longer[:made] = found[:made]
                found = longer
            for i in range(held):
                found[made + i] = one, best[i, 0], best[i, 1]
            made += held
    return found, made, compared


@njit(cache=True, nogil=True)
def across(keys: Any, members: Any, sets: Any, sketches: Any, limits: Any) -> Any:
    """Return rows of ``one, other, equal bytes``: members of one key, but of different sets.

    As :func:`pairs`, but for ``sets`` (by row of ``sketches``), whose members stand together within
    a key, and ``limits``: rows of a band, the least bytes in common, and how many others of a set
    are noted down, the likest. A pair may come both ways round.
    """
    found, made, compared, begin = np.empty((1024, 3), np.int64), 0, 0, 0
    while begin < len(keys):
        end = _end_of_equals(keys, begin)
        group = members[begin:end]
        found, made, more = _likest(group, sets, sketches, limits, (found, made))
        compared += more
        if end - begin > CROWD:
            ordered, said = _by_another_band(keys[begin], group, sketches, limits[0])
            start = 0
            while start < len(ordered):
                stop = _end_of_equals(said, start)
                run = ordered[start:stop]
                found, made, more = _likest(run, sets, sketches, limits, (found, made))
                compared += more
                start = stop
        begin = end
    return found[:made], compared


@njit(cache=True, nogil=True)
def gather(later: Any, earlier: Any, likeness: Any, ends: Any, twins: Any, alike: Any) -> None:
    """Put each pair behind those of its later document; ``ends`` says where they end, and moves."""
    for i in range(len(later)):
        place = ends[later[i]]
        twins[place], alike[place] = earlier[i], likeness[i]
        ends[later[i]] = place + 1


@njit(cache=True, nogil=True)
def settle(order: Any, ranks: Any, ends: Any, twins: Any, alike: Any, taken: Any) -> None:
    """Write down for each document the pair that it goes for; ``taken`` holds -1 at first.

    ``order`` names those with pairs, the preferred first; a document's pairs are those up to its
    place in ``ends``. Who has got a twin is not kept, so that nobody is dropped for somebody who is
    dropped.
    """
    for row in order:
        best = -1
        for k in range(ends[row - 1] if row else 0, ends[row]):
            if taken[twins[k]] >= 0 or (best >= 0 and alike[k] < alike[best]):
                continue
            if best < 0 or alike[k] > alike[best] or ranks[twins[k]] < ranks[twins[best]]:
                best = k
        taken[row] = best
