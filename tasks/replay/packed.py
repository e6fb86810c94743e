"""Counts of passages' n-grams, packed: about 1.1 bytes a bucket in the place of eight.

A pool of a million passages has 700 buckets in each: in a gigabyte they can be looked at again and
again, for features, strata and selection, while the text is read once.

**Entry** of a bucket: a byte whose lower six bits are its distance from the bucket before, less one
(the first one's is from -1), and whose upper two are its count, less one. Where a distance does not
fit, the bits are 63 and two bytes follow, the lower first. Where a count does not, they are 3 and a
byte follows, behind those of the distance; and where that would be 255 or more, 255 and four bytes.

Defined here in plain Python (:func:`entries`); :mod:`tasks.replay.features_kernel` is what runs.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from tasks import compiled, ngrams

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bytes = NDArray[np.uint8]

KERNEL: Final = "tasks.replay.features_kernel"
WIDTH: Final = 2
BUCKETS: Final = 10_000
"""Words and pairs of words, in so many buckets (DSIR, arXiv 2302.03169)."""
FAR: Final = 63
OFTEN: Final = 3
VERY_OFTEN: Final = 255
BATCH: Final = 4_096
"""Texts that are counted at a time: before they are packed they take eight times the memory."""


FIRST_BYTES: Final = 1 << 20
GROWTH: Final = 16
"""A builder that is full gets a part in so many of what it holds beside it."""


class Packed(NamedTuple):
    """Counts of n-grams, one row a passage: row i is ``body[firsts[i]:firsts[i + 1]]``."""

    firsts: Ints
    body: Bytes

    @property
    def size(self) -> int:
        """How many passages there are."""
        return len(self.firsts) - 1

    @property
    def n_bytes(self) -> int:
        """How much memory they take."""
        return int(self.firsts.nbytes + self.body.nbytes)


class Builder:
    """Packed rows that come part by part, in one array: never in memory twice. Not for threads."""

    def __init__(self) -> None:
        self._body: Bytes = np.empty(FIRST_BYTES, np.uint8)
        self._sizes: list[Ints] = []
        self._used = 0

    def add(self, part: Packed) -> None:
        """Take the rows of a part, behind those that came before."""
        before, self._used = self._used, self._used + len(part.body)
        if self._used > len(self._body):
            # The system moves the pages of a large array, it does not copy them.
            self._body.resize(self._used + self._used // GROWTH, refcheck=False)
        self._body[before : self._used] = part.body
        self._sizes.append(np.diff(part.firsts))

    def packed(self) -> Packed:
        """Return all rows so far. The builder is empty again then."""
        body, sizes, used = self._body, self._sizes, self._used
        self._body, self._sizes, self._used = np.empty(FIRST_BYTES, np.uint8), [], 0
        body.resize(used, refcheck=False)
        return Packed(np.cumsum(np.concatenate([np.zeros(1, np.int64), *sizes])), body)


def of(texts: pa.Array | pa.ChunkedArray) -> Packed:
    """Count the n-grams of texts (no nulls) and pack them, some thousand texts at a time."""
    kernel, made = compiled.load(KERNEL), Builder()
    for start in range(0, len(texts), BATCH):
        counts = ngrams.counts(texts.slice(start, BATCH), width=WIDTH, buckets=BUCKETS)
        made.add(Packed(*kernel.packed(*counts)))
    return made.packed()


def joined(parts: Sequence[Packed]) -> Packed:
    """Return the rows of ``parts``, one after the other."""
    made = Builder()
    for part in parts:
        made.add(part)
    return made.packed()


def taken(packed: Packed, some: Ints) -> Packed:
    """Return some rows, in the order that they are named in."""
    firsts, body = packed
    sizes = np.diff(firsts)[some]
    limits = np.append(0, np.cumsum(sizes))
    within = np.arange(limits[-1]) - np.repeat(limits[:-1], sizes)
    return Packed(limits, body[np.repeat(firsts[some], sizes) + within])


def rows(packed: Packed) -> Ints:
    """Return the numbers of all rows."""
    return np.arange(packed.size)


def sums(packed: Packed, some: Ints, weights: NDArray[np.float64] | None = None) -> Any:  # noqa: ANN401
    """Return the counts of some rows in sum, one float64 a bucket; each row times its weight."""
    given = np.ones(len(some)) if weights is None else weights
    return compiled.load(KERNEL).sums(*packed, some, given, BUCKETS)


def sizes(packed: Packed) -> Ints:
    """Return how many n-grams each row has."""
    found: Ints = compiled.load(KERNEL).sizes(*packed)
    return found


def frequencies(packed: Packed, some: Ints) -> Ints:
    """Return of each bucket how many of some rows have it."""
    found: Ints = compiled.load(KERNEL).frequencies(*packed, some, BUCKETS)
    return found


def row(packed: Packed, i: int) -> dict[int, int]:
    """Return the counts of a passage by bucket, by the definition above."""
    return dict(entries(packed.body[packed.firsts[i] : packed.firsts[i + 1]].tolist()))


def entries(body: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Return the buckets and counts of a packed row."""
    given, bucket = iter(body), -1
    for first in given:
        distance, count = first & FAR, first >> 6
        if distance == FAR:
            distance = _number(given, 2)
        if count == OFTEN:
            count = _number(given, 1)
        if count == VERY_OFTEN:
            count = _number(given, 4)
        bucket += distance + 1
        yield bucket, count + 1


def _number(given: Iterator[int], size: int) -> int:
    return int.from_bytes(list(islice(given, size)), "little")


def written(counts: Mapping[int, int]) -> bytes:
    """Return a packed row, by the definition above."""
    found, before = b"", -1
    for bucket, count in sorted(counts.items()):
        distance, often = bucket - before - 1, count - 1
        found += bytes([min(distance, FAR) | min(often, OFTEN) << 6])
        found += distance.to_bytes(2, "little") if distance >= FAR else b""
        found += bytes([min(often, VERY_OFTEN)]) if often >= OFTEN else b""
        found += often.to_bytes(4, "little") if often >= VERY_OFTEN else b""
        before = bucket
    return found
