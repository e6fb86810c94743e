"""The command ``openmoat check``: can a mixture be trained on. It does not start Prefect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def check(
    folder: Annotated[
        Path, typer.Argument(help="Folder of a mixture, wherever it was moved to, or of its run.")
    ],
    max_length: Annotated[
        Optional[int],  # noqa: UP045  (Typer evaluates it)
        typer.Option(min=1, help="Tokens of the longest row to train on.", show_default=False),
    ] = None,
    tokenizer: Annotated[
        Optional[str],  # noqa: UP045  (as above)
        typer.Option(help="The model's tokenizer: a file or folder.", show_default=False),
    ] = None,
    ranks: Annotated[int, typer.Option(min=1, help="Processes that will share the shards.")] = 1,
    *,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object as the last line.")
    ] = False,
) -> None:
    """Check that a mixture fits the model and the trainers it is meant for (exit 4 if not)."""
    from flows import terminal
    from tasks import checking

    found = checking.check(str(folder), checking.Asked(max_length, tokenizer, ranks))
    terminal.show_findings(found, json=json)
    if any(not one.ok for one in found):
        raise typer.Exit(4)
