"""``train_step``: a model learns a mixture, and what it forgot is measured."""

from __future__ import annotations

from prefect import flow

from schemas.training import TrainKey
from tasks.forgetting import Question
from tasks.learning import Request
from tasks.steps import training


@flow(name="train-step", persist_result=False, validate_parameters=False)
def train_step(
    request: Request, question: Question | None = None, checked: TrainKey | None = None
) -> str:
    """Train or go on; measure, where there is a question; return the place of the page.

    Of the question only the texts and how they are scored count: the models are this run's, and so
    is the mixture. ``checked``: what :func:`tasks.learning.check` returned, if it was asked.
    """
    trained = training.learn(request, checked)
    found = None if question is None else training.measure(request, trained, question)
    return training.tell(request, trained, found)
