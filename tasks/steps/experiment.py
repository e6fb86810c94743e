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
from tasks.report import page, speaking
from tasks.report.markdown import markdown
from tasks.steps import artifacts
from tasks.steps.policy import step

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    return _written(plan, SPEECH, "What a model forgets", shown)


@step
def conclude(plan: Plan, found: Found) -> Result:
    """Write the result, the trajectories and the page."""
    if not found.outcomes:
        raise OpenmoatError("experiment", got="no arm", wanted="one", way_out="Run it anew.")
    result = conducting.conclude(plan, found)
    courses = storage.read_table(storage.join(plan.out, conducting.TRAJECTORIES))
    _written(plan, REPORT, "Forgetting", list(report.sections(result, courses)))
    return result


def _written(plan: Plan, name: str, title: str, some: Sequence[Section]) -> str:
    """Write sections as a page, and as Markdown with the plot beside it; tell Prefect of them."""
    about = f"Setting {plan.setting.name}, {plan.preset}"
    told = "\n".join(markdown(some, picture=f"{name}.svg"))
    made = {
        f"{name}.html": page.render(title, about, some),
        f"{name}.md": f"# {title}\n\n{about}.\n\n{told}",
    }
    for one in some:
        if one.lines is not None:
            made[f"{name}.svg"] = page.picture(one.lines)
    for file, body in made.items():
        storage.write_bytes(storage.join(plan.out, file), body.encode())
    artifacts.tell(f"experiment-{name}", some)
    return storage.join(plan.out, f"{name}.html")
