"""The command ``openmoat generate``: what a local checkpoint writes. It does not start Prefect."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemas.section import Section
    from tasks.generating import Answer


def generate(
    checkpoint: Annotated[
        Path,
        typer.Argument(help="A local folder: config.json, *.safetensors and the tokenizer."),
    ],
    tokens: Annotated[int, typer.Option(min=1, help="Sample until there are so many tokens.")],
    out: Annotated[Path, typer.Option("--out", help="The Parquet file to write.")],
    temperature: Annotated[
        float, typer.Option(min=0.01, max=100.0, help="1 is the model's own distribution.")
    ] = 1.0,
    length: Annotated[int, typer.Option(min=1, help="Tokens of a text, or a turn, at most.")] = 512,
    batch: Annotated[int, typer.Option(min=1, help="Texts at a time; less takes less memory.")] = 8,
    seed: Annotated[int, typer.Option(help="Another seed, other texts.")] = 0,
    prompts: Annotated[
        Optional[Path],  # noqa: UP045  (Typer evaluates it)
        typer.Option(
            help="A text file with a prompt a line, used in turn.", show_default="none: from BOS"
        ),
    ] = None,
    *,
    chat: Annotated[
        bool,
        typer.Option("--chat", help="Conversations: the model writes the user's turn too."),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object as the last line.")
    ] = False,
) -> None:
    """Sample a local checkpoint's own text, without truncation (needs the extra `train`)."""
    from tasks.generating import Request, of_checkpoint
    from tasks.training.sampling import How

    request = Request(
        folder=str(checkpoint),
        tokens=tokens,
        seed=seed,
        how=How(temperature, length, batch),
        prompts=None if prompts is None else str(prompts),
        chat=chat,
    )
    with _bar(tokens) as told:
        answer = of_checkpoint(request, str(out), told)
    from flows import terminal

    if json:
        terminal.print_json({"out": str(out), **answer._asdict()})
        return
    terminal.show_sections(_sections(answer))


@contextlib.contextmanager
def _bar(tokens: int) -> Iterator[Callable[[int], None]]:
    """Draw a bar on the error stream while the block runs; a pipe gets none."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bars:
        bar = bars.add_task("tokens", total=tokens)
        yield lambda done: bars.update(bar, completed=done)


def _sections(answer: Answer) -> Iterator[Section]:
    from schemas.section import Section, Table

    where = "they were there" if answer.device is None else f"sampled on {answer.device}"
    text = (
        f"{answer.made:,} shards made, {answer.reused:,} found; {where}. A text that the model did "
        "not end stops at --length."
    )
    rows = (("rows", answer.rows), ("tokens", answer.tokens), ("ended", answer.finished))
    yield Section("Generations", text, Table(("", "number"), rows))
    text = "What would be dropped before anything is concluded from them; the file holds all rows."
    told = tuple((name, n, answer.dropped_tokens[name]) for name, n in answer.dropped.items())
    yield Section("Filters", text, Table(("filter", "rows", "tokens"), told))
