"""Probabilities from margins (Platt scaling).

Platt (Advances in Large Margin Classifiers, 2000): a sigmoid of ``slope margin + offset``, fitted
to held-out documents whose targets are drawn in from 1 and 0 to ``(n+ + 1) / (n+ + 2)`` and
``1 / (n- + 2)``, so that few documents, or classes that a margin parts, do not make it certain. By
Newton's method with a line search, as Lin, Lin and Weng advise (Machine Learning 68, 2007).

Few documents may seem to turn a model round: the slope that fits them is then negative. They shall
not outvote what it was trained on. Its margins, which are logarithms of odds already, then keep
their slope of 1, and only the offset is fitted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from tasks.classifier.model import sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Pair = tuple[float, float]

MOST_STEPS: Final = 100
SHORTEST: Final = 1e-10
RIDGE: Final = 1e-12
ALIKE: Final = 1e-12
FAR: Final = 40.0
"""A logarithm of odds that is as good as certain."""
ENOUGH: Final = 1e-4
"""Of the fall that the slope of the loss promises, a step has to bring so much."""


def platt(margins: Floats, positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Return slope and offset for documents with these margins, of which some are positive.

    Documents count alike, so that a probability is one among documents of these shares of classes.
    """
    many = int(positive.sum())
    few = len(positive) - many
    targets = np.where(positive, (many + 1) / (many + 2), 1 / (few + 2))
    middle = _sum(margins) / len(margins)
    width = math.sqrt(_sum((margins - middle) ** 2) / len(margins))
    if width <= ALIKE * abs(middle):  # all the same, but for how they were rounded
        return 0.0, _fitted(np.zeros(len(margins)), targets, (0.0, 0.0))[1]
    first = 0.0, math.log((many + 1) / (few + 1))
    slope, offset = _fitted((margins - middle) / width, targets, first)
    if slope <= 0.0:
        return 1.0, _shifted(margins, targets)
    return slope / width, offset - slope * middle / width


def _shifted(margins: Floats, targets: Floats) -> float:
    """Return the offset that makes margins, as they are, as likely in the mean as targets."""
    low, high = -float(np.abs(margins).max()) - FAR, float(np.abs(margins).max()) + FAR
    for _ in range(MOST_STEPS):
        middle = (low + high) / 2
        if _sum(sigmoid(margins + middle) - targets) > 0:
            high = middle
        else:
            low = middle
    return middle


def _fitted(margins: Floats, targets: Floats, at: Pair) -> Pair:
    for _ in range(MOST_STEPS):
        shares = sigmoid(at[0] * margins + at[1])
        off, curve = shares - targets, shares * (1 - shares)
        by = _sum(off * margins), _sum(off)
        if max(map(abs, by)) < SHORTEST * len(margins):
            break
        squared, both, plain = _sum(curve * margins**2), _sum(curve * margins), _sum(curve)
        squared, plain = squared + RIDGE, plain + RIDGE
        area = squared * plain - both**2
        if area <= 0:  # rounded away: all that is not certain has one margin
            break
        step = (plain * by[0] - both * by[1]) / area, (squared * by[1] - both * by[0]) / area
        length = _length(margins, targets, at, step, by[0] * step[0] + by[1] * step[1])
        if not length:
            break
        at = at[0] - length * step[0], at[1] - length * step[1]
    return at


def _length(margins: Floats, targets: Floats, at: Pair, step: Pair, fall: float) -> float:
    """Return how much of a step to take: the first of 1, 1/2, ... that brings enough, or 0."""
    before, length = _loss(at[0] * margins + at[1], targets), 1.0
    while length > SHORTEST:
        logits = (at[0] - length * step[0]) * margins + at[1] - length * step[1]
        if _loss(logits, targets) <= before - ENOUGH * length * fall:
            return length
        length /= 2
    return 0.0


def _loss(logits: Floats, targets: Floats) -> float:
    return _sum(np.logaddexp(0.0, logits) - targets * logits)


def _sum(values: Floats) -> float:
    """Add up; unlike a product of matrices in the same way whatever the number of threads."""
    return float(values.sum())
