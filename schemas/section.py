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
class Strip:
    """A histogram on one line: a label, bars, a figure, and in words what the bars show.

    ``heights`` are the bars' heights, 0 to 1 of the line's.
    """

    label: str
    heights: tuple[float, ...]
    figure: str
    said: str


@dataclass(frozen=True)
class Panel:
    """Histograms of one quantity on one axis, a line each, with what is kept of it.

    ``edges`` are where bars begin and end, 0 to 1 of the axis; bars ``kept[0]`` up to, not
    including, ``kept[1]`` are kept. ``limits`` and ``ends`` are marked on the axis: place and text.
    """

    title: str
    text: str
    edges: tuple[float, ...]
    kept: tuple[int, int]
    limits: tuple[tuple[float, str], ...]
    ends: tuple[str, str]
    strips: tuple[Strip, ...]


@dataclass(frozen=True)
class Course:
    """A share along the way, 0 to 1: what there was in windows one behind the other, and wanted.

    ``wanted`` is as long or empty; ``ends`` are texts below the first window and the last; ``said``
    is what the plot shows, in words.
    """

    had: tuple[float, ...]
    wanted: tuple[float, ...]
    ends: tuple[str, str]
    said: str


@dataclass(frozen=True)
class Lines:
    """Points (x, y) of series, each a name and its points in order, joined by lines.

    ``across`` and ``up`` name the axes; ``marked``: a dot where a line ends; ``said`` is what the
    plot shows, in words.
    """

    series: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    across: str
    up: str
    said: str
    marked: bool = False


@dataclass(frozen=True)
class Excerpt:
    """Pieces of a text, and whether each is marked, below a label."""

    label: str
    pieces: tuple[tuple[bool, str], ...]


@dataclass(frozen=True)
class Beside:
    """Excerpts that are read side by side, below a heading and what is to be said of them."""

    title: str
    text: str
    excerpts: tuple[Excerpt, ...]


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph, at most one table and plot of a kind, some panels and excerpts."""

    title: str
    text: str = ""
    table: Table | None = None
    chart: Bars | None = None
    panels: tuple[Panel, ...] = ()
    beside: tuple[Beside, ...] = ()
    course: Course | None = None
    lines: Lines | None = None
