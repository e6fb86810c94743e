"""The grams of many items, laid out to be looked up; and what texts have of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from tasks import compiled
from tasks.shingles.sets import folds

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Numbers = NDArray[np.integer[Any]]

KERNEL: Final = "tasks.evals.kernel"
GRAM_BYTES: Final = 160
"""Memory that a gram of an item takes while an index is made (150 measured; in use 107)."""
BITS: Final = 5
"""Of a gram in the filter, as a power of two: one in 32 of the others gets through."""


class Grams(NamedTuple):
    """The grams of some items: hash, width in words, item, and place in it; words of each item."""

    hashes: NDArray[np.uint64]
    about: Ints
    n_words: Ints


class Finds(NamedTuple):
    """What texts have: gram, first word, bytes from and up to; where each text's finds begin."""

    grams: NDArray[np.uint32]
    words: NDArray[np.uint32]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    firsts: Ints


class Limits(NamedTuple):
    """Of an item a document has enough if more than that share is covered, or a run is as long."""

    covered_share: float
    run_words: int


def grams(texts: pa.LargeStringArray, least: int) -> Grams:
    """Return the grams of items, of which those with less than ``least`` words have none."""
    return Grams(*compiled.load(KERNEL).itemised(*compiled.buffers(texts), folds(), least))


@dataclass(frozen=True)
class Index:
    """Items by their grams: rows of ``hash, width, item, at``, in this order; and items' words.

    A gram's number is its place among the different hashes in order.
    """

    hashes: NDArray[np.uint64]
    widths: NDArray[np.uint8]
    items: NDArray[np.int32]
    ats: NDArray[np.int32]
    n_words: Ints

    @cached_property
    def firsts(self) -> Ints:
        """Rows in which each gram's places begin, and how many rows there are."""
        new = np.append(True, self.hashes[1:] != self.hashes[:-1])[: len(self.hashes)]
        return np.append(np.flatnonzero(new), len(self.hashes)).astype(np.int64)

    @cached_property
    def own_widths(self) -> Ints:
        """Words of each gram."""
        return self.widths[self.firsts[:-1]].astype(np.int64)

    @cached_property
    def _wanted(self) -> tuple[Any, ...]:
        different = self.hashes[self.firsts[:-1]]
        size = max(1, int(len(different) - 1).bit_length())
        table = compiled.load(KERNEL).table(different, 1 << (size + 1), size + BITS)
        return (*table, self.own_widths, np.uint64(64 - size - BITS))

    def find(self, texts: pa.LargeStringArray) -> Finds:
        """Return the grams that texts have."""
        kernel = compiled.load(KERNEL)
        given = (*compiled.buffers(texts), folds())
        if not len(self.hashes):
            finds, firsts = np.zeros(0, np.uint64), np.zeros(len(texts) + 1, np.int64)
        else:
            finds, firsts = kernel.find(*given, self._wanted, np.unique(self.own_widths))
        starts, ends = kernel.places(*given, finds, firsts, self.own_widths)
        lower = np.bitwise_and(finds, np.uint64(0xFFFFFFFF)).astype(np.uint32)
        return Finds(lower, (finds >> np.uint64(32)).astype(np.uint32), starts, ends, firsts)

    def judge(self, gram: Numbers, word: Numbers, firsts: Ints, limits: Limits) -> Ints:
        """Return which items texts have enough of: text, item, words covered, words of a run.

        ``gram`` and ``word`` are those of :class:`Finds`, or of some of them.
        """
        items = (self.firsts, self.items, self.ats, self.n_words)
        given = (np.asarray(gram).astype(np.int64), np.asarray(word).astype(np.int64), firsts)
        found: Ints = compiled.load(KERNEL).judge(*given, items, tuple(limits))
        return found


def made(some: Grams) -> Index:
    """Lay grams out as an index."""
    hashes, (widths, items, ats) = some.hashes, some.about.T
    order = np.lexsort((ats, items, hashes))
    return Index(
        hashes=hashes[order],
        widths=widths[order].astype(np.uint8),
        items=items[order].astype(np.int32),
        ats=ats[order].astype(np.int32),
        n_words=some.n_words,
    )
