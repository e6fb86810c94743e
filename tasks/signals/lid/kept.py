"""What a thread keeps of one model: the sums of words that it has met, and room to work in."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.signals.lid.model import Arrays

WORD_BITS: Final = 16
WORDS: Final = 1 << WORD_BITS
"""So many words of up to 16 bytes are kept, each over the one that had its place: 6 MB."""


LINE: Final = 64
"""Bytes that a core reads from memory at once."""


def in_lines(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a copy that begins where a cache line does: a row of 16 numbers is then one read."""
    room = np.zeros(rows.nbytes + LINE, np.uint8)
    begin = -room.ctypes.data % LINE
    copy = room[begin : begin + rows.nbytes].view(np.float32).reshape(rows.shape)
    copy[:] = rows
    return copy


class Kept(NamedTuple):
    """What the kernel writes to. A word's sum is the same whether it was kept or not.

    - ``words``: 16 bytes, as two numbers, of the word in each place; the last place is for words
      that are too long to be kept. ``hashes``, ``rows``, ``sums``: fastText's hash of it, how many
      rows it has and their sum.
    - ``vector``: the text's. ``open_grams``: hashes of the word n-grams that may go on.
    - ``nodes``, ``scores``: of the tree, still to be looked at; or scores of the labels.
    """

    words: NDArray[np.uint64]
    hashes: NDArray[np.uint64]
    rows: NDArray[np.int64]
    sums: NDArray[np.float32]
    vector: NDArray[np.float32]
    open_grams: NDArray[np.uint64]
    nodes: NDArray[np.int64]
    scores: NDArray[np.float64]


class Memory(threading.local):
    """A :class:`Kept` for each thread that asks."""

    def __init__(self, arrays: Arrays) -> None:
        labels, dim = arrays.output.shape[0], arrays.output.shape[1]
        self.kept = Kept(
            np.zeros((WORDS + 1, 2), np.uint64),
            np.zeros(WORDS + 1, np.uint64),
            np.zeros(WORDS + 1, np.int64),
            in_lines(np.zeros((WORDS + 1, dim), np.float32)),
            np.zeros(dim, np.float32),
            np.zeros(max(int(arrays.sizes[2]) - 1, 1), np.uint64),
            np.zeros(2 * labels + 2, np.int64),
            np.zeros(2 * labels + 2, np.float64),
        )
