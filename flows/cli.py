"""The command line, the project's public face. Heavy imports live inside the commands."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from flows import (
    advise,
    certify,
    check,
    experiment,
    export,
    forgetting,
    generate,
    index,
    infer_mixture,
    init,
    overlap,
    trace,
    train,
)

if TYPE_CHECKING:
    from flows.pipeline import Goal
    from schemas.config import RunConfig


def _bytes(given: str | int) -> int:
    """Read a size: ``500MB``, ``8GB``."""
    if isinstance(given, int):
        return given
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([MG])B", given.strip(), re.IGNORECASE)
    size = found and round(float(found[1]) * {"M": 10**6, "G": 10**9}[found[2].upper()])
    if not size:
        raise typer.BadParameter(f"{given!r} is no size such as 500MB or 8GB.")
    return size


app = typer.Typer(
    name="openmoat",
    help="Open pre-training data for replay: ingest, deduplicate, filter, and mix it token-exactly "
    "with your own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(index.app, name="index")
app.add_typer(experiment.app, name="experiment")
app.command()(overlap.overlap)
app.command()(certify.certify)
app.command()(check.check)
app.command()(trace.trace)
app.command()(init.init)
app.command("infer-mixture")(infer_mixture.infer_mixture)
app.command()(advise.advise)
app.command()(generate.generate)
app.command()(export.export)
app.command()(train.train)
app.command()(forgetting.forgetting)
Recipe = Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped recipe.")]
Out = Annotated[
    Optional[Path],  # noqa: UP045  (Typer evaluates it)
    typer.Option("--out", help="Folder for the results (default: openmoat-out/<name>)."),
]
Workers = Annotated[
    int, typer.Option("--workers", min=1, help="Tasks that run at a time.", show_default="cores")
]
MemoryLimit = Annotated[
    int,
    typer.Option(
        "--memory-limit",
        help="Memory for finding near-duplicates, for example 500MB or 8GB; less takes longer.",
        parser=_bytes,
        metavar="SIZE",
        show_default="1GB",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
Folder = Annotated[Path, typer.Argument(help="Folder of a run.")]
Document = Annotated[
    Optional[str],  # noqa: UP045  (Typer evaluates it)
    typer.Argument(
        help="A document: its doc_id, the first 8 digits of it or more, or its record's own id.",
        show_default=False,
    ),
]
CORES = os.cpu_count() or 1
MEMORY = 10**9


@app.command()
def demo(
    out: Out = None,
    workers: Workers = CORES,
    memory: MemoryLimit = MEMORY,
    *,
    json: Json = False,
) -> None:
    """Run the demo: a replay shard and a mixture from the text that every Python carries."""
    _run("demo", out, workers, memory, json=json)


@app.command()
def run(
    recipe: Recipe,
    out: Out = None,
    workers: Workers = CORES,
    memory: MemoryLimit = MEMORY,
    *,
    json: Json = False,
) -> None:
    """Run all of a recipe: corpus, replay shard, mixture, report."""
    _run(recipe, out, workers, memory, json=json)


@app.command()
def corpus(
    recipe: Recipe,
    out: Out = None,
    workers: Workers = CORES,
    memory: MemoryLimit = MEMORY,
    *,
    json: Json = False,
) -> None:
    """Run a recipe as far as the decisions (and the corpus, where it is materialized)."""
    _run(recipe, out, workers, memory, json=json, goal="corpus")


@app.command()
def replay(
    recipe: Recipe,
    out: Out = None,
    workers: Workers = CORES,
    memory: MemoryLimit = MEMORY,
    *,
    json: Json = False,
) -> None:
    """Run a recipe as far as the replay shard."""
    _run(recipe, out, workers, memory, json=json, goal="replay")


@app.command()
def mixture(
    recipe: Recipe,
    out: Out = None,
    workers: Workers = CORES,
    memory: MemoryLimit = MEMORY,
    *,
    json: Json = False,
) -> None:
    """Run a recipe as far as the mixture."""
    _run(recipe, out, workers, memory, json=json)


@app.command()
def plan(
    recipe: Recipe, out: Out = None, memory: MemoryLimit = MEMORY, *, json: Json = False
) -> None:
    """Say what a recipe would read, write and need; write nothing."""
    from flows import terminal
    from tasks.plan import plan as make_plan
    from tasks.recipe import load

    config = load(recipe)
    terminal.show_plan(make_plan(config, _out(out, config), memory), json=json)


@app.command()
def verify(folder: Folder, *, json: Json = False) -> None:
    """Prove from the files of a run that it holds what its manifests say (exit 4 if not)."""
    from flows import terminal
    from tasks.verify import verify as check

    findings = check(str(folder))
    terminal.show_findings(findings, json=json)
    if any(not f.ok for f in findings):
        raise typer.Exit(4)


@app.command()
def inspect(folder: Folder, document: Document = None, *, json: Json = False) -> None:
    """Show what a run read, dropped, kept, drew and mixed; or why it dropped one document."""
    from flows import terminal

    if document is None:
        terminal.show_run(str(folder), json=json)
        return
    from tasks.inspection import inspect as find

    terminal.show_documents(find(str(folder), document), json=json)


def _run(
    recipe: str,
    out: Path | None,
    workers: int,
    memory: int,
    *,
    json: bool,
    goal: Goal = "mixture",
) -> None:
    from tasks import ledger, preflight
    from tasks.recipe import load

    config = load(recipe)
    _check_goal(recipe, config, goal)
    folder = _out(out, config)
    preflight.check(config, folder)

    from flows import terminal
    from flows.settings import quiet_prefect
    from tasks.signals.measure import warm

    quiet_prefect()
    if not ledger.stands(folder, "signals"):
        warm(config.signals)
    with terminal.progress():
        from flows.pipeline import pipeline

        pipeline(config, folder, workers=workers, memory_bytes=memory, goal=goal)
    terminal.show_run(folder, json=json)


def _check_goal(recipe: str, config: RunConfig, goal: str) -> None:
    from schemas.errors import ConfigError

    if goal == "replay" and config.replay is None:
        raise ConfigError(
            recipe,
            got="no section [replay]",
            wanted="one that says what to draw",
            way_out="Add it (docs/recipe.md), or run `openmoat corpus`.",
        )


def _out(out: Path | None, config: RunConfig) -> str:
    return str(out or Path("openmoat-out") / config.name)


def main() -> None:
    """Run the command line; an expected mistake is one message and an exit code, no traceback."""
    from schemas.errors import OpenmoatError

    try:
        app()
    except OpenmoatError as error:
        from flows.terminal import printable

        sys.stderr.write(f"openmoat: {printable(str(error))}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("openmoat: stopped; the same command goes on from here\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
