"""Rows of a mixture as arrays that a model takes: padded, with the weight of each token. Pure."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from schemas import columns as c
from schemas.mixture import LEARNED, NO_LOSS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
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


def of_ids(ids: Ids, *, is_replay: NDArray[np.bool_] | None = None) -> Batch:
    """Return rows of one length, all learned and of one document each."""
    rows, shape = len(ids), ids.shape
    ones = np.ones(shape, np.int64)
    replay = np.zeros(rows, np.bool_) if is_replay is None else is_replay
    names = tuple((str(i),) for i in range(rows))
    return Batch(ids.astype(np.int64), ones, ids.astype(np.int64), ones.astype(np.float32),
                 ones * 0, replay, np.arange(rows), names)  # fmt: skip


def of_table(table: pa.Table, *, padding: int = 0) -> Batch:
    """Return the rows of a mixture's table with :data:`COLUMNS`, padded with a token."""
    rows = table.to_pylist()
    length = max(len(row[c.INPUT_IDS]) for row in rows)
    sizes = [_sizes(row) for row in rows]
    weights = [_repeated(row[c.LOSS_WEIGHT], own) for row, own in zip(rows, sizes, strict=True)]
    pieces = [np.repeat(np.arange(len(own)), own) for own in sizes]
    return Batch(
        _padded([row[c.INPUT_IDS] for row in rows], length, padding),
        _padded([row[c.ATTENTION_MASK] for row in rows], length, 0),
        _padded([row[c.LABELS] for row in rows], length, NO_LOSS),
        _padded(weights, length, 0.0).astype(np.float32),
        _padded(pieces, length, -1).astype(np.int64),
        np.array([row[c.ORIGIN] == REPLAY for row in rows]),
        np.array([row[c.POSITION] for row in rows], np.int64),
        tuple(_names(row[c.DOC_ID]) for row in rows),
    )


def _sizes(row: dict[str, Any]) -> list[int]:
    """Tokens of each document of a row, that which ends it included."""
    if isinstance(row[c.TOKENS], list):
        return [n + ends for n, ends in zip(row[c.TOKENS], row[c.ENDS], strict=True)]
    return [len(row[c.INPUT_IDS])]


def _repeated(weight: float | list[float], sizes: list[int]) -> NDArray[np.float64]:
    each = weight if isinstance(weight, list) else list(repeat(weight, len(sizes)))
    return np.repeat(np.array(each, np.float64), sizes)


def _names(given: str | list[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _padded(rows: list[Any], length: int, value: float) -> NDArray[Any]:
    kind: type = type(value)  # that of NumPy of the same name
    found: NDArray[Any] = np.full((len(rows), length), value, kind)
    for place, row in zip(found, rows, strict=True):
        place[: len(row)] = row
    return found
