"""Multinomial logistic regression. Importing this imports Numba.

Loops run along sources, so that the processor does many at a time and no sum is shuffled.
"""
# ruff: noqa: ANN401

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def _probabilities(point: Any, weights: Any, found: Any) -> None:
    """Write the probability of each source of a point."""
    found[:] = weights[len(point)]
    for k in range(len(point)):
        x, row = np.float64(point[k]), weights[k]
        for s in range(len(found)):
            found[s] += x * row[s]
    largest, total = found.max(), 0.0
    for s in range(len(found)):
        found[s] = np.exp(found[s] - largest)
        total += found[s]
    for s in range(len(found)):
        found[s] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def posteriors(points: Any, weights: Any) -> Any:
    """Return the probability of each source, a row a point; the last weights are biases."""
    found = np.empty((len(points), weights.shape[1]), np.float64)
    for i in range(len(points)):
        _probabilities(points[i], weights, found[i])
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def slopes(points: Any, weights: Any, sources: Any) -> Any:
    """Return the gradient of the sum of ``-log p`` of each point's source."""
    found, own = np.zeros(weights.shape, np.float64), np.empty(weights.shape[1], np.float64)
    for i in range(len(points)):
        point = points[i]
        _probabilities(point, weights, own)
        own[sources[i]] -= 1.0
        for k in range(len(point)):
            x, row = np.float64(point[k]), found[k]
            for s in range(len(own)):
                row[s] += x * own[s]
        last = found[len(point)]
        for s in range(len(own)):
            last[s] += own[s]
    return found
