"""How often pairs occur in each candidate source, while a tokenizer's merges are applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tasks import compiled
from tasks.replay.merges import KERNEL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.replay.merges.lists import MergeList
    from tasks.replay.merges.words import Symbols

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


class History(NamedTuple):
    """Counts of pairs in each source at each step, as a start and changes.

    ``pairs``: int64 (pairs, 2). ``start``: int64 (pairs, sources) at the first step. Changes
    ``change_firsts[t]:change_firsts[t + 1]`` add ``deltas`` (changes, sources) to the pairs
    ``rows`` and lead from step ``t`` to the next. ``merged``: of each step the row of its merge, -1
    where no source has that pair. ``able``: pairs that the training could have joined.
    """

    pairs: Ints
    start: Ints
    change_firsts: Ints
    rows: Ints
    deltas: Ints
    merged: Ints
    able: NDArray[np.bool_]

    @property
    def n_steps(self) -> int:
        """How many merges were applied."""
        return len(self.merged)

    def at(self, step: int) -> Ints:
        """Return the counts of all pairs at a step: int64 (pairs, sources)."""
        kernel = compiled.load(KERNEL)
        found: Ints = kernel.counts_at(*self._changes(), step)
        return found

    def of_merges(self) -> Ints:
        """Return the counts of each step's merge at that step: int64 (steps, sources)."""
        kernel = compiled.load(KERNEL)
        found: Ints = kernel.merge_counts(*self._changes(), self.merged)
        return found

    def violated(
        self, weights: Floats, scales: Floats, slack: tuple[Floats, Floats], *, most: int
    ) -> tuple[Ints, Floats, Ints]:
        """Return (step, pair) of the orders that a mixture violates, by how much, and the counts.

        As :func:`tasks.replay.merges.kernel.violated` says; ``weights``: shares by byte.
        """
        kernel = compiled.load(KERNEL)
        found: tuple[Ints, Floats, Ints] = kernel.violated(
            *self._changes(), self.merged, self.able, weights, scales, slack, most
        )
        return found

    def _changes(self) -> tuple[Ints, Ints, Ints, Ints]:
        return self.start, self.change_firsts, self.rows, self.deltas


def simulated(words: Symbols, merges: MergeList) -> History:
    """Apply a tokenizer's merges to the words of all sources at once."""
    kernel = compiled.load(KERNEL)
    keys, limits, rows, deltas = kernel.simulated(
        words.values.copy(), words.firsts, words.counts, merges.merges
    )
    pairs = np.stack([keys >> 32, keys & 0xFFFFFFFF], axis=1)
    numbers = {(left, right): i for i, (left, right) in enumerate(pairs.tolist())}
    merged = [numbers.get((left, right), -1) for left, right, _ in merges.merges.tolist()]
    allows, symbols = merges.splitting.allows, merges.symbols
    able = [allows(symbols[left], symbols[right]) for left, right in numbers]
    first, start = limits[1], np.zeros((len(pairs), words.counts.shape[1]), np.int64)
    start[rows[:first]] = deltas[:first]
    return History(
        pairs,
        start,
        limits[1:] - first,
        rows[first:],
        deltas[first:],
        np.array(merged, np.int64),
        np.array(able, np.bool_),
    )
