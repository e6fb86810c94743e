"""The plot of a share along the way: what there was, in steps, and what was wanted, as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.section import Course

LEFT, RIGHT, TOP, BOTTOM = 48, 730, 10, 180
"""Edges of the plot, in units that the page stretches."""
AIR: Final = 1.15
LEAST: Final = 0.02
"""Highest share on the axis, at least: what is next to nothing is not blown up."""
FRACTIONS: Final = (1.0, 0.5, 0.25, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005)

STYLE: Final = """.course .had { fill: #2f6f8f; fill-opacity: .75 }
.course .wanted { fill: none; stroke: #b5533c; stroke-width: 2 }
.course .grid { stroke: var(--line) } .course .dim { fill: var(--dim) }
@media (prefers-color-scheme: dark) { .course .had { fill: #5fa3c4 }
  .course .wanted { stroke: #e08a72 } }
@media print { .course .had { fill: #777 } .course .wanted { stroke: #000 } }
"""
TEMPLATE: Final = """{% macro course(c) %}
<svg class="course" viewBox="0 0 736 224" role="img" aria-label="{{ c.said }}">
{% for y, label in c | course_grid %}
<line class="grid" x1="48" x2="730" y1="{{ y }}" y2="{{ y }}"></line>
<text class="dim" x="42" y="{{ y + 4 }}" text-anchor="end">{{ label }}</text>
{% endfor %}
<path class="had" d="{{ c | course_had }}"></path>
{% if c.wanted %}<path class="wanted" d="{{ c | course_wanted }}"></path>{% endif %}
<text class="dim" x="48" y="196">{{ c.ends[0] }}</text>
<text class="dim" x="730" y="196" text-anchor="end">{{ c.ends[1] }}</text>
<rect class="had" x="48" y="208" width="11" height="11"></rect>
<text x="64" y="218">had</text>
{% if c.wanted %}<path class="wanted" d="M104 213.5 H120"></path>
<text x="126" y="218">wanted</text>{% endif %}
</svg>{% endmacro %}
"""


def top(course: Course) -> float:
    """Return the share at the upper edge of the plot."""
    return min(1.0, max(LEAST, AIR * max((*course.had, *course.wanted), default=0.0)))


def grid(course: Course) -> list[tuple[float, str]]:
    """Return heights of lines across, with what they stand for: about four of them."""
    most = top(course)
    step = next((f for f in FRACTIONS if most / f >= 3), FRACTIONS[-1])  # noqa: PLR2004
    marks = [i * step for i in range(int(most / step + 1e-9) + 1)]
    return [(round(_height(mark, most), 1), f"{mark * 100:g} %") for mark in marks]


def had(course: Course) -> str:
    """Return the path of bars from the base line."""
    most = top(course)
    heights = [_height(share, most) for share in course.had]
    steps = " ".join(
        f"V{height:.1f} H{_across(i + 1, len(heights)):.1f}" for i, height in enumerate(heights)
    )
    return f"M{LEFT} {BOTTOM} {steps} V{BOTTOM} Z"


def wanted(course: Course) -> str:
    """Return the path of what was wanted, through the middles of its windows and to both edges."""
    most = top(course)
    heights = [_height(share, most) for share in course.wanted]
    points = [(_across(i + 0.5, len(heights)), y) for i, y in enumerate(heights)]
    points = [(LEFT, heights[0]), *points, (RIGHT, heights[-1])]
    return _line(points)


def _line(points: Sequence[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _height(share: float, most: float) -> float:
    return BOTTOM - min(share / most, 1.0) * (BOTTOM - TOP)


def _across(place: float, of: int) -> float:
    return LEFT + (RIGHT - LEFT) * place / max(1, of)


FILTERS: Final = {"course_grid": grid, "course_had": had, "course_wanted": wanted}
