"""Documents to learn from or to label: counts of their n-grams, and a hash of each one's text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from tasks import hashing, ngrams
from tasks.shingles import all_mixed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Ints = NDArray[np.int64]
    Keys = NDArray[np.uint64]

BUCKET_BYTES: Final = 24
DOCUMENT_BYTES: Final = 200
"""Memory of a bucket that a document has, and of a document beside those, while a model is trained:
as given (8 and 24), as joined with others, and what training needs. Measured: 16 to 21, and 120."""


class Documents(NamedTuple):
    """Counts, one row a document, and the hash of each text as two numbers (uint64, ``(n, 2)``)."""

    counts: ngrams.Counts
    keys: Keys

    @property
    def size(self) -> int:
        """How many documents there are."""
        return len(self.keys)


def of(texts: pa.ChunkedArray, *, width: int, buckets: int) -> Documents:
    """Return documents of texts (no nulls); what comes in several parts is :func:`joined`."""
    hashes = bytes.fromhex("".join(hashing.text_hashes(texts)))
    keys = np.frombuffer(hashes, ">u8").astype(np.uint64).reshape(-1, 2)
    return Documents(ngrams.counts(texts, width=width, buckets=buckets), keys)


def joined(parts: Sequence[Documents]) -> Documents:
    """Return the documents of ``parts``, one after the other."""
    counts = ngrams.joined([part.counts for part in parts])
    none = np.zeros((0, 2), np.uint64)
    return Documents(counts, np.concatenate([*(part.keys for part in parts), none]))


def in_order(keys: Keys) -> Ints:
    """Return the places of documents in the order of their hashes."""
    return np.lexsort((keys[:, 1], keys[:, 0]))


def repeats(keys: Keys) -> Flags:
    """Tell which documents are the same as the one before them, of some in order."""
    same = np.zeros(len(keys), np.bool_)
    same[1:] = (keys[1:] == keys[:-1]).all(axis=1)
    return same


def own(keys: Keys) -> Keys:
    """Return one number a document, for what is drawn by its hash."""
    return np.ascontiguousarray(keys[:, 0])


def drawn(own: Keys, salt: int) -> Keys:
    """Return a pseudo-random number for each document: ``mixed(own ^ salt)``."""
    return all_mixed(own ^ np.uint64(salt))
