"""The share of replay in windows along the training order, beside the share asked for. Pure."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.windows import Windows
from tasks.mixture import diffusion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST = 120
"""Windows of a series: as many as a plot can show."""
DIGITS = 6
"""Of shares: a narrow series, the same on every machine."""


def windows(
    is_replay: NDArray[np.bool_],
    *,
    tokens: NDArray[np.int64] | None = None,
    schedule: diffusion.Schedule | None = None,
    most: int = MOST,
) -> Windows:
    """Return the share of replay in at most ``most`` windows, of equally many rows or one less.

    ``is_replay`` has a row of the mixture each, in training order. With ``tokens`` of each row,
    shares are of tokens (rows are documents, long and short), else of rows. ``schedule`` counts
    rows or tokens alike; whole documents may miss its length a little: it is stretched over them.
    """
    sizes = np.ones(len(is_replay), np.int64) if tokens is None else tokens.astype(np.int64)
    each = max(1, -(-len(is_replay) // most))
    number = -(-len(is_replay) // each)
    bounds = np.arange(number + 1) * len(is_replay) // max(1, number)  # no short one at the end
    all_before, replay_before = (
        np.concatenate([[0], np.cumsum(own)])[bounds] for own in (sizes, sizes * is_replay)
    )
    return Windows(
        rows_per_window=each,
        unit="rows" if tokens is None else "tokens",
        replay=_shares(np.diff(replay_before), np.diff(all_before)),
        wanted=() if schedule is None else _wanted(schedule, all_before.tolist()),
    )


def _shares(own: NDArray[Any], every: NDArray[Any]) -> tuple[float, ...]:
    """Of a window without a token, no share can be told: it counts as none."""
    shares = np.divide(own, every, out=np.zeros(len(own)), where=every > 0)
    return tuple(shares.round(DIGITS).tolist())


def _wanted(schedule: diffusion.Schedule, bounds: Sequence[int]) -> tuple[float, ...]:
    """Mean share of the schedule between each two bounds; where these are one, the share there."""
    length, total = diffusion.n_rows(schedule), max(1, bounds[-1])
    places = [Fraction(bound * length, total) for bound in bounds]
    found = []
    for start, end in pairwise(places):
        own = _sum_before(schedule, end) - _sum_before(schedule, start)
        found.append(round(float(own / (end - start)), DIGITS) if end > start else 0.0)
    return tuple(found)


def _sum_before(schedule: diffusion.Schedule, place: Fraction) -> Fraction:
    """Sum of the shares before a place, which may lie within a row."""
    total = Fraction(0)
    for stretch in schedule:
        inside = min(place, Fraction(stretch.rows))
        slope = (stretch.last - stretch.first) / (2 * stretch.rows)
        total += stretch.first * inside + slope * inside * inside
        place -= inside
    return total
