"""How a run's documents lie about the thresholds of its recipe, source by source, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from schemas import columns as c
from tasks.report.bins import bins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tasks.report.bins import Bins
    from tasks.rules import Rule

    Read = Callable[[list[str]], pl.DataFrame]
    Counts = np.ndarray[Any, np.dtype[np.int64]]

SOURCES: Final = 11
"""Sources shown by name, those of the most documents; all others are counted together."""
AT_ONCE: Final = 1 << 24
"""Values in memory at a time, but a column at least: a median wants all of its column."""
SLICE: Final = 1 << 20
"""Rows that are placed at a time."""
OWN: Final = "source_number"


def histograms(frame: pl.DataFrame, rules: Sequence[Rule], read: Read) -> dict[str, Any]:
    """Return how the documents of each source lie about each rule's limits, fit for a manifest.

    ``frame`` has ``source`` and ``drop_reasons``; ``read`` gives columns that the rules judge, row
    by row beside it (those of no number, and rules of none, get no histogram). About 150 bytes a
    rule and source::

        {"rules": [{"name", "least", "most", "others", "edges", "kept", "log", "whole"}],
         "sources": [{"source", "sources", "documents", "rules": {rule: …}}]}

    ``edges`` and ``kept`` are those of :class:`tasks.report.bins.Bins`; numbers in a row are one
    text, which an indented manifest keeps on one line. Of rules of one name, which overrides of a
    recipe make, the first one's limits count; ``others`` is how many other ones there are. The last
    source may be all others together: then ``source`` is null and ``sources`` says how many they
    are. For each rule of a source:

    - ``counts``: documents in each bar,
    - ``broken``: documents that have the rule among their reasons,
    - ``alone``: those of them that have no other reason,
    - ``outside``: documents beyond the limits; more than ``broken`` where not all are judged,
    - ``unknown``: documents without a value, which the rule passes over,
    - ``median``: of the values, null where there are none.
    """
    sources, own = _sources(frame[c.SOURCE])
    reasons = _Reasons(frame[c.DROP_REASONS], own, len(sources))
    first: dict[str, Rule] = {}
    for rule in rules:
        first.setdefault(rule.name, rule)
    described = []
    columns = _columns(list(first.values()), frame.height, read)
    for (name, rule), column in zip(first.items(), columns, strict=True):
        values = column if column is not None and column.dtype.is_numeric() else None
        found, parts = _described(rule, values, own, len(sources))
        limits = {(r.least, r.most) for r in rules if r.name == name}
        described.append({**found, "others": len(limits) - 1})
        for source, part, told in zip(sources, parts, reasons.of(name), strict=True):
            source["rules"][name] = {**told, **part}
    return {"rules": described, "sources": sources}


def _columns(rules: Sequence[Rule], rows: int, read: Read) -> Iterator[pl.Series | None]:
    """Return the column of each rule, None of a rule without; some are read together."""
    size = max(1, AT_ONCE // max(1, rows))
    for start in range(0, len(rules), size):
        some = rules[start : start + size]
        names = list(dict.fromkeys(rule.column for rule in some if rule.column is not None))
        found = read(names) if names else None
        for rule in some:
            yield None if found is None or rule.column is None else found[rule.column]


def _sources(column: pl.Series) -> tuple[list[dict[str, Any]], pl.Series]:
    """What is said of the sources, the largest first; and for each row the number of its own."""
    named = column.value_counts(name="n").sort("n", column.name, descending=[True, False])
    # One more by name takes no more room than "1 other".
    by_name = named.head(SOURCES if named.height > SOURCES + 1 else SOURCES + 1)
    names, rest = by_name[column.name].to_list(), named[len(by_name) :]
    found: list[dict[str, Any]] = [
        {"source": name, "sources": 1, "documents": n, "rules": {}}
        for name, n in by_name.iter_rows()
    ]
    if rest.height:
        n = int(rest["n"].sum())
        found.append({"source": None, "sources": rest.height, "documents": n, "rules": {}})
    numbers = list(range(len(names)))
    own = column.replace_strict(names, numbers, default=len(names), return_dtype=pl.Int64)
    return found, own


def _described(
    rule: Rule, values: pl.Series | None, own: pl.Series, groups: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What is said of a rule, and of its values in each source."""
    said: dict[str, Any] = {"name": rule.name, "least": rule.least, "most": rule.most}
    if values is None:
        return said, [{}] * groups
    found = bins(values, least=rule.least, most=rule.most)
    edges = " ".join(f"{x:.9g}" for x in found.edges)
    said |= {"edges": edges, "kept": "{} {}".format(*found.kept)}
    said |= {"log": found.log, "whole": found.whole}
    counts = _counts(found, values, own, groups)
    first, last = found.kept
    outside = counts[:, :first].sum(axis=1) + counts[:, last:-1].sum(axis=1)
    parts = [
        {
            "counts": " ".join(map(str, row[:-1].tolist())),
            "outside": int(n),
            "unknown": int(row[-1]),
            "median": median,
        }
        for row, n, median in zip(counts, outside, _medians(values, own, groups), strict=True)
    ]
    return said, parts


def _counts(found: Bins, values: pl.Series, own: pl.Series, groups: int) -> Counts:
    """Documents of each source (rows) in each bar, and in the last column those without a value."""
    bars = len(found.edges) - 1
    counts: Counts = np.zeros(groups * (bars + 1), dtype=np.int64)
    for start in range(0, len(values), SLICE):
        part = values.slice(start, SLICE).cast(pl.Float64).fill_null(float("nan")).to_numpy()
        unknown = np.isnan(part)
        place = np.where(unknown, bars, found.place(np.where(unknown, 0.0, part)))
        place += own.slice(start, SLICE).to_numpy() * (bars + 1)
        counts += np.bincount(place, minlength=len(counts))
    return counts.reshape(groups, bars + 1)


def _medians(values: pl.Series, own: pl.Series, groups: int) -> list[float | None]:
    """The median of each source's values, to six digits."""
    frame = pl.DataFrame({OWN: own, "value": values.cast(pl.Float64).fill_nan(None)})
    found = dict(frame.group_by(OWN).agg(pl.col("value").median()).iter_rows())
    return [None if found.get(i) is None else float(f"{found[i]:.6g}") for i in range(groups)]


class _Reasons:
    """For each reason and source: the dropped documents that have it, and those that have it alone.

    What is counted is all of a document's reasons, not only the first.
    """

    def __init__(self, reasons: pl.Series, own: pl.Series, groups: int) -> None:
        frame = pl.DataFrame({OWN: own, c.REASON: reasons}).filter(pl.col(c.REASON).list.len() > 0)
        alone = frame.select(OWN, c.REASON, alone=pl.col(c.REASON).list.len() == 1)
        counts = alone.explode(c.REASON).group_by(OWN, c.REASON).agg(pl.len(), pl.sum("alone"))
        self._counts = {(own, reason): (n, m) for own, reason, n, m in counts.iter_rows()}
        self._groups = groups

    def of(self, name: str) -> Iterable[dict[str, int]]:
        found: Iterator[tuple[int, int]] = (
            self._counts.get((i, name), (0, 0)) for i in range(self._groups)
        )
        return ({"broken": broken, "alone": alone} for broken, alone in found)
