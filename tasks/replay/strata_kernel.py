"""Distances to centres. Importing this imports Numba.

Loops run along centres, so that the processor does many at a time and no sum is shuffled.
"""
# ruff: noqa: ANN401

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def nearest(points: Any, across: Any, halves: Any) -> Any:
    """Return the nearest centre of each point, the first of equals, and the squared distance.

    ``across`` has a row for each direction and a column for each centre; ``halves`` are half the
    squared lengths of these.
    """
    found, away = np.zeros(len(points), np.int64), np.zeros(len(points), np.float64)
    scores = np.empty(across.shape[1], np.float32)
    for i in range(len(points)):
        scores[:] = -halves
        length = 0.0
        for k in range(across.shape[0]):
            x, row = points[i, k], across[k]
            length += np.float64(x) * np.float64(x)
            for j in range(len(scores)):
                scores[j] += x * row[j]
        best = 0
        for j in range(1, len(scores)):
            if scores[j] > scores[best]:
                best = j
        found[i] = best
        away[i] = max(0.0, length - 2 * np.float64(scores[best]))
    return found, away


@njit(cache=True, nogil=True)
def summed(points: Any, own: Any, size: int) -> Any:
    """Return the sum of the points of each cluster, and how many these are."""
    sums, sizes = np.zeros((size, points.shape[1]), np.float64), np.zeros(size, np.int64)
    for i in range(len(points)):
        row = sums[own[i]]
        for k in range(len(row)):
            row[k] += points[i, k]
        sizes[own[i]] += 1
    return sums, sizes
