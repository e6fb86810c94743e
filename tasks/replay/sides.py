"""The two sides of a selection: passages of the target, and of the pool that is drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.replay.packed import Packed

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Keys = NDArray[np.uint64]


class Side(NamedTuple):
    """Passages, in any order.

    - ``counts``: of their n-grams.
    - ``keys``: of each, two numbers (uint64, ``(n, 2)``) that no other passage of its side has.
    - ``documents``: a number for the document that it is of.
    - ``tokens``: how many it has, by the caller's tokenizer.
    """

    counts: Packed
    keys: Keys
    documents: Ints
    tokens: Ints

    @property
    def size(self) -> int:
        """How many passages there are."""
        return len(self.tokens)


class Strata(NamedTuple):
    """Kinds of text, numbered from 0.

    - ``pool``: the stratum of each passage of the pool.
    - ``shares``: of the target's tokens, one for each stratum. What is left up to 1 is in none.
    - ``target``: the stratum of each passage of the target; none where there are shares only.
    """

    pool: Ints
    shares: Floats
    target: Ints | None = None


def checked(side: Side, name: str) -> Side:
    """Return a side whose parts are of one length. ValueError where they are not."""
    lengths = (side.counts.size, len(side.keys), len(side.documents), len(side.tokens))
    if len(set(lengths)) > 1:
        raise ValueError(f"{name}: {lengths} counts, keys, documents and tokens: wanted as many")
    return side


def tokens_by(strata: Ints, tokens: Ints, size: int) -> Floats:
    """Return the tokens of each of so many strata."""
    return np.bincount(strata, tokens, size).astype(np.float64)


def effective(documents: Ints, tokens: Ints) -> float:
    """Return the effective number of documents: ``(sum L)^2 / sum L^2``, where L are their tokens.

    0 where there are none. It says how much can be known of a side, which tokens do not.
    """
    _, places = np.unique(documents, return_inverse=True)
    lengths = np.bincount(places, tokens)
    squares = float(np.square(lengths).sum())
    return float(lengths.sum()) ** 2 / squares if squares else 0.0
