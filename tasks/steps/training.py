"""Steps of ``train_step``: a model learns a mixture; what it forgot; the page of both."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from schemas.errors import ManifestError
from schemas.forgetting import Forgetting
from schemas.training import Trained, TrainKey
from tasks import forgetting, learning, learning_models, learning_states, progress, storage
from tasks.forgetting import Question  # noqa: TC001  (as above)
from tasks.learning import Request  # noqa: TC001  (as above)
from tasks.report import forgetting as forgotten
from tasks.report import page, training
from tasks.steps import artifacts
from tasks.steps.policy import step

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.section import Section
    from tasks.training.loop import Point

FORGETTING, REPORT = "forgetting.json", "report.html"
KEY = "training"
SECONDS = 2.0
"""Lines of progress are so far apart."""


@step
def learn(request: Request, checked: TrainKey | None = None) -> Trained:
    """Train, or go on; what is finished is not done again."""
    return learning.train(request, _teller(), checked=checked)


@step
def measure(request: Request, trained: Trained, question: Question) -> Forgetting | None:
    """Measure what the model forgot of the one it was; None where there was none, or no text."""
    if learning_models.is_fresh(request.model):
        return None
    has_split = learning.has_validation(request.mixture)
    if not has_split and not question.old and not question.new:
        return None
    asked = question._replace(
        before=request.model, after=trained.model, mixture=request.mixture if has_split else None
    )
    found = forgetting.of_checkpoints(asked, lambda name: progress.say(f"scoring {name}"))
    storage.write_model(storage.join(request.out, FORGETTING), found)
    return found


@step
def tell(request: Request, trained: Trained, found: Forgetting | None) -> str:
    """Write the page, and lay its tables by as an artifact; return the page's place."""
    every = list(sections(request.out, trained, found))
    at = storage.join(request.out, REPORT)
    storage.write_bytes(at, page.render("Training", request.mixture, every).encode())
    artifacts.tell(KEY, [one for one in every if one.lines is None])
    return at


def sections(out: str, trained: Trained, found: Forgetting | None) -> list[Section]:
    """Return what is told of a run that is done."""
    curve = storage.read_table(storage.join(out, learning_states.CURVE_FILE))
    of_loss = [] if found is None else list(forgotten.sections(found))
    return [*of_loss, *training.sections(trained, curve)]


def read(out: str) -> tuple[Trained, Forgetting | None]:
    """Read what a run that is done says of itself."""
    trained = storage.read_model(storage.join(out, learning.TRAINED), Trained)
    try:
        return trained, storage.read_model(storage.join(out, FORGETTING), Forgetting)
    except ManifestError:
        return trained, None


def _teller() -> Callable[[Point, int], None]:
    """Return what tells of steps: of the first and the last, and of one every few seconds."""
    last = [-SECONDS]

    def tell(point: Point, of: int) -> None:
        now = time.monotonic()
        if now - last[0] >= SECONDS or point.step in {1, of}:
            last[0] = now
            progress.say(_line(point, of))

    return tell


def _line(point: Point, of: int) -> str:
    parts = [f"step {point.step:,} of {of:,}", f"loss {_number(point.loss)}"]
    if point.replay_loss is not None and point.new_loss is not None:
        parts.append(f"replay {point.replay_loss:.3f}, new {point.new_loss:.3f}")
    parts += [f"rate {point.rate:.2e}", f"{point.tokens:,} tokens", f"{point.seconds:,.0f} s"]
    return ", ".join(parts)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
