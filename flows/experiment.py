"""The commands ``openmoat experiment ...``: what replay is worth, on small models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional

import typer

if TYPE_CHECKING:
    from schemas.experiment import Result
    from tasks.experiment.conducting import Plan

app = typer.Typer(help="Train small models to see what replay is worth.", no_args_is_help=True)
CORES = os.cpu_count() or 1
DATA = "OPENMOAT_DATA"
Setting = Annotated[
    str,
    typer.Option(
        help="`german` (English, then German laws and manuals), `code` (prose, then code), or "
        "the TOML file of one's own."
    ),
]
Data = Annotated[
    Optional[Path],  # noqa: UP045  (Typer evaluates it)
    typer.Option(help="The folder of documents.", show_default=f"${DATA}"),
]
Out = Annotated[
    Optional[Path],  # noqa: UP045  (as above)
    typer.Option("--out", help="Folder for the results.", show_default="openmoat-out/NAME"),
]
Workers = Annotated[int, typer.Option(min=1, help="Processes at a time.", show_default="cores")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]


@app.callback()
def experiments() -> None:
    """Train small models to see what replay is worth."""


@app.command()
def forgetting(
    *,
    small: Annotated[
        bool,
        typer.Option("--small", help="Four arms and one seed: minutes on one core."),
    ] = False,
    setting: Setting = "german",
    data: Data = None,
    out: Out = None,
    seeds: Annotated[
        Optional[int],  # noqa: UP045  (as above)
        typer.Option(min=1, max=99, help="How many.", show_default="3, or 1 with --small"),
    ] = None,
    preset: Annotated[
        Optional[Literal["25M", "100M"]],  # noqa: UP045  (as above)
        typer.Option(help="A larger model; wants a GPU.", show_default="0.64M"),
    ] = None,
    workers: Workers = CORES,
    json: Json = False,
) -> None:
    """Learn old text, then new, with each kind of replay; compare what is forgotten."""
    from tasks.experiment import arms, conducting, settings

    name, own = preset or ("small" if small else "full"), settings.setting(setting)
    plan = conducting.Plan(
        data=str(_data(data)),
        out=str(out or Path("openmoat-out") / f"forgetting-{own.name}-{name}"),
        preset=name,
        setting=own,
        sizes=settings.sizes(name),
        arms=arms.small() if small else arms.full(),
        seeds=tuple(range(seeds or (1 if small else 3))),
    )
    _conduct(plan, workers, json=json)


@app.command()
def speaking(
    *,
    setting: Setting = "german",
    data: Data = None,
    out: Out = None,
    preset: Annotated[
        Literal["small", "5M", "25M", "100M"],
        typer.Option(help="Size of the model; 5M takes a quarter of an hour of one core."),
    ] = "5M",
    workers: Workers = CORES,
    json: Json = False,
) -> None:
    """Show what a model writes after new text, with and without replay: a page to look at."""
    from tasks.experiment import arms, conducting, settings

    own = settings.setting(setting)
    plan = conducting.Plan(
        data=str(_data(data)),
        out=str(out or Path("openmoat-out") / f"speaking-{own.name}-{preset}"),
        preset=preset,
        setting=own,
        sizes=settings.sizes(preset),
        arms=arms.shown(),
        seeds=(0,),
        keep=True,
    )
    _conduct(plan, workers, json=json)


def _data(given: Path | None) -> Path:
    from schemas.errors import ConfigError

    found = given or (Path(os.environ[DATA]) if os.environ.get(DATA) else None)
    if found is None:
        raise ConfigError(
            "--data",
            got="no folder",
            wanted=f"one with documents, or {DATA} set",
            way_out="Name the folder with --data.",
        )
    return found


def _conduct(plan: Plan, workers: int, *, json: bool) -> None:
    from flows.settings import quiet_prefect
    from tasks.experiment import conducting

    conducting.check(plan)  # Prefect takes seconds to start
    quiet_prefect()
    from flows.experiment_forgetting import run

    _show(plan, run(plan, workers), json=json)


def _show(plan: Plan, result: Result, *, json: bool) -> None:
    from flows import terminal
    from tasks import storage
    from tasks.experiment import conducting
    from tasks.report import experiment as report

    if json:
        terminal.print_json({"out": plan.out, **result.model_dump(mode="json")})
        return
    courses = storage.read_table(storage.join(plan.out, conducting.TRAJECTORIES))
    terminal.show_sections(list(report.sections(result, courses)))
