"""Rows of a fixed length, packed from documents by best fit; nothing is dropped. Pure.

A document's **unit** is its tokens and the end-of-text token behind them. Units that are longer
than a row are cut into pieces as long as a row and a last one; all others stay whole. Pieces then
go, longest first, each into the row in which it leaves the least room (best-fit decreasing; for
training rows: Ding et al., "Fewer Truncations Improve Language Modeling", ICML 2024), or into a
new row. No two rows of one group would fit into one.

A unit of which only the end-of-text token would be left over gives its last piece one token more,
so that no piece is that token alone. A document without tokens has no piece.

Which pieces meet depends on lengths and priorities only, not on the order of the documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

BLOCK = 10
"""Bits of a room's number within its block; with two levels of marks, long rows cost no more."""


class Documents(NamedTuple):
    """What is packed, a value each; only their order may differ between two calls."""

    lengths: Numbers
    """Tokens, without the one behind them."""
    groups: Numbers
    """Documents share rows with those of their group only: replay and new data, sources."""
    priority: NDArray[np.uint64]
    """A seeded hash; of two pieces as long as each other, the lower goes first."""


@dataclass(frozen=True)
class Packing:
    """Which piece of which document lies in which row; nothing of the tokens themselves.

    Row ``r`` holds the pieces ``offsets[r]:offsets[r + 1]``, in this order. A piece is the tokens
    from ``starts`` up to but without ``ends`` of a document's unit: where ``ends`` is one above the
    document's length, the end-of-text token comes with it. Rows stand by group.
    """

    size: int
    """Tokens of a full row."""
    offsets: Numbers
    documents: Numbers
    starts: Numbers
    ends: Numbers
    groups: Numbers
    """Of each row."""
    lengths: Numbers
    """Of each document, as given."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.groups)

    @property
    def filled(self) -> Numbers:
        """Tokens in each row."""
        ends = np.concatenate([[0], np.cumsum(self.ends - self.starts)])[self.offsets]
        return np.diff(ends)


def pack(documents: Documents, size: int, *, where: str = "packing") -> Packing:
    """Pack documents into rows of ``size`` tokens, each of one group.

    Time grows with n log n of the pieces. Raises ConfigError for a ``size`` below 2: a token and
    the end of its text.
    """
    if size < 2:  # noqa: PLR2004
        raise ConfigError(
            where,
            got=f"rows of {size} tokens",
            wanted="at least 2: one of a document, and the end-of-text token behind it",
            way_out="Ask for rows as long as the model's context, such as 4096.",
        )
    whole, starts, ends = _pieces(documents.lengths, size)
    lengths, priority = ends - starts, documents.priority[whole]
    group = documents.groups[whole]
    order = np.lexsort((starts, whole, priority, -lengths, group))
    present, firsts = np.unique(group[order], return_index=True)
    rows, made = np.empty(len(order), np.int64), [0]
    for first, last in pairwise([*firsts.tolist(), len(order)]):
        found, n_rows = _best_fit(lengths[order[first:last]].tolist(), size)
        rows[first:last] = np.array(found, np.int64) + made[-1]
        made.append(made[-1] + n_rows)
    # Within a row by priority: by length, short documents would always stand last.
    inner = np.lexsort((starts[order], whole[order], priority[order], rows))
    order, rows = order[inner], rows[inner]
    return Packing(
        size=size,
        offsets=np.searchsorted(rows, np.arange(made[-1] + 1)).astype(np.int64),
        documents=whole[order],
        starts=starts[order],
        ends=ends[order],
        groups=np.repeat(present, np.diff(made)).astype(np.int64),
        lengths=documents.lengths,
    )


def _pieces(lengths: Numbers, size: int) -> tuple[Numbers, Numbers, Numbers]:
    """Document, start and end of every piece."""
    units = np.where(lengths > 0, lengths + 1, 0)
    counts = -(-units // size)
    whole = np.repeat(np.arange(len(units), dtype=np.int64), counts)
    nth = np.arange(len(whole)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts, unit = nth * size, units[whole]
    starts = np.where(starts == unit - 1, starts - 1, starts)  # not the end of the text alone
    following = (nth + 1) * size
    ends = np.minimum(np.where(following == unit - 1, following - 1, following), unit)
    return whole, starts.astype(np.int64), ends.astype(np.int64)


def _best_fit(lengths: list[int], size: int) -> tuple[list[int], int]:
    """Row of each piece, these being longest first, and how many rows there are.

    Of rows with as much room as each other, the one that was added to last is taken.
    """
    with_room: dict[int, list[int]] = {}
    marks, blocks = [0] * ((size >> BLOCK) + 1), 0
    low = (1 << BLOCK) - 1
    rows, made = [], 0
    for length in lengths:
        block = length >> BLOCK
        fitting = marks[block] >> (length & low) << (length & low)
        if not fitting and (later := blocks >> (block + 1)):
            block += (later & -later).bit_length()
            fitting = marks[block]
        if fitting:
            room = (block << BLOCK) + (fitting & -fitting).bit_length() - 1
            row = with_room[room].pop()
            if not with_room[room]:
                marks[block] ^= fitting & -fitting
                blocks ^= 0 if marks[block] else 1 << block
        else:
            room, row, made = size, made, made + 1
        rows.append(row)
        if left := room - length:
            with_room.setdefault(left, []).append(row)
            marks[left >> BLOCK] |= 1 << (left & low)
            blocks |= 1 << (left >> BLOCK)
    return rows, made


def row_means(packing: Packing, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over the tokens of each row; ``values`` are of documents."""
    weights = (packing.ends - packing.starts).astype(np.float64)
    sums = np.add.reduceat(weights * values[packing.documents], packing.offsets[:-1])
    found: NDArray[np.float64] = sums / np.maximum(packing.filled, 1)
    return found


def row_ids(packing: Packing, doc_ids: Sequence[str]) -> list[str]:
    """A name for each row that no other has, by which rows are put in order: its first piece."""
    firsts = packing.offsets[:-1]
    pairs = zip(packing.documents[firsts].tolist(), packing.starts[firsts].tolist(), strict=True)
    return [f"{doc_ids[document]}@{start}" for document, start in pairs]
