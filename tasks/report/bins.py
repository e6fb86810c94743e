"""Where the bars of a threshold's histogram begin and end: the same for all sources of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import polars as pl

    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Ints = np.ndarray[Any, np.dtype[np.int64]]

BINS: Final = 24
"""Bars of a histogram, about: those on each side of a limit are of one width."""
TAIL: Final = 0.002
"""Share of the values at either end that the outermost bar may take in."""
LOG_FROM: Final = 100.0
"""Where values reach as far as this (words, characters), the axis is logarithmic."""
HUGE: Final = 1e300
"""What is larger, infinity included, is drawn as this."""
MARGIN: Final = 0.06
"""Share of the axis left beyond a limit that some value breaks, so that this is seen."""


@dataclass(frozen=True)
class Bins:
    """Edges of neighbouring bars, ascending; the outermost bars hold all that lies beyond, too.

    A value at an edge belongs to the bar above it. A limit that values break is an edge (the upper
    one, which is itself kept, the next number above it), so that no bar stands on both sides: the
    bars ``kept[0]`` up to, not including, ``kept[1]`` hold the values that are kept.
    """

    edges: tuple[float, ...]
    kept: tuple[int, int]
    log: bool
    whole: bool

    def place(self, values: Floats) -> Ints:
        """The number of each value's bar; ``values`` without NaN."""
        return np.searchsorted(np.array(self.edges[1:-1]), values, side="right")


def bins(values: pl.Series, *, least: float | None, most: float | None) -> Bins:
    """Bins for a column of numbers (null or NaN: no value) and the limits of what is kept."""
    whole = values.dtype.is_integer()
    known = values if whole else values.cast(float).drop_nans().clip(-HUGE, HUGE)
    bottom = -math.inf if least is None else float(math.ceil(least) if whole else least)
    top = math.inf if most is None else float(math.floor(most) if whole else most)
    low, high, log = _span(known.drop_nulls(), bottom, top)
    if whole:
        # The bar of the value 5 is from 5 to 6.
        low, high = math.floor(low), math.floor(high) + 1.0
    top = top + 1.0 if whole else math.nextafter(top, math.inf)
    cuts = sorted({low, high, *(x for x in (bottom, top) if low < x < high)})
    edges = _edges(cuts, log=log, whole=whole)
    first = edges.index(bottom) if bottom in edges else 0
    last = edges.index(top) if top in edges else len(edges) - 1
    return Bins(tuple(edges), (first, last), log, whole)


def _span(known: pl.Series, bottom: float, top: float) -> tuple[float, float, bool]:
    """From where to where the axis goes, and whether by logarithm.

    All but a :data:`TAIL` at each end, the limits, and some room beyond those that are broken.
    """
    values = known.to_numpy() if len(known) else np.array([0.0, 1.0])
    ends = np.quantile(values, [TAIL, 1.0 - TAIL], method="nearest").tolist()
    ends += [x for x in (bottom, top) if math.isfinite(x)]
    low, high = min(ends), max(ends)
    log = high > LOG_FROM and min(low, values.min()) >= 0.0 and top > 0.0
    if 0.0 <= low < high / 5 and not log:
        low = 0.0
    if low == high:
        high = low + max(1.0, abs(low))
    start, end = _to(low, log=log), _to(high, log=log)
    room = MARGIN * (end - start)
    one = 1.0 if known.dtype.is_integer() else 0.0
    if top <= low or values.min() < bottom <= low:
        low = min(_from(start - room, log=log), low - one)
    if bottom >= high or values.max() > top >= high:
        high = max(_from(end + room, log=log), high + one)
    return max(low, 0.0) if log else low, high, log


def _edges(cuts: list[float], *, log: bool, whole: bool) -> list[float]:
    """The cuts, and between two of them edges at distances of about one bar."""
    ends = [_to(cut, log=log) for cut in cuts]
    bar = (ends[-1] - ends[0]) / BINS
    edges = cuts[:1]
    for (a, b), cut in zip(pairwise(ends), cuts[1:], strict=True):
        steps = max(1, round((b - a) / bar))
        inner = [_from(x, log=log) for x in np.linspace(a, b, steps + 1)[1:-1].tolist()]
        inner = [float(round(x)) for x in inner] if whole else inner
        edges += [x for x in dict.fromkeys(inner) if edges[-1] < x < cut]
        edges.append(cut)
    return edges


def _to(value: float, *, log: bool) -> float:
    """Where a value lies on the axis."""
    return math.log1p(value) if log else value


def _from(place: float, *, log: bool) -> float:
    return math.expm1(place) if log else place
