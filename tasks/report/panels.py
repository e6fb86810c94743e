"""Panels of the report page: histograms a line each, their limits marked, the figure beside."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schemas.section import Panel, Strip

WIDTH, HEIGHT = 480, 44
"""Units that a line's bars are drawn in, whole numbers; the page stretches them."""
FULL = HEIGHT - 5
"""Height of the highest bar: lines have a little air between them."""
CROWDED: Final = 0.2
"""Texts on an axis nearer to each other than this share of it would overlap."""

STYLE: Final = """.panels { display: grid; gap: 1.75rem 1.75rem; margin: 1.25rem 0 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr)) }
.panel { margin: 0; min-width: 0; break-inside: avoid }
.panel figcaption { font-size: .8125rem; line-height: 1.35; overflow-wrap: anywhere;
  margin-bottom: .35rem }
.panel table { width: 100%; table-layout: fixed; font-size: .75rem }
.panel th, .panel td { padding: 0; border: 0; vertical-align: bottom; line-height: 1.625rem;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
.panel th { width: 30%; padding-right: .5rem; font-weight: 400; color: var(--ink) }
.panel .n { width: 4.25rem }
.panel svg { width: 100%; max-width: none; height: 1.625rem; margin: 0 }
.panel.few svg { height: 2.75rem }
.panel .axis, .panel.few .axis { height: 1.125rem; overflow: visible }
.panel .axis text { font-size: .6875rem; fill: var(--dim) } .panel .axis .at { fill: var(--ink) }
.panel path { vector-effect: non-scaling-stroke; fill: none; stroke-width: 1 }
.panel .in { fill: #2f6f8f } .panel .out { stroke: #b5533c; fill: #b5533c; fill-opacity: .12 }
.panel .base { stroke: var(--line) } .panel .cut { stroke: var(--ink); stroke-dasharray: 3 2 }
@media (prefers-color-scheme: dark) { .panel .in { fill: #5fa3c4 }
  .panel .out { stroke: #e08a72; fill: #e08a72 } }
@media print { .panel .in { fill: #444 } .panel .out { stroke: #000; fill: #fff } }
"""
TEMPLATE: Final = """{% macro panels(all) %}<div class="panels">{% for panel in all %}
<figure class="panel{{ ' few' if panel.strips | length < 3 }}">
<figcaption><b>{{ panel.title }}</b><br/><span class="dim">{{ panel.text
 }}</span></figcaption>
<table>{% for strip in panel.strips %}
<tr><th scope="row" title="{{ strip.label }}">{{ strip.label }}</th><td><svg
 viewBox="0 0 480 44" preserveAspectRatio="none" role="img"><title>{{ strip.said }}</title><path
 class="base" d="M0 44H480"/>{% set drawn = panel | drawn(strip) %}{% if drawn.kept %}<path
 class="in" d="{{ drawn.kept }}"/>{% endif %}{% if drawn.beyond %}<path class="out" d="{{
 drawn.beyond }}"/>{% endif %}{% if panel.limits %}<path class="cut" d="{% for at, _ in panel.limits
 %}M{{ (at * 480) | round | int }} 0V44{% endfor %}"/>{% endif %}</svg></td><td class="n">{{
 strip.figure }}</td></tr>{% endfor %}
<tr><td></td><td><svg class="axis" aria-hidden="true">{% for mark in panel | marks %}<text
 x="{{ mark.at }}%" y="12" text-anchor="{{ mark.anchor }}"{% if mark.limit %} class="at"{% endif
 %}>{{ mark.text }}</text>{% endfor %}</svg></td><td></td></tr>
</table></figure>{% endfor %}
</div>{% endmacro %}
"""


def drawn(panel: Panel, strip: Strip) -> dict[str, str]:
    """The outlines of the bars that are kept, and of those beyond a limit, as SVG paths."""
    first, last = panel.kept
    numbered = list(enumerate(strip.heights))
    return {
        "kept": _outlines(panel, numbered[first:last]),
        "beyond": _outlines(panel, numbered[:first]) + _outlines(panel, numbered[last:]),
    }


def _outlines(panel: Panel, bars: list[tuple[int, float]]) -> str:
    """One closed outline for each run of bars that are not empty."""
    found = []
    for full, run in groupby(bars, key=lambda bar: bar[1] > 0):
        part = list(run)
        if full:
            found.append(f"M{_x(panel, part[0][0])} {HEIGHT}")
            # What is there is seen: two units are about a pixel.
            found += [f"V{HEIGHT - max(2, round(h * FULL))}H{_x(panel, i + 1)}"
                      for i, h in part]  # fmt: skip
            found.append(f"V{HEIGHT}z")
    return "".join(found)


def _x(panel: Panel, edge: int) -> int:
    return round(panel.edges[edge] * WIDTH)


def marks(panel: Panel) -> list[dict[str, str | float | bool]]:
    """Texts of an axis: its limits, and its ends where there is room beside them."""
    placed = [(at, text, True) for at, text in panel.limits]
    for at, text in zip((0.0, 1.0), panel.ends, strict=True):
        if all(abs(at - other) > CROWDED for other, _, _ in placed):
            placed.append((at, text, False))
    return [
        {"at": round(100 * at, 1), "text": text, "limit": limit, "anchor": _anchor(at)}
        for at, text, limit in placed
    ]


def _anchor(at: float) -> str:
    """How a text stands to its place, so that it stays beside the axis."""
    near = CROWDED / 2
    return "start" if at < near else "end" if at > 1 - near else "middle"


FILTERS: Final[Mapping[str, Callable[..., object]]] = {"drawn": drawn, "marks": marks}
