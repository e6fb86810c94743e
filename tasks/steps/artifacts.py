"""What a run tells Prefect's pages: sections of the report, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.artifacts import create_markdown_artifact

from tasks.report.page import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.section import Section


def tell(key: str, some: Iterable[Section]) -> None:
    """Lay sections by as an artifact of the flow's run, under a key of lower case and dashes."""
    create_markdown_artifact("\n".join(markdown(some)), key=key)


def markdown(some: Iterable[Section]) -> Iterator[str]:
    """Yield the lines of sections: heading, text, table."""
    for section in some:
        yield f"## {section.title}\n\n{section.text}\n"
        if section.table is None:
            continue
        header = section.table.header
        yield _row(header)
        yield "|" + "---|" * len(header)
        yield from (_row(map(shown, row)) for row in section.table.rows)
        yield ""


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
