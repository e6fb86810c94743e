"""Histograms about the thresholds, as the manifest of select has them, to a section."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from schemas.section import Panel, Section, Strip, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.manifest import StageManifest

TEXT: Final = "Documents that break each rule, and those of them that break no other."
BY_SOURCE: Final = (
    "How each rule's signal lies in each source, and where the recipe's limits cut (dashed). Full "
    "bars are kept, hollow ones lie beyond a limit; the figure is the share of the source's "
    "documents that break the rule. Heights are square roots, so that rare values are seen; the "
    "outermost bars hold all that lies beyond."
)
HEADER: Final = ("rule", "kept", "break it", "share, %", "and no other")
NARROWEST: Final = 0.25
"""A bar narrower than this share of the common width is drawn as if it had it, not as a spike."""


def thresholds(decisions: StageManifest) -> list[Section]:
    """The rules in force; no section where there are none, or where nothing was read."""
    found = decisions.details.get("histograms") or {"rules": [], "sources": []}
    rules, sources = found["rules"], found["sources"]
    if not rules or not sources:
        return []
    total = max(1, sum(s["documents"] for s in sources))
    rows = tuple(_row(rule, sources, total) for rule in rules)
    panels = tuple(_panel(rule, sources) for rule in rules if "edges" in rule)
    by_source = [Section("Thresholds by source", BY_SOURCE, panels=panels)] if panels else []
    return [Section("Thresholds", TEXT, Table(HEADER, rows)), *by_source]


def limits(least: float | None, most: float | None) -> str:
    """What is kept, in words."""
    if least is not None and most is not None:
        return f"{number(least)} to {number(most)}"
    if least is not None:
        return f"at least {number(least)}"
    return "" if most is None else f"at most {number(most)}"


def number(value: float) -> str:
    """A number as people read it: thousands separated, no digits that say nothing."""
    whole = float(value).is_integer() and abs(value) < 1e15  # noqa: PLR2004  (a float's digits)
    return f"{int(value):,}" if whole else f"{value:.4g}"


def share(part: int, of: int) -> str:
    """A part in per cent; what is not nothing is not shown as nothing."""
    if part in {0, of}:
        return "0 %" if part == 0 else "100 %"
    percent = 100 * part / of
    if percent < 0.01:  # noqa: PLR2004
        return "<0.01 %"
    return f"{min(percent, 99.9):.2f} %" if percent < 1 else f"{min(percent, 99.9):.1f} %"


def _row(
    rule: Mapping[str, Any], sources: Sequence[Mapping[str, Any]], total: int
) -> tuple[str | int | float | None, ...]:
    own = [source["rules"][rule["name"]] for source in sources]
    broken = sum(found["broken"] for found in own)
    alone = sum(found["alone"] for found in own)
    return rule["name"], _kept(rule), broken, 100 * broken / total, alone


def _kept(rule: Mapping[str, Any]) -> str:
    """What of a rule's values is kept, in words."""
    kept = limits(rule["least"], rule["most"]) or "by its expression"
    return f"{kept}; overrides have others" if rule["others"] else kept


def _panel(rule: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]) -> Panel:
    edges = [float(x) for x in rule["edges"].split()]
    first, last = (int(x) for x in rule["kept"].split())
    placed = _placed(edges, log=rule["log"])
    marks = ((rule["least"], first), (rule["most"], last))
    shown = tuple((placed[i], number(x)) for x, i in marks if x is not None)
    return Panel(
        title=rule["name"],
        text=f"kept: {_kept(rule)}" + "; logarithmic axis" * rule["log"],
        edges=placed,
        kept=(first, last),
        limits=shown,
        ends=(_rounded(edges[0]), _rounded(edges[-1] - rule["whole"])),
        strips=tuple(_strip(rule["name"], source, placed) for source in sources),
    )


def _placed(edges: Sequence[float], *, log: bool) -> tuple[float, ...]:
    """Edges as shares of the axis."""
    at = [math.log1p(x) for x in edges] if log else list(edges)
    span = (at[-1] - at[0]) or 1.0
    return tuple((x - at[0]) / span for x in at)


def _rounded(value: float) -> str:
    """An end of an axis, which is not the place for many digits."""
    return number(float(f"{value:.2g}"))


def _strip(rule: str, source: Mapping[str, Any], placed: Sequence[float]) -> Strip:
    found, documents = source["rules"][rule], source["documents"]
    counts = [int(n) for n in found["counts"].split()]
    others = f"{source['sources']:,} others"
    label = others if source["source"] is None else source["source"]
    judged = found["broken"] or not found["outside"]
    figure = share(found["broken"], documents) if judged else "not judged"
    return Strip(label, _heights(counts, placed), figure, _said(found, documents))


def _heights(counts: Sequence[int], placed: Sequence[float]) -> tuple[float, ...]:
    """Heights of the bars, the highest 1: roots of the documents for each part of the axis."""
    least = NARROWEST / max(1, len(counts))
    dense = [n / max(b - a, least) for n, (a, b) in zip(counts, pairwise(placed), strict=True)]
    top = max(dense, default=0.0) or 1.0
    return tuple(math.sqrt(d / top) for d in dense)


def _said(found: Mapping[str, Any], documents: int) -> str:
    """A source's figures in words, for those who do not see the bars."""
    said = f"{found['broken']:,} of {documents:,} documents break the rule"
    said += f", {found['alone']:,} of them no other" if found["broken"] else ""
    passed = found["outside"] - found["broken"]
    said += f"; {passed:,} beyond the limits are not judged by it" if passed > 0 else ""
    said += "" if found["median"] is None else f"; median {number(found['median'])}"
    return said + (f"; {found['unknown']:,} have no value" if found["unknown"] else "") + "."
