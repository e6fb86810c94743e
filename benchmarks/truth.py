"""Which documents are near-duplicates, exactly: no sketches, no chance to miss a pair.

Two documents are if the sets of their word 5-gram shingles (:mod:`tasks.shingles`) have a Jaccard
similarity of 4/5 or more. Shingles are told apart by 64 bits of XXH3, which two of twenty million
share once in a hundred thousand times.

Pairs are found as AllPairs does (Bayardo, Ma and Srikant, WWW 2007). With the shingles of each set
in one order of all, the rarest first, two sets that are alike have a shingle in common among the
first ``size - ceil(4/5 size) + 1`` of each. Sets that meet there, and whose sizes allow it, are
compared shingle by shingle, in whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from xxhash import xxh3_64_intdigest

from tasks.shingles import shingles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

WORDS = 5
OVER, UNDER = 4, 5
"""The least similarity, as a fraction."""


@dataclass(frozen=True)
class Truth:
    """The sets of shingles of documents.

    ``tokens[starts[i]:starts[i + 1]]`` is that of ``ids[i]``: its shingles' numbers, ascending, of
    which those that fewer documents have are smaller.
    """

    ids: Sequence[str]
    starts: NDArray[np.int64]
    tokens: NDArray[np.int64]

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {doc_id: row for row, doc_id in enumerate(self.ids)}

    def rows(self, ids: Iterable[str]) -> NDArray[np.int64]:
        """Where documents are in ``ids``."""
        return np.array([self._rows[doc_id] for doc_id in ids], np.int64)

    def pairs(self) -> NDArray[np.int64]:
        """Rows of all pairs that are alike, the smaller first, in order. Shape (pairs, 2)."""
        sizes = np.diff(self.starts)
        order = np.argsort(sizes, kind="stable")
        order = order[sizes[order] > 0]
        places = np.repeat(self.starts[:-1], heads := _heads(sizes))
        places += np.arange(heads.sum()) - np.repeat(np.cumsum(heads) - heads, heads)
        begins = np.zeros(int(self.tokens.max(initial=0)) + 2, np.int64)
        np.cumsum(np.bincount(self.tokens[places], minlength=len(begins) - 1), out=begins[1:])
        found = np.array(list(_alike(self.starts, self.tokens, order, begins)), np.int64)
        return np.unique(np.sort(found.reshape(-1, 2), axis=1), axis=0)

    def jaccard(self, left: Iterable[str], right: Iterable[str]) -> NDArray[np.float64]:
        """Similarity of documents named by their ids, pair by pair; 0 where both are empty."""
        return _similarities(self.starts, self.tokens, self.rows(left), self.rows(right))


def of(ids: Sequence[str], texts: Iterable[str]) -> Truth:
    """Make the sets of documents."""
    sets = [np.unique(np.fromiter(_hashes(text), np.uint64)) for text in texts]
    starts = np.cumsum([0, *map(len, sets)])
    _, kinds, counts = np.unique(
        np.concatenate([*sets, np.zeros(0, np.uint64)]), return_inverse=True, return_counts=True
    )
    numbers = np.empty(len(counts), np.int64)
    numbers[np.argsort(counts, kind="stable")] = np.arange(len(counts))
    tokens = numbers[kinds]
    for first, last in pairwise(starts):
        tokens[first:last].sort()
    return Truth(ids, starts, tokens)


def _hashes(text: str) -> Iterator[int]:
    return map(xxh3_64_intdigest, shingles(text, WORDS))


@njit(nogil=True)
def _heads(sizes: Any) -> Any:  # noqa: ANN401  (a number or an array of them)
    """Of how many of its first shingles a set that is alike has to have one; 0 of none."""
    return sizes - (OVER * sizes + UNDER - 1) // UNDER + np.minimum(sizes, 1)


@njit(nogil=True)
def _common(left: NDArray[np.int64], right: NDArray[np.int64]) -> int:
    """How many numbers two ascending arrays have in common."""
    found = i = j = 0
    while i < len(left) and j < len(right):
        found += left[i] == right[j]
        step = left[i] <= right[j]
        j += left[i] >= right[j]
        i += step
    return found


@njit(nogil=True)
def _alike(
    starts: NDArray[np.int64],
    tokens: NDArray[np.int64],
    order: NDArray[np.int64],
    begins: NDArray[np.int64],
) -> Iterator[tuple[int, int]]:
    """Give pairs of rows. ``order``: rows by size; ``begins``: where a token's list begins."""
    lists, ends = np.empty(begins[-1], np.int64), begins.copy()
    asked = np.full(len(starts), -1)
    for row in order:
        own = tokens[starts[row] : starts[row + 1]]
        for token in own[: _heads(len(own))]:
            for place in range(begins[token], ends[token]):
                other = lists[place]
                size = starts[other + 1] - starts[other]
                if size * UNDER < OVER * len(own):  # so it is for all rows to come: they are larger
                    begins[token] = place + 1
                elif asked[other] != row:
                    asked[other] = row
                    common = _common(own, tokens[starts[other] : starts[other + 1]])
                    if common * (OVER + UNDER) >= OVER * (size + len(own)):
                        yield row, other
            lists[ends[token]] = row
            ends[token] += 1


@njit(nogil=True)
def _similarities(
    starts: NDArray[np.int64],
    tokens: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
) -> NDArray[np.float64]:
    found = np.zeros(len(left))
    for pair in range(len(left)):
        one = tokens[starts[left[pair]] : starts[left[pair] + 1]]
        other = tokens[starts[right[pair]] : starts[right[pair] + 1]]
        common = _common(one, other)
        found[pair] = common / max(1, len(one) + len(other) - common)
    return found
