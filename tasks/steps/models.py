"""Step before ingest: models that documents are scored by, trained or found."""

from __future__ import annotations

from schemas.config import SignalsConfig  # noqa: TC001  (Prefect reads the annotations)
from schemas.models import ScoreModel  # noqa: TC001
from tasks import models
from tasks.steps.policy import step


@step
def lay_by(
    signals: SignalsConfig, seed: int, memory_bytes: int, out: str
) -> tuple[ScoreModel, ...]:
    """Train the recipe's models that are not there yet; return all of them."""
    return models.lay_by(signals, seed, memory_bytes, out)
