"""Counts of hashed word n-grams: what linear models and resampling know of a text.

**Word**: that of :mod:`tasks.shingles`; case, white space and punctuation do not count.

**n-gram**: 1, 2, ... ``width`` neighbouring words. A text with fewer words than n has none of n, so
a text without words has none at all.

**Hash**: of 64 bits, that of a shingle of so many words (:func:`tasks.shingles.shingle_hash`):
MurmurHash3's finaliser of ``t_1 F^(n-1) + ... + t_n``. A bigram is thus told from a word by the
power of F that the first of its words is multiplied by, and from the bigram in the other order.

**Bucket**: the upper half of the hash, ``h``, as a share of ``buckets``: ``h * buckets >> 32`` (the
multiplication in the place of a division; Lemire, arXiv 1805.10941). It takes any number of
buckets, and those of a tenth as many are tenfold wide, in the same order.

Each is defined here in plain Python (:func:`counted`); :mod:`tasks.ngrams.kernel` is what runs.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from tasks import compiled
from tasks.shingles import shingle_hash, token_hash, words
from tasks.shingles.sets import folds

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

KERNEL: Final = "tasks.ngrams.kernel"
VERSION: Final = "ngrams-1"
"""Names words, hash and buckets: what was learned on counts of another one is of no use here."""
LEAST_BUCKETS: Final = 2
MOST_BUCKETS: Final = 1 << 26
"""Counting takes four bytes a bucket."""
COUNT_BYTES: Final = 8
"""Memory of a bucket that a text has; as much again while counts are joined."""


class Counts(NamedTuple):
    """How often texts have n-grams of each bucket, one row a text.

    Row i is ``buckets[firsts[i]:firsts[i + 1]]``, in order and each once, and ``counts`` likewise.
    """

    firsts: NDArray[np.int64]
    buckets: NDArray[np.uint32]
    counts: NDArray[np.uint32]

    @property
    def size(self) -> int:
        """How many texts there are."""
        return len(self.firsts) - 1


def counts(texts: pa.Array | pa.ChunkedArray, *, width: int, buckets: int) -> Counts:
    """Count the n-grams of 1 to ``width`` words of each text, by bucket.

    A row is a function of its text only. ValueError for a width below 1, or other than 2 to 2^26
    buckets.
    """
    if width < 1 or not LEAST_BUCKETS <= buckets <= MOST_BUCKETS:
        wanted = "wanted a word or more, and 2 to 2^26 buckets"
        raise ValueError(f"n-grams of up to {width} words in {buckets} buckets: {wanted}")
    kernel = compiled.load(KERNEL)
    parts = [
        Counts(*kernel.counted(*compiled.buffers(chunk), folds(), width, buckets))
        for chunk in compiled.chunks(texts)
    ]
    return joined(parts)


def joined(parts: Sequence[Counts]) -> Counts:
    """Return the rows of ``parts``, one after the other."""
    if len(parts) == 1:
        return parts[0]
    sizes = [np.diff(part.firsts) for part in parts]
    none = np.zeros(0, np.uint32)
    return Counts(
        np.append(0, np.cumsum(np.concatenate([*sizes, np.zeros(0, np.int64)]))).astype(np.int64),
        np.concatenate([*(part.buckets for part in parts), none]),
        np.concatenate([*(part.counts for part in parts), none]),
    )


def counted(text: str, *, width: int, buckets: int) -> dict[int, int]:
    """Return how often a text has n-grams of each bucket, by the definition above."""
    hashes = [token_hash(word) for word in words(text)]
    return Counter(
        bucket(shingle_hash(hashes[i : i + n]), buckets)
        for n in range(1, width + 1)
        for i in range(len(hashes) - n + 1)
    )


def bucket(value: int, buckets: int) -> int:
    """Return the bucket of an n-gram with this hash."""
    return (value >> 32) * buckets >> 32
