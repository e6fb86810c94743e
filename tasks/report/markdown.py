"""Sections as Markdown: heading, text, plot, excerpts, table. For Prefect's pages and for docs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.report.page import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.section import Beside, Section


def markdown(some: Iterable[Section], *, picture: str = "") -> Iterator[str]:
    """Yield the lines of sections. ``picture``: a file's name; a plot of lines is shown by it."""
    for section in some:
        yield f"## {section.title}\n\n{section.text}\n"
        if section.lines is not None and picture:
            yield f"![{section.lines.said}]({picture})\n"
        for pair in section.beside:
            yield from _beside(pair)
        if section.table is None:
            continue
        header = section.table.header
        yield _row(header)
        yield "|" + "---|" * len(header)
        yield from (_row(map(shown, row)) for row in section.table.rows)
        yield ""


def _beside(pair: Beside) -> Iterator[str]:
    """Yield a small table: texts that stand side by side on a page stand below each other."""
    yield f"**{pair.title}**: {_flat(pair.text)}\n"
    yield "|  |  |\n|---|---|"
    for one in pair.excerpts:
        yield _row([one.label, _flat(" ".join(piece for _, piece in one.pieces))])
    yield ""


def _flat(text: str) -> str:
    """A text on one line, none of which is taken for markup."""
    found = " ".join(text.split())
    for mark in "\\`*_<>[]#~":
        found = found.replace(mark, f"\\{mark}")
    return found


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
