"""Divergences of rows of counts, in bits.

**JS**, of ``p`` and ``q`` with ``m = (p + q) / 2``: ``KL(p|m) / 2 + KL(q|m) / 2``, 0 to 1. **KL**:
``sum_v p_v log2(p_v / q_v)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tasks.replay.sides import Floats


def js(one: Floats, other: Floats) -> float | None:
    """Return the Jensen-Shannon divergence of two rows of counts; none of empty ones."""
    if not one.sum() or not other.sum():
        return None
    p, q = one / one.sum(), other / other.sum()
    middle = (p + q) / 2
    return max(0.0, (_bits(p, middle) + _bits(q, middle)) / 2)


def kl(one: Floats, other: Floats) -> float:
    """Return the Kullback-Leibler divergence of counts from others, none of them 0."""
    return _bits(one / one.sum(), other / other.sum())


def _bits(p: Floats, q: Floats) -> float:
    some = p > 0
    return float((p[some] * np.log2(p[some] / q[some])).sum())
