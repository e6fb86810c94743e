"""The recipe's schedule as stretches of rows, or of tokens, whose mean is the share there is. Pure.

A recipe says what the share is to be on average, and some of the schedule's shape; the rest of the
shape follows, the same for any number of rows. Rows are whole, so the stretches, and the mean share
that a mixture really has, are a little off. The shape is then moved towards 0 or 1 by one factor
throughout, which keeps every row's share between them.
"""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING

from schemas.errors import ConfigError
from tasks.mixture import diffusion
from tasks.mixture.diffusion import Schedule, Stretch, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.budgets import ScheduleConfig

PROBE = 1_000_000
"""Rows of a mixture that a recipe's schedule is tried on before there is any."""


def schedule(config: ScheduleConfig, rows: int, *, asked: Fraction, share: Fraction) -> Schedule:
    """Return stretches of ``rows`` rows in all, of which exactly ``share`` are replay.

    ``asked`` is the recipe's ``replay_share``. ConfigError where no shares between 0 and 1 have the
    shape and that mean.
    """
    shape = _shape(config, rows, asked)
    mean = sum((s.total(s.rows) for s in shape), Fraction(0)) / max(1, rows)
    return _moved(shape, mean, share)


def check(config: ScheduleConfig, share: float) -> None:
    """Raise :class:`ConfigError` for a schedule that cannot have this mean."""
    _shape(config, PROBE, written(share))


def _shape(config: ScheduleConfig, rows: int, mean: Fraction) -> Schedule:
    start, end = (written(x) for x in (config.start or 0.0, config.end or 0.0))
    part = written(config.part or 0.0)
    try:
        match config.kind:
            case "ramp":
                return diffusion.ramp(rows, start, 2 * mean - start)
            case "anneal":
                return diffusion.anneal(
                    rows, (mean - part * end / 2) / (1 - part / 2), end, part=part
                )
            case "heavy_start":
                rest = (mean - part * start) / (1 - part)
                return diffusion.heavy_start(rows, start, rest, part=part)
            case "decay":
                return _decay(rows, mean, written(config.factor or 1.0), config.steps or 1)
            case _:
                return diffusion.constant(rows, mean)
    except ConfigError as error:
        raise ConfigError(
            "mixture.schedule",
            got=f"kind = {config.kind!r} with a mean of {float(mean):g}, which takes {error.got}",
            wanted=error.wanted,
            way_out="Change the schedule's keys or mixture.replay_share.",
        ) from error


def _decay(rows: int, mean: Fraction, factor: Fraction, steps: int) -> Schedule:
    first = mean * steps / sum(factor**step for step in range(steps))
    return diffusion.decay(rows, first, factor, steps=steps)


def _moved(shape: Schedule, mean: Fraction, share: Fraction) -> Schedule:
    if share <= mean:
        factor = share / mean if mean else Fraction(0)
        return tuple(Stretch(s.rows, s.first * factor, s.last * factor) for s in shape)
    factor = (1 - share) / (1 - mean)
    return tuple(Stretch(s.rows, 1 - (1 - s.first) * factor, 1 - (1 - s.last) * factor)
                 for s in shape)  # fmt: skip


def reached(wanted: Schedule) -> Callable[[int], float]:
    """Return how much of the first ``n`` rows (or tokens) is to be replay, quickly: as floats."""
    ends = list(accumulate((s.rows for s in wanted), initial=0))
    totals = list(accumulate((float(s.total(s.rows)) for s in wanted), initial=0.0))
    line = [float(s.first) for s in wanted]
    square = [float(s.last - s.first) / (2 * s.rows) for s in wanted]

    def total(n: int) -> float:
        place = min(bisect_right(ends, n), len(wanted)) - 1
        inside = n - ends[place]
        return totals[place] + inside * (line[place] + square[place] * inside)

    return total if wanted else lambda _: 0.0
