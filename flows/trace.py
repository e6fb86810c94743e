"""The command ``openmoat trace``: a document's whole life. It does not start Prefect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def trace(
    document: Annotated[
        str,
        typer.Argument(
            help="A document: its doc_id, the first 8 digits of it or more, or its record's own id."
        ),
    ],
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
    *,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object as the last line.")
    ] = False,
) -> None:
    """Tell a document's life: file, decision, guard, rank in the draw, rows of the mixture."""
    from flows import terminal
    from tasks.report.life import life_facts
    from tasks.tracing import trace as find

    found = find(str(folder), document)
    if json:
        terminal.print_json(found.model_dump(mode="json"))
        return
    for life in found.documents:
        terminal.show_facts(life_facts(life))
    terminal.show_count(found.looked_at, found.found - len(found.documents))
