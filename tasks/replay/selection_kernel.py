"""Passages of strata, at random or for their n-grams. Importing this imports Numba."""
# ruff: noqa: ANN401, PLR0913, PLR0917

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from tasks.replay.features_kernel import entry
from tasks.shingles import FACTOR
from tasks.shingles.kernel import widely_mixed

STEP: Final = np.uint64(FACTOR)
TOP: Final = np.uint64(11)
PARTS: Final = 2.0**-53


@njit(cache=True, nogil=True)
def chance(salt: Any, number: Any) -> Any:
    """Return the so-manieth pseudo-random number in [0, 1)."""
    drawn = widely_mixed(salt + np.uint64(number) * STEP)
    return np.float64(drawn >> TOP) * PARTS


@njit(cache=True, nogil=True)
def _gain(counts: Any, row: Any, wanted: Any, have: Any, total: Any) -> Any:
    """Return what a passage brings, for each of its n-grams."""
    firsts, body = counts
    at, bucket, found, size = firsts[row], np.int64(-1), 0.0, 0
    while at < firsts[row + 1]:
        bucket, count, at = entry(body, at, bucket)
        size += count
        if wanted[bucket] > 0:
            found += wanted[bucket] * np.log((have[bucket] + count) / have[bucket])
    if not size:
        return -np.inf
    return (found - np.log((total + size) / total)) / size


@njit(cache=True, nogil=True)
def _add(counts: Any, row: Any, have: Any) -> Any:
    """Add a passage to the shard's counts; return how many n-grams it has."""
    firsts, body = counts
    at, bucket, size = firsts[row], np.int64(-1), 0
    while at < firsts[row + 1]:
        bucket, count, at = entry(body, at, bucket)
        have[bucket] += count
        size += count
    return size


@njit(cache=True, nogil=True)
def _stratum(weights: Any, drawn: Any) -> Any:
    """Return the stratum that a number in [0, 1) draws; -1 if none has weight."""
    total = 0.0
    for weight in weights:
        total += weight
    rest, found = drawn * total, -1
    for stratum in range(len(weights)):
        if weights[stratum] > 0:
            found = stratum
            if rest < weights[stratum]:
                break
            rest -= weights[stratum]
    return found


@njit(cache=True, nogil=True)
def _weigh(weights: Any, quotas: Any, taken: Any, left: Any, bins: int) -> None:
    """Weigh strata by what their quotas are short of; where none is, by the quotas."""
    some = False
    for stratum in range(len(weights)):
        unused = left[stratum * bins : (stratum + 1) * bins].sum()
        weights[stratum] = max(0.0, quotas[stratum] - taken[stratum]) if unused else 0.0
        some |= weights[stratum] > 0
    if not some:
        for stratum in range(len(weights)):
            unused = left[stratum * bins : (stratum + 1) * bins].sum()
            weights[stratum] = quotas[stratum] if unused else 0.0


@njit(cache=True, nogil=True)
def greedy(counts: Any, tokens: Any, cells: Any, limits: Any, shard: Any, draws: Any) -> Any:
    """Return the passages drawn, in order, for quotas and a budget.

    ``cells``: places of passages by cell, where each cell's begin, and cells in a stratum;
    ``limits``: quotas and the budget; ``shard``: the frequencies wanted, counts to begin with and
    how many these are; ``draws``: a salt, and passages to choose from.
    """
    (members, begins, bins), (quotas, budget) = cells, limits
    (wanted, begun, total), (salt, tries) = shard, draws
    members, have = members.copy(), begun.copy()
    left = begins[1:] - begins[:-1]
    taken, weights = np.zeros(len(quotas), np.int64), np.zeros(len(quotas), np.float64)
    chosen, made, held, number = np.empty(len(members), np.int64), 0, 0, 0
    while made < len(members):
        _weigh(weights, quotas, taken, left, bins)
        stratum = _stratum(weights, chance(salt, number))
        if stratum < 0:
            break
        # A passage of the stratum fixes the cell, and is the first of those to choose from.
        cell = stratum * bins
        drawn = np.int64(chance(salt, number + 1) * left[cell : cell + bins].sum())
        while drawn >= left[cell]:
            drawn -= left[cell]
            cell += 1
        first, unused = begins[cell], left[cell]
        number += 2
        best, gain = 0, -np.inf
        for k in range(min(tries, unused)):
            if k:
                drawn = k + np.int64(chance(salt, number) * (unused - k))
                number += 1
            one, other = first + k, first + drawn
            members[one], members[other] = members[other], members[one]
            if tries > 1:
                own = _gain(counts, members[one], wanted, have, total)
                if own > gain:
                    best, gain = k, own
        row = members[first + best]
        if held + tokens[row] - budget >= budget - held:
            break
        left[cell] -= 1
        members[first + best] = members[first + left[cell]]
        members[first + left[cell]] = row
        chosen[made] = row
        made += 1
        held += tokens[row]
        taken[stratum] += tokens[row]
        if tries > 1:
            total += _add(counts, row, have)
    return chosen[:made].copy()
