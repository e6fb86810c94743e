"""What a run tells Prefect's pages: sections of the report, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.artifacts import create_markdown_artifact

from tasks.report.markdown import markdown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.section import Section


def tell(key: str, some: Iterable[Section]) -> None:
    """Lay sections by as an artifact of the flow's run, under a key of lower case and dashes."""
    create_markdown_artifact("\n".join(markdown(some)), key=key)
