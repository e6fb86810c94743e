"""Sums over points by weight. Importing this imports Numba.

Loops run along directions, so that the processor does many at a time and no sum is shuffled.
"""
# ruff: noqa: ANN401

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def moments(points: Any, weights: Any) -> Any:
    """Return ``sum w x`` and ``sum w x x^T``."""
    width = points.shape[1]
    first, second = np.zeros(width, np.float64), np.zeros((width, width), np.float64)
    for i in range(len(points)):
        point, weight = points[i], weights[i]
        if weight == 0:
            continue
        for j in range(width):
            x = weight * point[j]
            first[j] += x
            if x != 0:
                row = second[j]
                for k in range(j + 1):
                    row[k] += x * point[k]
    for j in range(width):
        for k in range(j):
            second[k, j] = second[j, k]
    return first, second


@njit(cache=True, nogil=True, error_model="numpy")
def products(points: Any, slope: Any) -> Any:
    """Return ``sum_k x_k slope_k`` of each point, summed in order."""
    found = np.zeros(len(points), np.float64)
    for i in range(len(points)):
        total = 0.0
        for k in range(len(slope)):
            total += np.float64(points[i, k]) * slope[k]
        found[i] = total
    return found
