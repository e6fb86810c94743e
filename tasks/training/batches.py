"""Rows of a mixture as arrays that a model takes: padded, with the weight of each token. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from schemas import columns as c
from schemas.mixture import LEARNED, NO_LOSS
from tasks.ragged import lists

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

REPLAY: Final = "replay"
COLUMNS: Final = (*LEARNED, c.ORIGIN, c.POSITION, c.DOC_ID, c.LOSS_WEIGHT, c.TOKENS)
"""Columns that are read of a mixture of tokens; of packed rows also ``ends``."""


class Batch(NamedTuple):
    """Rows of tokens, ``(rows, length)`` each; shorter rows are padded on the right.

    - ``ids``, ``labels`` (:data:`schemas.mixture.NO_LOSS`: not learned), ``attention`` (0: padding)
    - ``weights``: of each token's loss (float32)
    - ``pieces``: which document of its row a token belongs to, from 0; -1 of padding
    - ``is_replay``, ``positions``: of each row; ``documents``: ids of those that it holds
    """

    ids: Ids
    attention: Ids
    labels: Ids
    weights: NDArray[np.float32]
    pieces: Ids
    is_replay: NDArray[np.bool_]
    positions: Ids
    documents: tuple[tuple[str, ...], ...]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.ids)

    @property
    def tokens(self) -> int:
        """Tokens without padding."""
        return int(self.attention.sum())

    @property
    def learned(self) -> int:
        """Tokens that are predicted and count: a row's first one is not."""
        return int((self.labels[:, 1:] != NO_LOSS).sum())

    def parts(self, rows: int) -> Iterator[Batch]:
        """Yield it in batches of some rows, none wider than its longest row."""
        for start in range(0, self.rows, rows):
            own = slice(start, start + rows)
            width = int(np.flatnonzero(self.attention[own].any(axis=0))[-1]) + 1
            yield Batch(
                self.ids[own, :width],
                self.attention[own, :width],
                self.labels[own, :width],
                self.weights[own, :width],
                self.pieces[own, :width],
                self.is_replay[own],
                self.positions[own],
                self.documents[own],
            )

    def isolated(self) -> Batch:
        """Leave out of the loss what a document begins with: nothing of it stands before."""
        begins = np.diff(self.pieces, axis=1, prepend=-2) != 0
        return self._replace(labels=np.where(begins, NO_LOSS, self.labels))


def of_rows(
    ids: Ids, lengths: Ids, is_replay: NDArray[np.bool_], names: Sequence[str], *, first: int = 0
) -> Batch:
    """Return rows that are a text each, all learned but what stands behind ``lengths``.

    ``first``: the position of the first one.
    """
    there = np.arange(ids.shape[1]) < lengths[:, None]
    return Batch(
        ids=ids,
        attention=there.astype(np.int64),
        labels=np.where(there, ids, NO_LOSS),
        weights=there.astype(np.float32),
        pieces=np.where(there, 0, -1),
        is_replay=is_replay,
        positions=np.arange(len(ids)) + first,
        documents=tuple((name,) for name in names),
    )


def of_table(table: pa.Table, *, padding: int = 0) -> Batch:
    """Return the rows of a mixture's table with :data:`COLUMNS`, padded with a token."""
    ids = lists(table.column(c.INPUT_IDS))
    lengths = np.diff(ids.offsets)
    sizes, bounds = _sizes(table, lengths)
    rows = np.repeat(np.arange(len(lengths)), np.diff(bounds))
    there = np.add.reduceat(sizes, bounds[:-1])
    pieces = np.repeat(np.arange(len(sizes)) - bounds[:-1][rows], sizes)
    weights = np.repeat(_flat(table, c.LOSS_WEIGHT), sizes)
    most = int(lengths.max())
    return Batch(
        _padded(ids.values, lengths, most, np.int64(padding)),
        _padded(lists(table.column(c.ATTENTION_MASK)).values, lengths, most, np.int64(0)),
        _padded(lists(table.column(c.LABELS)).values, lengths, most, np.int64(NO_LOSS)),
        _padded(weights, there, most, np.float32(0)),
        _padded(pieces, there, most, np.int64(-1)),
        np.array([origin == REPLAY for origin in table.column(c.ORIGIN).to_pylist()]),
        table.column(c.POSITION).to_numpy().astype(np.int64),
        tuple(_names(own) for own in table.column(c.DOC_ID).to_pylist()),
    )


def _sizes(table: pa.Table, lengths: NDArray[np.int64]) -> tuple[Ids, Ids]:
    """Tokens of each document, that which ends it included, and which ones are of each row."""
    if c.ENDS not in table.column_names:
        return lengths, np.arange(len(lengths) + 1)
    tokens = lists(table.column(c.TOKENS))
    return tokens.values + _flat(table, c.ENDS), tokens.offsets.astype(np.int64)


def _flat(table: pa.Table, name: str) -> NDArray[Any]:
    """Return the values of a column, of lists one after the other."""
    column = table.column(name).combine_chunks()
    flat = column.flatten() if pa.types.is_list(column.type) else column
    return np.asarray(flat.to_numpy(zero_copy_only=False))


def _names(given: str | list[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _padded(
    values: NDArray[Any], lengths: NDArray[np.int64], most: int, value: np.generic
) -> NDArray[Any]:
    found: NDArray[Any] = np.full((len(lengths), most), value, value.dtype)
    found[np.arange(most) < lengths[:, None]] = values
    return found
