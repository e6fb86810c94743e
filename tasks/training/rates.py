r"""Learning rates by step, from 1 to ``total``: pure arithmetic.

``cosine`` (arXiv 2403.08763, section 4.1; T steps, of which w warm up)::

    t <= w   peak t / w
    else     floor + (peak - floor) / 2 (1 + cos(pi (t - w) / (T - w)))

A model that was trained before begins so again: its rate rises and falls anew.

``infinite`` (section 6, four phases; n is the end of the second, a that of the third)::

    t <= w   peak t / w
    t <= n   const + (peak - const) / 2 (1 + cos(pi (t - w) / (n - w)))            (cosine)
             peak + (const - peak) h((t - w) / (n - w)) / h(1),
             h(x) = 1 / sqrt(1 + alpha x) - 1                                      (inverse_sqrt)
    t <= a   const
    else     const (floor / const)^((t - a) / (T - a))

More data goes on from the end of the third phase: with ``warm_up`` and ``cool_down`` of 0 a run
begins at the constant rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from schemas.training import RateConfig

    Floats = NDArray[np.float64]


class Phases(NamedTuple):
    """Last steps of warming up, cooling down and the constant phase; number of all steps."""

    warm: int
    cooled: int
    constant: int
    total: int


def phases(config: RateConfig, total: int) -> Phases:
    """Return where phases end. A phase that is asked for has one step at least."""
    warm = _length(config.warm_up, total)
    if config.schedule != "infinite":
        return Phases(warm, warm, total if config.schedule == "constant" else warm, total)
    cooled = min(total, warm + _length(config.cool_down, total))
    return Phases(warm, cooled, max(cooled, total - _length(config.anneal, total)), total)


def rates(config: RateConfig, total: int) -> Floats:
    """Return the rate of each step."""
    at = phases(config, total)
    steps = np.arange(1, total + 1, dtype=np.float64)
    floor = config.peak * config.floor_share
    if config.schedule == "infinite":
        found = _infinite(config, at, steps, floor)
    elif config.schedule == "constant":
        found = np.full(total, config.peak)
    else:
        found = _wave(config.peak, floor, _part(steps, at.warm, total))
    return np.where(steps <= at.warm, config.peak * steps / max(1, at.warm), found)


def _infinite(config: RateConfig, at: Phases, steps: Floats, floor: float) -> Floats:
    constant = config.peak * config.constant_share
    done = _part(steps, at.warm, at.cooled)
    if config.cooling == "cosine":
        cooling = _wave(config.peak, constant, done)
    else:
        bend = (1 / np.sqrt(1 + config.alpha * done) - 1) / (1 / np.sqrt(1 + config.alpha) - 1)
        cooling = config.peak + (constant - config.peak) * bend
    annealing = constant * (floor / constant) ** _part(steps, at.constant, at.total)
    later = np.where(steps <= at.constant, constant, annealing)
    return np.where(steps <= at.cooled, cooling, later)


def _length(share: float, total: int) -> int:
    return min(total, max(1, round(share * total))) if share else 0


def _part(steps: Floats, start: int, end: int) -> Floats:
    """What part of a phase is done, 0 to 1."""
    return np.clip((steps - start) / max(1, end - start), 0.0, 1.0)


def _wave(high: float, low: float, done: Floats) -> Floats:
    return low + (high - low) / 2 * (1 + np.cos(np.pi * done))
