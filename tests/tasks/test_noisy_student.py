"""Noisy Student: what it takes of a pool, when it ends, and what comes of another order."""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ConfigError
from tasks.classifier import documents as d
from tasks.classifier.figures import auc
from tasks.classifier.noisy_student import Improved, Noise, _balanced, improve
from tasks.classifier.training import Settings, train
from tests.corpora import WORDS
from tests.real_data import real_texts

if TYPE_CHECKING:
    from tasks.classifier.documents import Documents
    from tasks.classifier.model import Linear

BITS = 12
FEW = Settings(bits=BITS, least_documents=10)


def documents(texts: list[str], bits: int = BITS) -> Documents:
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    return d.of(column, width=2, buckets=1 << bits)


def made(name: str, n: int) -> list[str]:
    """Return texts of which the name's last letter makes some words likelier."""
    chance = random.Random(name)
    own = WORDS[::2] if name[-1] == "+" else WORDS[1::2]
    return [
        " ".join(chance.choice(WORDS if chance.random() < 0.8 else own) for _ in range(25))
        for _ in range(n)
    ]


POSITIVE, NEGATIVE = made("+", 30), made("-", 60)
POOL = [*made("pool+", 200), *made("pool-", 300)]


def students(positive: list[str], negative: list[str], pool: list[str], noise: Noise) -> Improved:
    labelled = documents(positive), documents(negative)
    return improve(*labelled, pool=documents(pool), settings=FEW, noise=noise)


@cache
def improved() -> Improved:
    return students(POSITIVE, NEGATIVE, POOL, Noise())


def test_the_teacher_is_the_model_without_a_pool() -> None:
    teacher = train(documents(POSITIVE), documents(NEGATIVE), settings=FEW)
    first = improved().rounds[0]
    assert (first.validation, first.test) == (teacher.report.validation, teacher.report.test)
    assert (first.sure, first.kept) == ((0, 0), (0, 0))
    nothing = students(POSITIVE, NEGATIVE, [], Noise())
    assert nothing.model.digest == teacher.model.digest
    assert (nothing.best, nothing.pool) == (0, 0)
    assert nothing.rounds == (first, ((0, 0), (0, 0), None, None))


def test_the_best_by_validation_is_returned() -> None:
    found = improved()
    values = [(r.validation.auc, -r.validation.log_loss) for r in found.rounds if r.validation]
    assert values[found.best] == max(values)
    assert values[: found.best + 1] == sorted(values[: found.best + 1])
    assert found.report.validation == found.rounds[found.best].validation
    assert found.report.test == found.rounds[found.best].test
    assert len(found.rounds) in {found.best + 1, found.best + 2}
    assert found.models[found.best] is found.model
    assert len(found.rounds) <= 4


def test_every_round_that_learned_has_its_model() -> None:
    one = students(POSITIVE, NEGATIVE, POOL, Noise(most_rounds=1))
    teacher = train(documents(POSITIVE), documents(NEGATIVE), settings=FEW).model
    assert [m.digest for m in one.models] == [m.digest for m in improved().models[:2]]
    assert one.models[0].digest == teacher.digest != one.models[1].digest
    assert len(improved().models) == len(improved().rounds)
    assert len(students(POSITIVE, NEGATIVE, [], Noise()).models) == 1


def test_what_is_kept_has_the_wanted_shares() -> None:
    for share, wanted in ((None, 1 / 3), (0.5, 0.5), (0.1, 0.1)):
        noise = Noise(positive_share=share)
        for told in students(POSITIVE, NEGATIVE, POOL, noise).rounds[1:]:
            assert told.kept[0] <= told.sure[0]
            assert told.kept[1] <= told.sure[1]
            assert told.kept[0] / sum(told.kept) == pytest.approx(wanted, abs=0.01)


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0.01, 0.99))
def test_as_much_is_kept_as_can_be(positive: int, negative: int, share: float) -> None:
    kept = _balanced((positive, negative), share)
    assert kept[0] in {positive, round(negative / (1 - share) * share)}
    assert kept[1] in {negative, round(positive / share * (1 - share))}
    assert kept[0] <= positive
    assert kept[1] <= negative


def test_labelled_repeated_and_empty_documents_of_a_pool_are_left_out() -> None:
    dirty = [*POOL, *POSITIVE, *NEGATIVE, *POOL[:50], "…", ""]
    found = students(POSITIVE, NEGATIVE, dirty, Noise())
    assert found.pool == improved().pool == len(POOL)
    assert found.model.digest == improved().model.digest
    assert found.rounds == improved().rounds


@given(st.randoms(use_true_random=False))
@settings(max_examples=5)
def test_the_same_comes_of_whatever_order_and_cut(chance: Any) -> None:
    given = []
    for texts in (POSITIVE, NEGATIVE, POOL):
        own = chance.sample(texts, len(texts))
        at = chance.randrange(len(own))
        given.append(d.joined([documents(own[:at]), documents(own[at:])]))
    found = improve(given[0], given[1], pool=given[2], settings=FEW, noise=Noise())
    assert found.model.digest == improved().model.digest
    assert found.rounds == improved().rounds


@pytest.mark.parametrize(
    "noise",
    [
        Noise(confident=0.5),
        Noise(confident=1.0),
        Noise(dropout=1.0),
        Noise(dropout=-0.1),
        Noise(positive_share=0.0),
        Noise(positive_share=1.0),
    ],
)
def test_noise_that_makes_no_sense_is_refused(noise: Noise) -> None:
    with pytest.raises(ValueError, match=r"wanted confident above \.5"):
        students(POSITIVE, NEGATIVE, POOL, noise)


def test_too_few_labels_are_refused() -> None:
    with pytest.raises(ConfigError, match="the positive class: got 9 different"):
        students(POSITIVE[:9], NEGATIVE, POOL, Noise())


def test_no_round_is_no_student() -> None:
    found = students(POSITIVE, NEGATIVE, POOL, Noise(most_rounds=0))
    assert len(found.rounds) == 1
    assert found.best == 0


def test_few_abstracts_and_a_pool_of_first_words() -> None:
    """Thirty words of abstracts and of articles: a student tells more of them than its teacher."""
    science = real_texts("dolma/documents/science/part-00000.jsonl.gz", 800)
    wiki = real_texts("dolma/documents/wiki/part-00000.jsonl.gz", 60)
    paragraphs = [part for text in wiki for part in text.split("\n\n") if len(part) > 200]
    random.Random(5).shuffle(paragraphs)
    positive, negative = ([" ".join(t.split()[:30]) for t in own] for own in (science, paragraphs))
    labelled = documents(positive[:40], 18), documents(negative[:40], 18)
    pool = documents([*positive[40:400], *negative[40:400]], 18)
    few = Settings(least_documents=10)
    found = improve(*labelled, pool=pool, settings=few, noise=Noise())
    teacher = train(*labelled, settings=few).model
    fresh = documents([*positive[400:], *negative[400:]], 18)
    aucs = [_auc(model, fresh, len(positive) - 400) for model in (teacher, found.model)]
    assert aucs[1] > aucs[0] > 0.9


def _auc(model: Linear, some: Documents, positive: int) -> float:
    rows = np.arange(some.size)
    return auc(model.margins(some.counts, rows), rows < positive)
