"""Rows of a split by their places in the global order, of any epoch: which are read, and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import columns as c
from tasks.mixture import arrays, epochs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from schemas.mixture import Layout
    from tasks.reader_files import Files

    Numbers = NDArray[np.int64]

REPLAY = "replay"


class Block(NamedTuple):
    """Rows that were fetched together, by epoch and number of their block."""

    key: tuple[int, int]
    rows: Numbers
    table: pa.Table


class Rows:
    """What stands at places of the order; ``name`` tells the mixture and split from all others.

    Places are counted from the start of epoch 0: row ``r`` of epoch ``e`` of ``n`` rows is
    ``e * n + r``. Memory holds a row group, or in later epochs a block of each origin
    (:mod:`tasks.mixture.epochs`) and, a byte a row, the origins.
    """

    def __init__(
        self, files: Files, names: Sequence[str], *, name: str, layout: Layout | None
    ) -> None:
        self.files, self.names = files, tuple(names)
        self._name = name
        self._block = epochs.block_rows(None if layout is None else layout.row_tokens)
        self._in_turn = layout is not None and layout.order == "dissimilar_first"
        self._origins: epochs.Origins | None = None
        self._order: epochs.Epoch | None = None
        self._group: tuple[int, pa.Table] | None = None
        self._blocks: dict[int, Block] = {}

    def table(self, places: Numbers) -> pa.Table:
        """Fetch what stands at some ascending places; neighbours of a row group are not copied."""
        n = self.files.rows
        numbers = places // n
        parts = []
        for epoch in range(int(numbers[0]), int(numbers[-1]) + 1):
            own = places[numbers == epoch] - epoch * n
            if len(own):
                parts.append(self._shuffled(epoch, own) if epoch else self._as_written(own))
        return pa.concat_tables(parts)

    def _as_written(self, rows: Numbers) -> pa.Table:
        groups = self.files.groups(rows)
        parts = []
        for group in np.unique(groups).tolist():
            if self._group is None or self._group[0] != group:
                self._group = None  # not two of them at a time
                self._group = group, self.files.read(group, self.names)
            own = rows[groups == group] - self.files.starts[group]
            parts.append(_picked(self._group[1], own))
        return pa.concat_tables(parts)

    def _shuffled(self, number: int, places: Numbers) -> pa.Table:
        order = self._epoch(number)
        rows, blocks = epochs.positions(order, places)
        parts, where = [], []
        # In their order, so that of each origin the block that comes next is the one that is kept.
        for block in blocks[np.sort(np.unique(blocks, return_index=True)[1])].tolist():
            mine = np.flatnonzero(blocks == block)
            own, table = self._of_block(order, block)
            parts.append(arrays.picked(table, np.searchsorted(own, rows[mine])))
            where.append(mine)
        whole = parts[0] if len(parts) == 1 else pa.concat_tables(parts).combine_chunks()
        return arrays.picked(whole, np.argsort(np.concatenate(where)))

    def _of_block(self, order: epochs.Epoch, block: int) -> tuple[Numbers, pa.Table]:
        """Rows of a block and what they hold; the latest of each origin is kept."""
        key, origin = (order.number, block), block & 1
        held = self._blocks.pop(origin, None)
        if held is None or held.key != key:
            held = None  # not two of them at a time
            rows = order.rows_of(block)
            held = Block(key, rows, self.files.take(rows, self.names))
        self._blocks[origin] = held
        return held.rows, held.table

    def _epoch(self, number: int) -> epochs.Epoch:
        if self._origins is None:
            is_replay = pc.equal(self.files.column(c.ORIGIN), REPLAY)
            self._origins = epochs.Origins(is_replay.to_numpy())
        if self._order is None or self._order.number != number:
            self._order = epochs.Epoch(
                self._name, number, self._origins, self._block, in_turn=self._in_turn
            )
        return self._order

    def __getstate__(self) -> dict[str, Any]:
        """Go to another process without what is held here."""
        return {**self.__dict__, "_group": None, "_blocks": {}}


def _picked(table: pa.Table, rows: Numbers) -> pa.Table:
    """Some ascending rows; neighbours without a copy."""
    first, n = int(rows[0]), len(rows)
    if int(rows[-1]) - first + 1 == n:
        return table.slice(first, n)
    return arrays.picked(table, rows)
