"""The order of a mixture's rows in the epochs after its first: fresh, with the same shares. Pure.

Epoch 0 is the order in which the rows are written. In every later one, **each place keeps its
origin**: where a replay row stood, a replay row stands, and where a new one stood, a new one. So
whatever holds of the shares of rows in any window, under any schedule, holds in every epoch.

Within its origin, a row goes elsewhere: the rows of an origin, as they are written, are cut into
blocks; blocks come in seeded order, and so do the rows within each. A block is what has to be
in memory at a time. (Were rows to go anywhere, each would have to be fetched on its own.)

All is by hash of the manifest's digest, the split, the epoch and the number of a block or row. So
the order is the same on every machine, for any number of shards, row groups, ranks or workers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tasks.hashing import seeded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

CHUNK = 4096
"""Rows whose origins are added up once, so that the rows before any row need not be counted."""
MOST_ROWS, LEAST_ROWS, BLOCK_TOKENS = 1024, 64, 1 << 22
"""A block has at most so many rows, and of packed rows so many tokens, but not fewer than 64."""


def block_rows(row_tokens: int | None) -> int:
    """Rows of a block, where a packed row has ``row_tokens`` (None: rows are documents)."""
    if row_tokens is None:
        return MOST_ROWS
    return min(MOST_ROWS, max(LEAST_ROWS, BLOCK_TOKENS // row_tokens))


class Origins:
    """Which rows of a split are replay; a byte a row, and where the n-th row of an origin is."""

    def __init__(self, is_replay: Flags) -> None:
        self.is_replay = is_replay
        ends = np.append(np.arange(0, len(is_replay), CHUNK), len(is_replay))
        counts = [int(is_replay[a:b].sum()) for a, b in pairwise(ends)]
        replay = np.concatenate([[0], np.cumsum(np.array(counts, np.int64))])
        self._before = {True: replay, False: ends - replay}

    def count(self, *, replay: bool) -> int:
        """Rows of an origin."""
        return int(self._before[replay][-1])

    def before(self, row: int, *, replay: bool) -> int:
        """Rows of an origin that stand before a row."""
        chunk = row // CHUNK
        between = self.is_replay[chunk * CHUNK : row] == replay
        return int(self._before[replay][chunk]) + int(between.sum())

    def rows(self, first: int, last: int, *, replay: bool) -> Numbers:
        """Return where the rows of an origin stand, from the ``first`` up to without ``last``."""
        before = self._before[replay]
        start = max(0, int(np.searchsorted(before, first, side="right")) - 1)
        stop = int(np.searchsorted(before, last, side="left"))
        own = self.is_replay[start * CHUNK : stop * CHUNK] == replay
        found = np.flatnonzero(own) + start * CHUNK
        return found[first - int(before[start]) : last - int(before[start])].astype(np.int64)


class Sources(NamedTuple):
    """Which written row stands at each of some places, and in which block it lies."""

    rows: Numbers
    blocks: Numbers
    """``2 * number + 1`` of replay, ``2 * number`` of new data."""


@dataclass(frozen=True)
class Epoch:
    """The order of one epoch after the first. ``name`` tells the mixture and its split from others.

    ``in_turn``: new data keeps the order of its blocks, because the order means something (the most
    dissimilar first); its rows still change places within blocks.
    """

    name: str
    number: int
    origins: Origins
    block: int
    in_turn: bool = False

    def sources(self, first: int, last: int) -> Sources:
        """Return what stands at the places from ``first`` up to without ``last``."""
        is_replay = self.origins.is_replay[first:last]
        rows, blocks = np.empty(last - first, np.int64), np.empty(last - first, np.int64)
        for replay in (False, True):
            own = is_replay == replay
            start = self.origins.before(first, replay=replay)
            ranks = np.arange(start, start + int(own.sum()))
            rows[own], blocks[own] = self._of_side(ranks, replay=replay)
        return Sources(rows, blocks)

    def rows_of(self, block: int) -> Numbers:
        """Return the written rows of a block (by its number in :class:`Sources`), ascending."""
        number, replay = block >> 1, bool(block & 1)
        last = min((number + 1) * self.block, self.origins.count(replay=replay))
        return self.origins.rows(number * self.block, last, replay=replay)

    def _of_side(self, ranks: Numbers, *, replay: bool) -> tuple[Numbers, Numbers]:
        """Row and block that come as the n-th of an origin, for each of ascending ``ranks``."""
        order, starts = self._turns[replay]
        turns = np.searchsorted(starts, ranks, side="right") - 1
        rows = np.empty(len(ranks), np.int64)
        for turn in np.unique(turns).tolist():
            own = turns == turn
            shuffled = self._shuffled_rows(2 * int(order[turn]) + replay)
            rows[own] = shuffled[ranks[own] - starts[turn]]
        return rows, 2 * order[turns] + replay

    def _shuffled_rows(self, block: int) -> Numbers:
        """Rows of a block in the order of this epoch; the last ones of each origin are kept."""
        known = self._latest.get(block & 1)
        if known is None or known[0] != block:
            own = self.rows_of(block)
            own = own[self._shuffled(len(own), f"rows {block}")]
            known = self._latest[block & 1] = (block, own)
        return known[1]

    @cached_property
    def _latest(self) -> dict[int, tuple[int, Numbers]]:
        return {}

    @cached_property
    def _turns(self) -> dict[bool, tuple[Numbers, Numbers]]:
        """By origin: blocks in their order, and how many rows come before each."""
        return {replay: self._turns_of(replay=replay) for replay in (False, True)}

    def _turns_of(self, *, replay: bool) -> tuple[Numbers, Numbers]:
        rows = self.origins.count(replay=replay)
        n = -(-rows // self.block)
        stays = self.in_turn and not replay
        order = np.arange(n) if stays else self._shuffled(n, f"blocks {int(replay)}")
        sizes = np.minimum((order + 1) * self.block, rows) - order * self.block
        return order, (np.cumsum(sizes) - sizes).astype(np.int64)

    def _shuffled(self, n: int, what: str) -> Numbers:
        stage = f"reader {self.name} {what}"
        by = seeded((str(i) for i in range(n)), seed=self.number, stage=stage)
        return np.argsort(by, kind="stable").astype(np.int64)


def positions(epoch: Epoch, places: NDArray[Any]) -> Sources:
    """Return what stands at some ascending places of an epoch, which may lie apart."""
    first = int(places[0])
    found = epoch.sources(first, int(places[-1]) + 1)
    own = places - first
    return Sources(found.rows[own], found.blocks[own])
