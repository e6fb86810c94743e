"""The command ``openmoat forgetting``: what a tuned model forgot. It does not start Prefect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from schemas.forgetting import Forgetting

NAMED = "NAME=FILES: a domain of {} data and a file, folder or glob; as often as there are domains."


def forgetting(
    before: Annotated[Path, typer.Argument(help="Folder of the base model.")],
    after: Annotated[Path, typer.Argument(help="Folder of what it was tuned to.")],
    *,
    held_out: Annotated[
        Optional[list[str]],  # noqa: UP045  (Typer evaluates it)
        typer.Option(metavar="NAME=FILES", help=NAMED.format("old"), show_default=False),
    ] = None,
    new: Annotated[
        Optional[list[str]],  # noqa: UP045  (as above)
        typer.Option(metavar="NAME=FILES", help=NAMED.format("new"), show_default=False),
    ] = None,
    mixture: Annotated[
        Optional[Path],  # noqa: UP045  (as above)
        typer.Option(
            help="A mixture: its validation split is held-out replay (old) and new data by source.",
            show_default=False,
        ),
    ] = None,
    evals: Annotated[
        Optional[tuple[Path, Path]],  # noqa: UP045  (as above)
        typer.Option(
            metavar="BEFORE.json AFTER.json",
            help="Result files of lm-evaluation-harness.",
            show_default=False,
        ),
    ] = None,
    most_tokens: Annotated[
        int, typer.Option(min=1, help="Tokens of a domain that are scored, at most.")
    ] = 200_000,
    window: Annotated[
        int, typer.Option(min=2, help="Tokens that a model sees at a time, or its own limit.")
    ] = 1_024,
    batch: Annotated[int, typer.Option(min=1, help="Windows at once; less takes less memory.")] = 8,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of which documents.")] = 0,
    threads: Annotated[
        int, typer.Option(min=1, help="Of the CPU; with one, the same figures each time.")
    ] = 1,
    text_field: Annotated[str, typer.Option(help="The field that holds the text.")] = "text",
    report: Annotated[
        Optional[Path],  # noqa: UP045  (as above)
        typer.Option(help="A file for a page (HTML).", show_default=False),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object as the last line.")
    ] = False,
) -> None:
    """Measure what a tuned model forgot, and what it learned (needs the extra `train`)."""
    from tasks import storage
    from tasks.forgetting import Question, of_checkpoints
    from tasks.held_out import Take
    from tasks.training.measure import How

    if report is not None:
        storage.check_file(str(report), option="--report")
    question = Question(
        before=str(before),
        after=str(after),
        old=named(held_out or [], "--held-out"),
        new=named(new or [], "--new"),
        mixture=None if mixture is None else str(mixture),
        evals=None if evals is None else (str(evals[0]), str(evals[1])),
        take=Take(most_tokens, seed, text_field),
        how=How(window, max(1, window // 2), batch),
        threads=threads,
    )
    found = of_checkpoints(question, _told)
    if report is not None:
        _write(found, report)
    _show(found, json=json)


def named(given: list[str], option: str) -> list[tuple[str, str]]:
    """Read ``NAME=FILES``; ConfigError for what is no such pair, and for a name twice."""
    from schemas.errors import ConfigError

    found = [tuple(one.partition("=")[::2]) for one in given]
    names = [name for name, _ in found]
    wrong = next((n for (n, place) in found if not n or not place or names.count(n) > 1), None)
    if wrong is not None:
        raise ConfigError(
            option,
            got=f"{wrong!r}, " + ("twice" if names.count(wrong) > 1 else "without a name or files"),
            wanted="NAME=FILES, a name for each domain",
            way_out=f"Write {option} news=held-out/news.jsonl, for example.",
        )
    return [(name, place) for name, place in found]


def _told(name: str) -> None:
    from flows import terminal

    terminal.tell(f"scoring {name}")


def _write(found: Forgetting, report: Path) -> None:
    from tasks import storage
    from tasks.report import forgetting as told
    from tasks.report import page

    sides = f"{found.before}, then {found.after}"
    body = page.render("Forgetting", sides, list(told.sections(found)))
    storage.write_bytes(str(report), body.encode())


def _show(found: Forgetting, *, json: bool) -> None:
    from flows import terminal
    from tasks.report import forgetting as told

    if json:
        terminal.print_json(found.model_dump(mode="json"))
        return
    terminal.show_sections(told.sections(found))
