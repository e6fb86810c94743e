"""Steps of the experiment: each runs one process, and writes a page at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.errors import OpenmoatError
from schemas.experiment import (  # noqa: TC001  (Prefect reads the annotations)
    Arm,
    Base,
    Built,
    Dealt,
    Outcome,
    Result,
)
from tasks import storage
from tasks.experiment import conducting
from tasks.experiment.conducting import Found, Plan  # noqa: TC001  (as above)
from tasks.report import experiment as report
from tasks.report import speaking
from tasks.report.files import files
from tasks.steps import artifacts
from tasks.steps.policy import step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.section import Section

REPORT: Final = "report"
SPEECH: Final = "speaking"
"""Pages: ``.html``, and ``.md`` with ``.svg``."""


@step
def deal(plan: Plan) -> Dealt:
    """Deal documents out."""
    return conducting.deal(plan)


@step
def base(plan: Plan, seed: int) -> Base:
    """Train on old text."""
    return conducting.base(plan, seed)


@step
def build(plan: Plan, seed: int, kind: str) -> Built:
    """Draw shards."""
    return conducting.build(plan, seed, kind)


@step
def arm(plan: Plan, seed: int, own: Arm) -> Outcome:
    """Train an arm."""
    return conducting.arm(plan, seed, own)


@step
def speak(plan: Plan, bases: dict[int, Base], outcomes: list[Outcome], result: Result) -> str:
    """Let the models of the first seed write, and write the page that shows it."""
    seed = plan.seeds[0]
    spoken = conducting.speak(plan, seed)
    domains = {"before": bases[seed].losses.domains} | {
        one.arm.name: one.losses.domains for one in outcomes if one.seed == seed
    }
    shown = list(speaking.sections(spoken, result, domains))
    made = files(SPEECH, speaking.TITLE, report.about(result), shown)
    return _written(plan, SPEECH, made, shown)


@step
def conclude(plan: Plan, found: Found) -> Result:
    """Write the result, the trajectories and the page."""
    if not found.outcomes:
        raise OpenmoatError("experiment", got="no arm", wanted="one", way_out="Run it anew.")
    result = conducting.conclude(plan, found)
    courses = storage.read_table(storage.join(plan.out, conducting.TRAJECTORIES))
    shown = list(report.sections(result, courses))
    made = files(REPORT, report.TITLE, report.about(result), shown)
    _written(plan, REPORT, made, shown)
    return result


def _written(plan: Plan, name: str, made: Mapping[str, str], some: Sequence[Section]) -> str:
    """Write a page's files and tell Prefect of its sections; return where it lies."""
    for file, body in made.items():
        storage.write_bytes(storage.join(plan.out, file), body.encode())
    artifacts.tell(f"experiment-{name}", some)
    return storage.join(plan.out, f"{name}.html")
