r"""A linear model on hashed word n-grams: how likely a text is one of a class. Without storage.

**Features** of a text: of each bucket (:mod:`tasks.ngrams`) the square root of its share of the
text's n-grams, ``x_b = sqrt(count_b / all)``. The root keeps frequent words from deciding alone;
and a text is of length 1 then, however long it is, so that a model does not learn how long texts
of a class are, and a step of training means the same for each.

**Model**: ``margin = w.x + bias``, and a probability of ``sigmoid(a margin + b)``.

**Training**: of documents with targets ``y`` (0 to 1) and importances ``c``, the least

    sum_i c_i [log(1 + e^m_i) - y_i m_i] / sum_i c_i + penalty / 2 (|w|^2 + bias^2)

which is logistic regression. Both classes count the same, whichever has more documents: ``c_i`` is
``y_i / sum y + (1 - y_i) / sum (1 - y)``. It is found by dual coordinate ascent (Yu, Huang and Lin,
Machine Learning 85, 2011; no step width to choose): with ``r_i = y_i - sigmoid(m_i)``, the weights
are ``sum_i k_i r_i x_i`` where ``k_i = c_i / (penalty sum c)``, and one document after the other is
given the ``r_i`` that fits the others' weights. An epoch takes each document once, in an order of
its own by a hash.

**Dropout** leaves each bucket of each document out of an epoch with some probability, by a hash of
seed, epoch, document and bucket; what is left is made of length 1 again.

Features and an epoch are defined here in plain Python; :mod:`tasks.classifier.kernel` is what runs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from tasks.shingles import FACTOR, LOW_64, mixed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Row = Mapping[int, int]

KERNEL: Final = "tasks.classifier.kernel"
HALF: Final = 1 << 32
ORDER, DROPOUT, DEAL, DRAW = range(4)
"""What a hash is drawn for: the order of an epoch, what it leaves out, the part that a document is
dealt to, and which of a pool's documents are taken."""


def salt(seed: int, use: int, epoch: int) -> int:
    """Return the salt of a use (:data:`ORDER`, ...) in an epoch.

    What is drawn for a document is ``mixed(own hash ^ salt)``.
    """
    return mixed(mixed(mixed(seed & LOW_64) ^ use) ^ epoch)


def left(row: Row, own: int, dropout: float) -> dict[int, int]:
    """Return what dropout leaves of a row, of a document for which ``own`` was drawn."""
    least = int(dropout * HALF)
    return {b: n for b, n in row.items() if mixed(own + (b + 1) * FACTOR) >> 32 >= least}


def features(row: Row) -> dict[int, float]:
    """Return a row of counts as features."""
    total = sum(row.values())
    return {bucket: math.sqrt(count / total) for bucket, count in row.items()}


def margin(row: Row, weights: Sequence[float]) -> float:
    """Return ``w.x + bias``; the bias is the last of the weights."""
    return sum(weights[b] * x for b, x in features(row).items()) + weights[-1]


def epoch(
    rows: Iterable[tuple[Row, Row]],
    targets: Sequence[float],
    strengths: Sequence[float],
    residuals: list[float],
    weights: list[float],
) -> None:
    """Change residuals ``r`` and weights by one epoch, whose order is that of ``rows``.

    A row is what was left of a document in the epoch before, and what is left in this one;
    ``strengths`` are the ``k`` above.
    """
    for i, (before, now) in enumerate(rows):
        _add(before, -strengths[i] * residuals[i], weights)
        reach = strengths[i] * (2.0 if now else 1.0)  # |x|^2, and 1 for the bias
        residuals[i] = _residual(margin(now, weights), reach, targets[i])
        _add(now, strengths[i] * residuals[i], weights)


def _add(row: Row, factor: float, weights: list[float]) -> None:
    for bucket, x in features(row).items():
        weights[bucket] += factor * x
    weights[-1] += factor


def _sigmoid(margin: float) -> float:
    return (1 + math.tanh(margin / 2)) / 2  # 1 / (1 + e^-margin), without overflow


def _residual(others: float, reach: float, target: float) -> float:
    """Return r = target - sigmoid(others + reach r), by halving."""
    low, high = target - 1.0, target
    for _ in range(60):
        middle = (low + high) / 2
        if middle < target - _sigmoid(others + reach * middle):
            low = middle
        else:
            high = middle
    return low
