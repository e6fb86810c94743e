"""Shares of kinds of text on two sides, beside what chance makes of the same documents.

Sides are documents' tokens by kind, a row a document. **Permutation**: the documents of both sides
in a random order, dealt to the first side until it has its tokens again (a document whose middle
lies within them is in), the others to the second. Both sides should have as many tokens: then the
spread of the permutations is that of the sides, however different their documents' lengths are.

**TV**: ``sum |a - b| / 2`` of the shares. **TV***: ``root(max(0, TV^2 - mean^2 - sd^2))``, mean and
sd over permutations: chance alone makes a distance, and this is what is left. **chi2**: ``sum (a -
b)^2 / (a + b)``. **p**: of the sides and the permutations, the share that is as far apart as the
sides, or farther; with 99 it is .01 at least. **Could have seen**: the difference that is beyond
the 95th of 100 permutations in 19 of 20 draws. For what is apart, ``TV^2`` is about that
difference's square and ``mean^2``, and a TV spreads as a normal number does; the deviation of one
from its own mean is .603 of that if its sign does not count, as in permutations it does not.
**Uncovered**: the second side's share of kinds of which the first has less than a quarter of it,
less what the first has.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.replay.sides import Floats

PERMUTATIONS: Final = 99
Z_95: Final = 1.644854
"""Of a normal distribution, 95 % lie below its mean and so many deviations."""
HALF_NORMAL: Final = math.sqrt(1 - 2 / math.pi)
COVERED: Final = 0.25


class Difference(NamedTuple):
    """How far two sides are apart, by the definitions above."""

    tv: float
    tv_mean: float
    tv_sd: float
    chi2: float
    chi2_mean: float
    p_tv: float
    p_chi2: float
    could_have_seen: float
    uncovered: float
    uncovered_mean: float

    @property
    def corrected(self) -> float:
        """TV*."""
        return math.sqrt(max(0.0, self.tv**2 - self.tv_mean**2 - self.tv_sd**2))


def compared(first: Floats, second: Floats, *, seed: Sequence[int]) -> Difference:
    """Compare two sides, ``(documents, kinds)`` each. ValueError for one without tokens."""
    every = np.concatenate([first, second])
    tokens, total, own = every.sum(axis=1), every.sum(axis=0), first.sum(axis=0)
    if not 0 < own.sum() < total.sum():
        raise ValueError("a side without tokens: wanted some on both")
    chance, inside = np.random.default_rng(seed), np.zeros((PERMUTATIONS, len(every)))
    for row in inside:
        order = chance.permutation(len(every))
        middles = np.cumsum(tokens[order]) - tokens[order] / 2
        row[order[middles < own.sum()]] = 1.0
    dealt = inside @ every
    tv, chi2, uncovered = distances(np.vstack([own, dealt]), total)
    most = float(np.sort(tv[1:])[-math.ceil(0.05 * (PERMUTATIONS + 1))])
    mean, sd = float(tv[1:].mean()), float(tv[1:].std())
    seen = math.sqrt(max(0.0, (most + Z_95 * sd / HALF_NORMAL) ** 2 - mean**2))
    return Difference(
        tv=float(tv[0]),
        tv_mean=mean,
        tv_sd=sd,
        chi2=float(chi2[0]),
        chi2_mean=float(chi2[1:].mean()),
        p_tv=_p(tv),
        p_chi2=_p(chi2),
        could_have_seen=seen,
        uncovered=float(uncovered[0]),
        uncovered_mean=float(uncovered[1:].mean()),
    )


def distances(firsts: Floats, total: Floats) -> tuple[Floats, Floats, Floats]:
    """Return TV, chi2 and what is uncovered for first sides, of which second ones are the rest."""
    seconds = total - firsts
    a = firsts / np.maximum(firsts.sum(axis=1, keepdims=True), 1e-300)
    b = seconds / np.maximum(seconds.sum(axis=1, keepdims=True), 1e-300)
    chi2 = (a - b) ** 2 / np.maximum(a + b, 1e-300)
    lacking = np.where(a < COVERED * b, b - a, 0.0)
    return np.abs(a - b).sum(axis=1) / 2, chi2.sum(axis=1), lacking.sum(axis=1)


def _p(found: Floats) -> float:
    """Return p for the first of some distances, the others being permutations."""
    # Sums of the same numbers in another order differ in the last digits.
    return float((found >= found[0] * (1 - 1e-9)).mean())
