"""The plot of lines: points of series in the plane of two quantities, such as loss by step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from schemas.section import Lines

LEFT, RIGHT, TOP, BOTTOM = 56, 730, 26, 268
"""Edges of the plot, in units that the page stretches."""
MARKS: Final = 5
"""Marks of an axis, about."""
ROUND: Final = (1, 2, 2.5, 5, 10)
STYLE: Final = """.lines .grid { stroke: var(--line) } .lines .dim { fill: var(--dim) }
.lines path { fill: none; stroke-width: 1.75; stroke-linejoin: round }
"""
TEMPLATE: Final = """{% macro lines(l) %}{% set f = l | lines_frame %}
<svg class="lines" viewBox="0 0 736 {{ 334 + 18 * (l.series | length // 4) }}" role="img"
 aria-label="{{ l.said }}">
{% for y, label in f.up %}
<line class="grid" x1="56" x2="730" y1="{{ y }}" y2="{{ y }}"></line>
<text class="dim" x="50" y="{{ y + 4 }}" text-anchor="end">{{ label }}</text>
{% endfor %}
{% for x, label in f.across %}
<text class="dim" x="{{ x }}" y="284" text-anchor="middle">{{ label }}</text>
{% endfor %}
{% for d in f.paths %}{% set colour = colours[loop.index0 % colours | length] %}
<path d="{{ d.path }}" stroke="{{ colour }}"></path>
{% if l.marked %}<circle cx="{{ d.end[0] }}" cy="{{ d.end[1] }}" r="4" fill="{{ colour }}"></circle>
{% endif %}
{% endfor %}
{% for name in f.names %}
{% set x = 56 + 170 * (loop.index0 % 4) %}{% set y = 316 + 18 * (loop.index0 // 4) %}
<rect x="{{ x }}" y="{{ y }}" width="11" height="11"
 fill="{{ colours[loop.index0 % colours | length] }}"></rect>
<text x="{{ x + 16 }}" y="{{ y + 10 }}">{{ name | truncate(22, True, "…", 0) }}</text>
{% endfor %}
<text class="dim" x="730" y="302" text-anchor="end">{{ l.across }}</text>
<text class="dim" x="56" y="14">{{ l.up }}</text>
</svg>{% endmacro %}
"""


class Path(NamedTuple):
    """A line's path, and where its last point lies."""

    path: str
    end: tuple[float, float]


class Frame(NamedTuple):
    """Marks of both axes (place, label), paths and names of the series that have points."""

    up: list[tuple[float, str]]
    across: list[tuple[float, str]]
    paths: list[Path]
    names: list[str]


def frame(told: Lines) -> Frame:
    """Return what is drawn. Points that are no numbers are left out."""
    series = {
        name: [p for p in points if all(map(math.isfinite, p))] for name, points in told.series
    }
    series = {name: points for name, points in series.items() if points}
    every = [point for points in series.values() for point in points]
    if not every:
        return Frame([], [], [], [])
    wide, high = (_range([point[axis] for point in every]) for axis in (0, 1))
    paths = []
    for points in series.values():
        places = [(_place(x, wide, LEFT, RIGHT), _place(y, high, BOTTOM, TOP)) for x, y in points]
        paths.append(Path("M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in places), places[-1]))
    return Frame(
        [(round(_place(v, high, BOTTOM, TOP), 1), label) for v, label in marks(*high)],
        [(round(_place(v, wide, LEFT, RIGHT), 1), label) for v, label in marks(*wide)],
        paths,
        list(series),
    )


def marks(low: float, high: float) -> list[tuple[float, str]]:
    """Return round values from ``low`` to ``high``, some five of them, with their labels."""
    rough = (high - low) / MARKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * unit for unit in ROUND if power * unit >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    values = [step * (first + i) for i in range(int(high / step - first + 1e-9) + 1)]
    return [(value, f"{round(value, 12) + 0.0:,.6g}") for value in values]


def _range(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    air = (high - low) * 0.04 or abs(high) * 0.05 or 1.0
    return low - air, high + air


def _place(value: float, of: tuple[float, float], start: float, end: float) -> float:
    return start + (value - of[0]) / (of[1] - of[0]) * (end - start)


FILTERS: Final = {"lines_frame": frame}
