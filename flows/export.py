"""The command ``openmoat export``: a mixture in other trainers' formats. No Prefect is started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.export_target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.exported import Exported
    from schemas.section import Section


def export(
    folder: Annotated[Path, typer.Argument(help="Folder of a run, or of its mixture.")],
    to: Annotated[Target, typer.Option("--to", help="Whose format.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", help="A folder that is not there yet.", show_default=False)
    ],
    *,
    drop_masks: Annotated[
        bool,
        typer.Option("--drop-masks", help="For megatron: have every token learned, masked or not."),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object as the last line.")
    ] = False,
) -> None:
    """Write a mixture of tokens in the format of another trainer; say what that format loses."""
    from flows import terminal
    from tasks.exporting import export as write

    exported = write(str(folder), str(out), to=to, drop_masks=drop_masks)
    if json:
        terminal.print_json({"out": str(out), **exported.model_dump(mode="json")})
        return
    terminal.show_sections(_sections(exported, str(out)))


def _sections(exported: Exported, out: str) -> Iterator[Section]:
    from schemas.section import Section, Table

    rows = tuple(
        (name, said.rows, said.tokens, said.learned) for name, said in exported.splits.items()
    )
    text = f"In {out}, for {exported.to}; ids are {exported.dtype}."
    yield Section("Written", text, Table(("split", "rows", "tokens", "learned"), rows))
    yield Section("Lost", " ".join(exported.lost))
