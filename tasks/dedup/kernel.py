"""Verified pairs among documents that share a band key. Importing this imports Numba."""
# ruff: noqa: ANN401

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
def _compare(members: Any, sketches: Any, least: int, found: Any, made: int) -> Any:
    """Compare each member with the first ones of its group; note down who is alike.

    Returns what was noted down, how much that is, and how many were compared.
    """
    compared = 0
    for i in range(1, len(members)):
        twins = 0
        for j in range(min(i, CROWD)):
            same = _equal(sketches, members[i], members[j])
            compared += 1
            if same >= least:
                if made == len(found):
                    longer = np.empty((2 * made, 3), np.int64)
                    longer[:made] = found
                    found = longer
                found[made] = members[i], members[j], same
                made, twins = made + 1, twins + 1
                if twins == ENOUGH:
                    break
    return found, made, compared


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
    shares several keys comes several times. Also returns how many were compared.
    """
    found, made, compared, begin = np.empty((1024, 3), np.int64), 0, 0, 0
    while begin < len(keys):
        end = _end_of_equals(keys, begin)
        group = members[begin:end]
        found, made, more = _compare(group, sketches, least, found, made)
        compared += more
        if end - begin > CROWD:
            ordered, said = _by_another_band(keys[begin], group, sketches, rows)
            start = 0
            while start < len(ordered):
                stop = _end_of_equals(said, start)
                run = ordered[start:stop]
                found, made, more = _compare(run, sketches, least, found, made)
                compared += more
                start = stop
        begin = end
    return found[:made], compared


@njit(cache=True, nogil=True)
def settle(later: Any, earlier: Any, twins: Any) -> None:
    """Write down for each document the pair that it goes for; ``twins`` holds -1 at first.

    Pairs come in the order in which the later document is preferred, its likest twin first. Who
    has got a twin is not kept, so that nobody is dropped for somebody who is dropped.
    """
    for i in range(len(later)):
        if twins[later[i]] < 0 and twins[earlier[i]] < 0:
            twins[later[i]] = i
