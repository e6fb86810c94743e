"""Training of a model on documents of two classes; calibrated and judged on others of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tasks import compiled
from tasks.classifier import DROPOUT, HALF, KERNEL, ORDER, salt, split
from tasks.classifier import documents as d
from tasks.classifier.calibration import platt
from tasks.classifier.figures import Figures, figures, sizes
from tasks.classifier.model import Linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.classifier.documents import Documents, Ints
    from tasks.classifier.split import Labelled, LeftOut, Shares

    Floats = NDArray[np.float64]


class Settings(NamedTuple):
    """How a model is trained. Documents are counted with the same ``width`` and ``2**bits``.

    - ``penalties``: of the squared length of the weights, beside the mean loss of a document. Each
      is tried; that of the least loss on the validation part stays. Where labels are right, little
      is best; where a fifth is wrong, a hundredfold as much.
    - ``most_epochs``, and ``tolerance``: training ends when an epoch changes the residuals of
      documents, -1 to 1, by so little in the mean.
    - ``shares``: of each class that trains, calibrates and tests.
    - ``least_documents``: of a class, different and with words; 10 or more.
    """

    width: int = 2
    bits: int = 18
    penalties: tuple[float, ...] = (1e-3, 1e-4, 1e-5)
    most_epochs: int = 50
    tolerance: float = 1e-5
    seed: int = 0
    shares: Shares = split.SHARES
    least_documents: int = 50


class Report(NamedTuple):
    """What a model was made of, and what it is worth.

    - ``parts``: positive and negative documents of train, validation and test.
    - ``validation``: figures on what the model was calibrated (and chosen) by: too good.
    - ``test``: on what nothing else has seen.
    """

    parts: dict[str, tuple[int, int]]
    left_out: LeftOut
    penalty: float
    epochs: int
    validation: Figures
    test: Figures


class Trained(NamedTuple):
    """A model and its report."""

    model: Linear
    report: Report


class Lesson(NamedTuple):
    """Documents to fit weights to: rows, in the order of their hashes, and targets from 0 to 1."""

    documents: Documents
    rows: Ints
    targets: Floats


def train(positive: Documents, negative: Documents, *, settings: Settings) -> Trained:
    """Return a model of how likely a text is of the positive class, and its report.

    Its probabilities are for texts of which as large a share is positive as of the documents given.
    The model is the same to the last bit on one kind of machine, in whatever order and parts the
    documents come. ConfigError for a class of too few documents.
    """
    given = labelled(positive, negative, settings)
    rows, is_positive = given.of(split.TRAIN)
    return taught(given, Lesson(given.documents, rows, is_positive.astype(np.float64)), settings)


def labelled(positive: Documents, negative: Documents, settings: Settings) -> Labelled:
    """Deal documents out as settings say."""
    return split.labelled(
        positive,
        negative,
        shares=settings.shares,
        seed=settings.seed,
        least_documents=settings.least_documents,
    )


def taught(given: Labelled, lesson: Lesson, settings: Settings, dropout: float = 0.0) -> Trained:
    """Return the best model of a lesson by the loss on the validation part, and its report."""
    found = []
    for penalty in settings.penalties:
        weights, epochs = fitted(lesson, settings, penalty=penalty, dropout=dropout)
        model, validation, test = _calibrated(given, weights, settings)
        parts = {name: sizes(given.of(part)[1]) for part, name in enumerate(split.NAMES)}
        report = Report(parts, given.left_out, penalty, epochs, validation, test)
        found.append(Trained(model, report))
    return min(found, key=lambda one: one.report.validation.log_loss)


def fitted(
    lesson: Lesson, settings: Settings, *, penalty: float, dropout: float = 0.0
) -> tuple[Floats, int]:
    """Return weights, the bias as the last of them, and how many epochs it took.

    With dropout an epoch never settles. There all epochs are done, and the weights are the mean of
    those after each of the second half.
    """
    _fits(lesson.documents, settings.bits)
    targets, own = lesson.targets, d.own(lesson.documents.keys)[lesson.rows]
    strengths = _importances(targets) / penalty
    residuals, weights = np.zeros(len(own)), np.zeros((1 << settings.bits) + 1)
    mean, kernel = np.zeros_like(weights), compiled.load(KERNEL)
    least, first = np.uint64(dropout * HALF), settings.most_epochs // 2
    for epoch in range(1, settings.most_epochs + 1):
        order = np.argsort(d.drawn(own, salt(settings.seed, ORDER, epoch)), kind="stable")
        salts = (np.uint64(salt(settings.seed, DROPOUT, epoch - k)) for k in (1, 0))
        given = ((order, lesson.rows), tuple(lesson.documents.counts), targets, strengths)
        changed = kernel.epoch(*given, residuals, weights, (own, *salts, least))
        if dropout and epoch > first:
            mean += (weights - mean) / (epoch - first)
        if not dropout and changed < settings.tolerance:
            break
    return (mean if dropout else weights), epoch


def _fits(documents: Documents, bits: int) -> None:
    """Refuse documents whose n-grams were counted in more buckets."""
    if documents.counts.buckets.max(initial=0) >> bits:
        raise ValueError(f"n-grams were counted in more than 2^{bits} buckets")


def _importances(targets: Floats) -> Floats:
    """Return how much each document counts: 1 in all, and both classes the same."""
    negative = 1 - targets
    found: Floats = targets / (2 * targets.sum()) + negative / (2 * negative.sum())
    return found


def _calibrated(
    given: Labelled, weights: Floats, settings: Settings
) -> tuple[Linear, Figures, Figures]:
    """Calibrate weights on the validation part, and say what they are worth on it and on test."""
    own = weights[:-1].astype(np.float32)
    model = Linear(settings.width, settings.bits, own, float(weights[-1]))
    valid, test = (_margins(model, given, part) for part in (split.VALID, split.TEST))
    slope, offset = platt(*valid)
    model = Linear(settings.width, settings.bits, own, model.bias, slope, offset)
    validation, tested = (figures(model.logits(margins), y) for margins, y in (valid, test))
    return model, validation, tested


def _margins(model: Linear, given: Labelled, part: int) -> tuple[Floats, NDArray[Any]]:
    rows, positive = given.of(part)
    return model.margins(given.documents.counts, rows), positive
