"""Sections to one self-contained HTML page. Everything is escaped; nothing is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.report import beside, courses, lines, panels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from schemas.section import Lines, Section

COLOURS = ("#2f6f8f", "#d9a441", "#8a5a83", "#6b8f3c", "#b5533c", "#4aa3a2", "#c77f9b", "#7d7d7d")
ROOT = """:root { color-scheme: light dark; --ink: #1c2529; --paper: #fcfbf8; --line: #d8d4ca;
  --dim: #6a7378 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7e4dc; --paper: #171b1d; --line: #3a4145; --dim: #9aa3a7 } }
"""
PICTURE = """svg { background: var(--paper); color: var(--ink) }
text { font: 12px system-ui, sans-serif; fill: currentColor } .dim { color: var(--dim) }
"""
TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
{{ root }}body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 64rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
h1 { font-size: 1.8rem; margin: 0 0 .25rem } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem }
p { max-width: 46rem; margin: .25rem 0 .75rem } .dim { color: var(--dim) }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top }
th { font-weight: 600; color: var(--dim) } .n { text-align: right }
svg { display: block; width: 100%; max-width: 46rem; height: auto; margin: .75rem 0 }
svg text { font: 12px system-ui, sans-serif; fill: currentColor }
{{ style }}</style>
</head>
<body>
<h1>{{ title }}</h1>
<p class="dim">{{ subtitle }}</p>
{% for s in sections %}
<section>
<h2>{{ s.title }}</h2>
{% if s.text %}<p>{{ s.text }}</p>{% endif %}
{% if s.chart and s.chart.rows %}{{ bars(s.chart) }}{% endif %}
{% if s.course and s.course.had %}{{ course(s.course) }}{% endif %}
{% if s.lines and s.lines.series %}{{ lines(s.lines) }}{% endif %}
{% if s.panels %}{{ panels(s.panels) }}{% endif %}
{% if s.beside %}{{ beside(s.beside) }}{% endif %}
{% if s.table %}
<div class="wide"><table>
<thead><tr>{% for h in s.table.header %}<th{% if s.table | numeric(loop.index0) %} class="n"{% endif
 %}>{{ h }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in s.table.rows %}
<tr>{% for cell in row %}<td{% if cell is number %} class="n"{% endif %}>{{ cell | shown }}</td>{%
 endfor %}</tr>{% endfor %}
</tbody></table></div>
{% endif %}
</section>
{% endfor %}
</body>
</html>
"""
CHART = """{% macro bars(chart) %}
{%- set top = chart | longest -%}
<svg viewBox="0 0 736 {{ chart.rows | length * 26 + 34 }}" role="img"
 aria-label="{{ chart.unit }}: {{ chart.parts | join(', ') }}">
{% for label, values in chart.rows %}{% set y = loop.index0 * 26 %}{% set at = namespace(x=180.0) %}
<text x="172" y="{{ y + 15 }}" text-anchor="end">{{ label | truncate(26, True) }}</text>
{% for value in values %}{% set width = value / top * 470 %}
<rect x="{{ at.x | round(2) }}" y="{{ y + 3 }}" width="{{ width | round(2) }}" height="17"
 fill="{{ colours[loop.index0 % colours | length] }}"></rect>{% set at.x = at.x + width %}
{% endfor %}
<text x="{{ (at.x + 6) | round(2) }}" y="{{ y + 15 }}">{{ values | sum | round | int | shown
 }}</text>
{% endfor %}
{% set y = chart.rows | length * 26 + 10 %}{% set at = namespace(x=180) %}
{% set most = [3, ((556 / (chart.parts | length) - 30) / 8) | int] | max %}
{% for part in chart.parts %}
<rect x="{{ at.x }}" y="{{ y }}" width="11" height="11"
 fill="{{ colours[loop.index0 % colours | length] }}"></rect>
{% set part = part | truncate(most, True, "…", 0) %}
<text x="{{ at.x + 16 }}" y="{{ y + 10 }}">{{ part }}</text>
{% set at.x = at.x + 30 + 8 * part | length %}{% endfor %}
<text x="172" y="{{ y + 10 }}" text-anchor="end">({{ chart.unit }})</text>
</svg>{% endmacro %}
"""


def render(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """Return the page."""
    from markupsafe import Markup

    macros = CHART + panels.TEMPLATE + beside.TEMPLATE + courses.TEMPLATE + lines.TEMPLATE
    template = _environment().from_string(macros + TEMPLATE)
    style = panels.STYLE if any(s.panels for s in sections) else ""
    style += beside.STYLE if any(s.beside for s in sections) else ""
    style += courses.STYLE if any(s.course for s in sections) else ""
    style += lines.STYLE if any(s.lines for s in sections) else ""
    return template.render(
        title=title,
        subtitle=subtitle,
        sections=sections,
        root=Markup(ROOT),  # noqa: S704  (our own)
        style=Markup(style),  # noqa: S704  (our own)
    )


def picture(told: Lines) -> str:
    """Return a plot of lines as a file of SVG, in the colours of the page."""
    drawn = _environment().from_string(lines.TEMPLATE + "{{ lines(told) }}").render(told=told)
    start, rest = drawn.strip().split(">", 1)
    style = f"<style>{ROOT}{PICTURE}{lines.STYLE}</style>"
    return f'{start} xmlns="http://www.w3.org/2000/svg">{style}{rest}\n'


def _environment() -> Environment:
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True)
    environment.filters |= {"shown": shown, "numeric": _numeric, "longest": _longest}
    for own in (panels, courses, lines):
        environment.filters |= own.FILTERS
    environment.globals["colours"] = COLOURS
    return environment


def shown(value: str | float | None) -> str:
    """A cell as people read it."""
    match value:
        case None:
            return ""
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.2f}"
        case str():
            return value


def _numeric(table: object, column: int) -> bool:
    rows = getattr(table, "rows", ())
    return bool(rows) and all(isinstance(r[column], int | float | None) for r in rows)


def _longest(chart: object) -> float:
    return max((sum(values) for _, values in getattr(chart, "rows", ())), default=0.0) or 1.0
