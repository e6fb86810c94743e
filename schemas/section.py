"""A part of the report page: what a stage has to show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows under a header. Numbers are shown right-aligned with thousands separated."""

    header: tuple[str, ...]
    rows: tuple[tuple[str | int | float | None, ...], ...]


@dataclass(frozen=True)
class Bars:
    """Stacked horizontal bars: a label a row, a value for each part. Values are not negative."""

    unit: str
    parts: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph, and at most one table and one chart."""

    title: str
    text: str = ""
    table: Table | None = None
    chart: Bars | None = None
