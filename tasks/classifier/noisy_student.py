"""Noisy Student: a model labels documents nobody has labelled, and another one learns from both.

Xie et al. (arXiv 1911.04252), there of images: a teacher labels a pool; what it is confident of is
kept, with its probabilities as targets, and balanced by class; a student learns from labelled and
kept documents under noise, and is the next teacher. Here the noise is dropout of n-grams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from tasks.classifier import DRAW, salt, split
from tasks.classifier import documents as d
from tasks.classifier.model import sigmoid
from tasks.classifier.training import Lesson, labelled, taught

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.classifier.documents import Documents, Ints
    from tasks.classifier.figures import Figures
    from tasks.classifier.model import Linear
    from tasks.classifier.split import Labelled
    from tasks.classifier.training import Report, Settings, Trained

    Floats = NDArray[np.float64]

MOST_ROUNDS: Final = 3
EVEN: Final = 0.5


class Noise(NamedTuple):
    """How students learn.

    - ``confident``: of a pool's documents those are kept whose probability is as high, or as near
      to 0; above .5. As doubt stays in the targets, little confidence is enough: with .6 students
      of 50 labels a class were better than with .8 or .9 in four of five trials on real text.
    - ``dropout``: how likely an epoch leaves an n-gram of a document out; ``epochs``: how many.
    - ``positive_share``: of the kept documents; without it that of the labelled ones which train.
    """

    confident: float = 0.6
    dropout: float = 0.7
    epochs: int = 30
    positive_share: float | None = None
    most_rounds: int = MOST_ROUNDS


class Round(NamedTuple):
    """What a model learned from of the pool, and what it is worth; round 0 is the teacher.

    ``sure``: documents that the model before it was confident of, positive and negative; ``kept``:
    those of them that it learned from. Without any there is no model, and there are no figures.
    """

    sure: tuple[int, int]
    kept: tuple[int, int]
    validation: Figures | None
    test: Figures | None


class Improved(NamedTuple):
    """The best model by validation, its report, the number of its round, and all rounds.

    ``pool``: documents of it that are different, labelled nowhere, and have words. ``models``:
    those of all rounds that have one, so that each can be judged by other documents too.
    """

    model: Linear
    report: Report
    best: int
    rounds: tuple[Round, ...]
    pool: int
    models: tuple[Linear, ...]


class _Room(NamedTuple):
    """What all rounds have in common: labelled documents, those and the pool, rows of the pool."""

    given: Labelled
    lesson: Lesson
    free: Ints
    settings: Settings
    noise: Noise


def improve(
    positive: Documents, negative: Documents, *, pool: Documents, settings: Settings, noise: Noise
) -> Improved:
    """Return the best of a teacher and its students.

    There are rounds as long as the validation part finds each better than the one before; that part
    chooses, and the test part, told of for each round, decides nothing. Documents of the pool that
    are labelled too, in whichever part, are left out of it. ConfigError as that of
    :func:`tasks.classifier.training.train`, ValueError for settings of noise that make no sense.
    """
    _check(noise)
    room = _room(labelled(positive, negative, settings), pool, settings, noise)
    best = taught(room.given, room.lesson, settings)
    rounds, models, number = [_told(best, (0, 0), (0, 0))], [best.model], 0
    for turn in range(1, noise.most_rounds + 1):
        student, told = _round(room, best.model, turn)
        rounds.append(told)
        if student is None:
            break
        models.append(student.model)
        if not _better(student, best):
            break
        best, number = student, turn
    told_of = tuple(rounds), len(room.free), tuple(models)
    return Improved(best.model, best.report, number, *told_of)


def _check(noise: Noise) -> None:
    share = EVEN if noise.positive_share is None else noise.positive_share
    if not (EVEN < noise.confident < 1 and 0 <= noise.dropout < 1 and 0 < share < 1):
        wanted = "confident above .5, dropout from 0 on, positive_share above 0, each below 1"
        raise ValueError(f"{noise}: wanted {wanted}")


def _room(given: Labelled, pool: Documents, settings: Settings, noise: Noise) -> _Room:
    every = d.joined([given.documents, pool])
    order = d.in_order(every.keys)  # of equal ones the labelled come first
    free = order[~d.repeats(every.keys[order]) & (order >= given.documents.size)]
    free = free[np.diff(every.counts.firsts)[free] > 0]
    rows, positive = given.of(split.TRAIN)
    return _Room(given, Lesson(every, rows, positive.astype(np.float64)), free, settings, noise)


def _round(room: _Room, teacher: Linear, turn: int) -> tuple[Trained | None, Round]:
    """Return a student of a teacher, and what it learned from."""
    every, rows, targets = room.lesson
    shares = sigmoid(teacher.logits(teacher.margins(every.counts, room.free)))
    sure = shares >= room.noise.confident, shares <= 1 - room.noise.confident
    sizes = int(sure[0].sum()), int(sure[1].sum())
    kept = [np.flatnonzero(side) for side in sure]
    wanted = _balanced(sizes, room.noise.positive_share or float(targets.mean()))
    own = d.drawn(d.own(every.keys)[room.free], salt(room.settings.seed, DRAW, turn))
    chosen = np.concatenate([_first(own, *both) for both in zip(kept, wanted, strict=True)])
    if not all(wanted):
        return None, Round(sizes, (0, 0), None, None)
    rows = np.append(rows, room.free[chosen])
    order = d.in_order(every.keys[rows])
    lesson = Lesson(every, rows[order], np.append(targets, shares[chosen])[order])
    settings = room.settings._replace(most_epochs=room.noise.epochs)
    student = taught(room.given, lesson, settings, room.noise.dropout)
    return student, _told(student, sizes, wanted)


def _first(own: NDArray[np.uint64], some: Ints, many: int) -> Ints:
    """Return those of some documents for which the least numbers were drawn."""
    return some[np.argsort(own[some], kind="stable")][:many]


def _balanced(sizes: tuple[int, int], share: float) -> tuple[int, int]:
    """Return how many of both sides to keep: as many as can be, so that ``share`` is positive.

    Of the side that has too many a seeded draw is kept. The most confident would be those that are
    most alike: students of the draw were better in 41 of 49 trials on real text.
    """
    many = min(sizes[0] / share, sizes[1] / (1 - share))
    return min(sizes[0], round(many * share)), min(sizes[1], round(many * (1 - share)))


def _better(student: Trained, best: Trained) -> bool:
    """Tell whether the AUC on validation is higher, or the same and the loss lower.

    Few documents are soon told apart all, and then the AUC cannot rise.
    """
    one, other = student.report.validation, best.report.validation
    return (one.auc, -one.log_loss) > (other.auc, -other.log_loss)


def _told(one: Trained, sure: tuple[int, int], kept: tuple[int, int]) -> Round:
    return Round(sure, kept, one.report.validation, one.report.test)
