"""How well a model tells held-out documents apart, and what its probabilities are worth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from tasks.classifier.model import sigmoid

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]

BINS: Final = 10
Z_95: Final = 1.959964
HALVINGS: Final = 60


class Bin(NamedTuple):
    """Documents whose probability is in one tenth of 0 to 1; none has no mean and no share."""

    documents: int
    mean_predicted: float | None
    share_positive: float | None


class Figures(NamedTuple):
    """Of held-out documents: how many, and how well they are told apart.

    - ``auc``: how likely a positive one has the higher probability than a negative one (ties half);
      ``auc_low`` and ``auc_high`` are its interval of 95 % (:func:`interval`).
    - ``brier``: mean squared distance of probability and class (0 is best; Brier, 1950).
    - ``log_loss``: mean of minus the logarithm of the probability of the class that it is, in nats.
    - ``calibration_error``: mean distance of probability and share of positive documents, by bin
      (expected calibration error; Guo et al., arXiv 1706.04599).
    """

    positive: int
    negative: int
    auc: float
    auc_low: float
    auc_high: float
    brier: float
    log_loss: float
    calibration_error: float
    bins: tuple[Bin, ...]


def figures(logits: Floats, positive: Flags) -> Figures:
    """Return what comes of logarithms of odds; both classes must be there."""
    shares = sigmoid(logits)
    area, (n_positive, n_negative) = auc(logits, positive), sizes(positive)
    low, high = interval(area, n_positive, n_negative)
    bins = reliability(shares, positive)
    off = [
        one.documents * abs(one.mean_predicted - one.share_positive)
        for one in bins
        if one.mean_predicted is not None and one.share_positive is not None
    ]
    return Figures(
        positive=n_positive,
        negative=n_negative,
        auc=area,
        auc_low=low,
        auc_high=high,
        brier=float(((shares - positive) ** 2).mean()),
        log_loss=float((np.logaddexp(0.0, logits) - positive * logits).mean()),
        calibration_error=sum(off) / len(shares),
        bins=bins,
    )


def sizes(positive: Flags) -> tuple[int, int]:
    """Return how many documents are positive, and how many are not."""
    return int(positive.sum()), int((~positive).sum())


def auc(scores: Floats, positive: Flags) -> float:
    """Return how often a positive document has the higher score than a negative one; ties half."""
    _, places, many = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(many) - (many - 1) / 2)[places]
    n_positive, n_negative = sizes(positive)
    above = float(ranks[positive].sum()) - n_positive * (n_positive + 1) / 2
    return above / (n_positive * n_negative)


def interval(area: float, n_positive: int, n_negative: int) -> tuple[float, float]:
    """Return the interval of 95 % of an AUC: which true ones are within 1.96 standard errors.

    The standard error is that of Hanley and McNeil (Radiology 143, 1982) at the *true* area, with
    the mean of both numbers of documents in the place of each (Newcombe, Statistics in Medicine 25,
    2006, method 5). Unlike an error at the area that was found (DeLong's too), it is not 0 where
    all are told apart, which few documents often are.
    """
    mean = (n_positive + n_negative) / 2 - 1

    def within(true: float) -> bool:
        more = mean * (1 - true) / (2 - true) + mean * true / (1 + true)
        variance = true * (1 - true) * (1 + more) / (n_positive * n_negative)
        return abs(true - area) <= Z_95 * math.sqrt(variance)

    return _edge(area, 0.0, within), _edge(area, 1.0, within)


def _edge(inside: float, outside: float, within: Callable[[float], bool]) -> float:
    if within(outside):
        return outside
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if within(middle) else (inside, middle)
    return inside


def reliability(shares: Floats, positive: Flags) -> tuple[Bin, ...]:
    """Return ten bins of probability, 0 to .1 first, each without its upper end but the last."""
    places = np.minimum((shares * BINS).astype(np.int64), BINS - 1)
    own = [places == k for k in range(BINS)]
    return tuple(
        Bin(int(here.sum()), float(shares[here].mean()), float(positive[here].mean()))
        if here.any()
        else Bin(0, None, None)
        for here in own
    )
