"""What is drawn for passages by seed and key, and the order in which that puts them.

A key is two numbers (:func:`tasks.replay.passages.keys`). What is drawn for it is ``m(first ^
m(second ^ m(m(seed) ^ use)))``, where *m* is MurmurHash3's finaliser of 64 bits
(:func:`tasks.shingles.mixed`): a number of 64 bits that depends on nothing else, so that passages
may come in any order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tasks.shingles import LOW_64, all_mixed, mixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Keys = NDArray[np.uint64]

FIT, DRAW, CENTRES, NOISE, FOLDS, RATES, KEPT = range(7)
"""Uses: what is fitted on, what is taken, where clusters begin, Gumbel noise, folds, what a rate
adds, what is kept of a pool."""
COPIES: Final = 64
"""Use of the first copy of a passage that is taken more than once; the next ones follow."""


def salt(seed: int, use: int) -> int:
    """Return the salt of a use (:data:`FIT`, ...) of a seed."""
    return mixed(mixed(seed & LOW_64) ^ use)


def drawn(keys: Keys, *, seed: int, use: int) -> Keys:
    """Return the number that is drawn for each key."""
    return all_mixed(keys[:, 0] ^ all_mixed(keys[:, 1] ^ np.uint64(salt(seed, use))))


def chances(keys: Keys, *, seed: int, use: int) -> NDArray[np.float64]:
    """Return the same as numbers between 0 and 1, both excluded."""
    top = drawn(keys, seed=seed, use=use) >> np.uint64(12)
    return (top.astype(np.float64) + 0.5) / 2.0**52


def by_key(keys: Keys) -> Ints:
    """Return the places of passages in the order of their keys. ValueError for two of one key."""
    found = np.lexsort((keys[:, 1], keys[:, 0]))
    ordered = keys[found]
    if (ordered[1:] == ordered[:-1]).all(axis=1).any():
        raise ValueError("two passages of one key: wanted each once")
    return found


def order(keys: Keys, *, seed: int, use: int) -> Ints:
    """Return the places of passages in the order that a seed puts them in."""
    return np.lexsort((keys[:, 1], keys[:, 0], drawn(keys, seed=seed, use=use)))
