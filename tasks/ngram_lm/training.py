"""Make an n-gram model of texts: count, discount, interpolate, level by level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from schemas.errors import ConfigError
from tasks import compiled
from tasks.ngram_lm import MARK, MOST, Settings, discount, discounts
from tasks.ngram_lm.model import NgramModel
from tasks.shingles.sets import folds

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.uint32]
    Hashes = NDArray[np.uint64]

KERNEL: Final = "tasks.ngram_lm.training_kernel"
WORD_BYTES: Final = (16, 22, 37, 56, 73, 90, 107, 124)
"""Memory that a word of the texts takes while a model is made, for the orders from 1 on: measured
on 3.7 million words, of Wikipedia to manuals, nothing pruned. More text takes less for a word."""


def memory_bytes(n_words: int, order: int) -> int:
    """Return the memory that making a model of so many words of text takes at most."""
    return n_words * WORD_BYTES[order - 1]


class Counting:
    """Texts to learn from, kept as the numbers of their words. Not for threads to share.

    The same texts make the same model, in whatever order and batches they are added.
    """

    def __init__(self, order: int) -> None:
        self.settings = Settings(order=order)
        self.n_words = 0
        self._known = 0
        self._hashes: Hashes = np.empty(1 << 10, np.uint64)
        self._table: Counts = compiled.load(KERNEL).table(self._hashes[:0], 1 << 11)
        self._streams: list[Counts] = []
        self._length = 0

    @property
    def n_different(self) -> int:
        """Different words so far."""
        return self._known

    def add(self, texts: pa.Array | pa.ChunkedArray) -> None:
        """Take the words of a column of texts (large_string)."""
        for chunk in compiled.chunks(texts):
            stream, self._hashes, self._known, self._table = compiled.load(KERNEL).number(
                *compiled.buffers(chunk), folds(), self._hashes, self._known, self._table
            )
            self._streams.append(stream)
            self._length += len(stream)
            self.n_words += int(np.count_nonzero(stream != MARK))
        if self._length > MOST:
            raise ConfigError(
                "ngram_lm",
                got=f"{self._length:,} words to learn from",
                wanted=f"at most {MOST:,}",
                way_out="Train on fewer documents.",
            )

    def model(
        self,
        *,
        vocabulary_words: int = Settings.vocabulary_words,
        min_count: int = Settings.min_count,
        prune_from: int = Settings.prune_from,
    ) -> NgramModel:
        """Estimate a model of the texts so far, by the definition of :mod:`tasks.ngram_lm`.

        Raises ConfigError where they have more different words than ``vocabulary_words``.
        """
        settings = Settings(self.settings.order, vocabulary_words, min_count, prune_from)
        if self._known > vocabulary_words:
            raise ConfigError(
                "ngram_lm",
                got=f"{self._known:,} different words to learn from",
                wanted=f"at most {vocabulary_words:,}, the vocabulary",
                way_out="Raise vocabulary_words, or train on fewer documents.",
            )
        return _estimate(self._settled(), self._hashes[: self._known].copy(), settings)

    def _settled(self) -> Counts:
        """Number words by the order of their hashes, and return the stream."""
        kernel = compiled.load(KERNEL)
        order = np.argsort(self._hashes[: self._known])
        stream = np.concatenate([*self._streams, np.array([MARK], np.uint32)])
        kernel.renumber(stream, order)
        self._hashes = self._hashes[order]
        self._table = kernel.table(self._hashes, len(self._table))
        self._streams = [stream[:-1]]
        return stream


class _Level(NamedTuple):
    """Of each n-gram of a length its count and how often it occurs; who is kept, and how many."""

    counts: Counts
    times: Counts
    least: int
    kept: int
    taken: tuple[float, float, float]


class _Corpus:
    """A stream whose places are sorted by the n-grams there, as far as has been asked for."""

    def __init__(self, stream: Counts, n_words: int, order: int) -> None:
        self.kernel: Any = compiled.load(KERNEL)
        self.stream, self.n_words, self.order = stream, n_words, order
        self.places, self.levels = self.kernel.sort_words(stream, n_words)
        for n in range(2, order + 1):
            self.kernel.refine(stream, self.places, self.levels, n)
        self.ranks: Counts = np.zeros(len(stream), np.uint32)

    @property
    def sorted(self) -> tuple[Any, ...]:
        """What the kernels look at: the stream, places in order, where levels differ."""
        return self.stream, self.places, self.levels

    def rank(self, n: int) -> int:
        """Write down which n-gram begins at each place; return how many there are."""
        size: int = self.kernel.rank(self.places, self.levels, n, self.ranks)
        return self.n_words + 1 if n == 1 else size

    def level(self, n: int, least: int) -> _Level:
        """Count the n-grams of a length."""
        size = self.rank(n)
        times = self.kernel.occurring(self.places, self.levels, n, size)
        counts = times
        if n < self.order:
            counts = self.kernel.preceded(*self.sorted, n, self.ranks, times)
        if n == 1:
            times[-1], counts[-1] = 0, 0
        of, kept = self.kernel.counted(counts, times, least)
        return _Level(counts, times, least, kept, discounts(dict(enumerate(of.tolist(), 1))))

    def estimate(
        self, n: int, own: _Level, before: _Level, lower: Floats, chances: Floats
    ) -> tuple[Any, ...]:
        """Return the keys and logs of a level, and the logs of its contexts' back-off weights.

        ``before`` and ``lower`` are of the level below; ``chances`` become those of this one.
        """
        self.rank(n - 1)
        contexts = (self.ranks, before.times, before.least, before.kept, lower)
        found: tuple[Any, ...] = self.kernel.estimate(
            *self.sorted, n, tuple(own), contexts, chances
        )
        return found


def _estimate(stream: Counts, hashes: Hashes, settings: Settings) -> NgramModel:
    corpus = _Corpus(stream, len(hashes), settings.order)
    before = corpus.level(1, 0)
    lower, weight = _words(before, settings)
    logs, back_offs = [np.log(lower).astype(np.float32)], [weight]
    keys: list[Hashes] = []
    lower = np.append(lower, 0.0)
    for n in range(2, settings.order + 1):
        own = corpus.level(n, settings.min_count if n >= settings.prune_from else 1)
        # Nobody asks for those of the last level: a tenth of all the memory.
        chances = np.zeros(len(own.counts) if n < settings.order else 0)
        found = corpus.estimate(n, own, before, lower, chances)
        keys.append(found[0])
        logs.append(found[1])
        back_offs.append(found[2])
        before, lower = own._replace(counts=own.counts[:0].copy()), chances
    return NgramModel(settings, hashes, tuple(keys), tuple(logs), tuple(back_offs))


def _words(level: _Level, settings: Settings) -> tuple[Floats, NDArray[np.float32]]:
    """Return the probability of each word without a context, and the log of what is left."""
    counts = level.counts[:-1].astype(np.float64)
    total = counts.sum()
    if not total:
        return np.zeros(0), np.zeros(1, np.float32)
    taken = np.array(level.taken)[np.minimum(level.counts[:-1], 3) - 1]
    # Whole numbers times three discounts: no sum that depends on how a machine adds up.
    few = np.bincount(np.minimum(level.counts[:-1], 3), minlength=4).tolist()
    weight = sum(few[k] * discount(level.taken, k) for k in (1, 2, 3)) / total
    chances = (counts - taken) / total + weight / settings.vocabulary_words
    return chances, np.array([np.log(weight)], np.float32)
