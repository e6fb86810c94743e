"""Tokenizers trained on known mixtures, and what may be said by their answers."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.errors import ConfigError
from tasks import tokens
from tasks.replay.merges import formats, inference, self_test, splitting, words
from tasks.replay.merges.lists import MergeList, Parts, numbered
from tasks.replay.merges.self_test import Plan, SelfTest
from tasks.replay.merges.splitting import Lines
from tasks.replay.merges.verdict import Standing, verdict
from tests.real_data import real_texts

FILES = {"science": 1_500, "code": 150, "docs": 150, "news": 1_500}
PLAN = Plan(seed=3, tokenizers=2, steps=100, n_bytes=700_000)


def dealt(part: int) -> dict[str, list[str]]:
    return {
        name: real_texts(f"dolma/documents/{name}/part-00000.jsonl.gz", limit)[part::3]
        for name, limit in FILES.items()
    }


def trained(texts: dict[str, list[str]]) -> MergeList:
    every = [text for some in texts.values() for text in some]
    return formats.read(tokens.train(every, vocab_size=257 + PLAN.steps), where="trained")


def found_and(fit: float, fits: list[float]) -> tuple[inference.Inferred, SelfTest]:
    """An answer, and a self-test whose answers are off by 1, 2, 3, ... points."""
    shares = np.array([0.7, 0.3, 0.0])
    names = ("a", "b", "c")
    found = inference.Inferred(names, shares, shares, shares, fit, 300, 0, 900)
    known = np.full((len(fits), 3), 1 / 3)
    off = np.arange(1, len(fits) + 1)[:, None] / 100 * np.array([1, 1, -2])
    return found, SelfTest(names, known, known + off, known, known, np.array(fits))


def test_answers_are_far_better_than_even_shares_and_come_again() -> None:
    merges = trained(dealt(2))
    table = words.table(dealt(0), merges.splitting)
    test = self_test.run(table, dealt(1), merges, PLAN)
    assert test.error < test.of_even / 2
    np.testing.assert_allclose(test.known.sum(axis=1), 1)
    assert (test.known > 0).sum(axis=1).min() >= 3
    again = self_test.run(table, dealt(1), merges, PLAN._replace(tokenizers=1))
    assert np.array_equal(again.shares[0], test.shares[0])


def test_training_on_split_documents_is_training_on_the_documents() -> None:
    texts = dealt(1)
    merges = trained(texts)
    pools = [self_test.pool(own, merges) for own in texts.values()]
    every = [document for own in pools for document in own.documents]
    same = self_test.trained(every, merges, steps=PLAN.steps)
    assert same.merges.tolist() == merges.merges.tolist()


def test_lines_of_sentencepiece_train_what_it_could_have_joined() -> None:
    how = splitting.of_lines(Lines(squeezes=False, only_spaces=True, single_digits=True))
    first = list("▁adefginrst")
    merges = numbered("made", how, Parts(first, [("▁", "▁")], []), where="made")
    own = self_test.pool(["    singe der saenger 12\n" * 30, "der    ringer\n" * 20], merges)
    made = self_test.trained(own.documents, merges, steps=40)
    joined = [made.pair(i) for i in range(len(made.merges))]
    assert ("▁", "▁") in joined
    assert all(how.allows(*pair) for pair in joined)
    assert own.n_bytes.tolist() == [25 * 30, 14 * 20]


def test_mixtures_are_of_some_sources_at_any_shares() -> None:
    pools = [self_test.Pool(("x",) * 200, np.full(200, 1_000))] * 5
    rng = np.random.default_rng(1)
    plan = Plan(n_bytes=150_000)
    shares = np.array([self_test.mixture(pools, rng, plan)[1] for _ in range(100)])
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(shares.mean(axis=0), np.full(5, 0.2), atol=0.07)
    assert shares.max() > 0.6
    assert (shares > 0).sum(axis=1).min() >= 3


def test_mixtures_around_an_answer_are_half_of_it() -> None:
    pools = [self_test.Pool(("x",) * 200, np.full(200, 1_000))] * 5
    rng = np.random.default_rng(1)
    plan = Plan(n_bytes=150_000, around=np.array([0.8, 0.2, 0, 0, 0]))
    shares = np.array([self_test.mixture(pools, rng, plan)[1] for _ in range(50)])
    assert shares[:, 0].min() >= 0.39
    np.testing.assert_allclose(shares.mean(axis=0), [0.5, 0.2, 0.1, 0.1, 0.1], atol=0.05)


def test_small_sources_are_taken_again_but_not_without_end() -> None:
    pools = [self_test.Pool(("x",), np.array([1_000]))] * 4
    documents, shares = self_test.mixture(pools, np.random.default_rng(0), Plan(n_bytes=10**9))
    assert 0 < len(documents) <= 4 * self_test.AGAIN
    assert shares.sum() == pytest.approx(1)


def test_documents_longer_than_a_mixture_still_make_one() -> None:
    pools = [self_test.Pool(("x",), np.array([1_000_000]))] * 4
    documents, _ = self_test.mixture(pools, np.random.default_rng(0), Plan(n_bytes=100))
    assert documents


def test_widths_are_those_of_the_widest_of_nine() -> None:
    _, test = found_and(0.1, [0.1] * 9)
    np.testing.assert_allclose(test.widths(0.9), [0.09, 0.09, 0.18])
    np.testing.assert_allclose(test.widths(0.5), [0.05, 0.05, 0.10])


def test_within_the_fit_of_the_self_test_there_are_shares_with_intervals() -> None:
    said = verdict(*found_and(0.2, [0.1] * 8 + [0.2]))
    assert (said.standing, said.nearest) == (Standing.WITHIN, ("a", "b"))
    assert said.low is not None
    assert said.high is not None
    np.testing.assert_allclose(said.low, [0.61, 0.21, 0])
    np.testing.assert_allclose(said.high, [0.79, 0.39, 0.18])
    assert "Nearest among your candidates: a, b." in said.says


def test_beyond_it_there_is_a_warning() -> None:
    said = verdict(*found_and(0.3, [0.1] * 8 + [0.2]))
    assert said.standing is Standing.BEYOND
    assert said.shares is not None
    assert (said.low, said.high) == (None, None)
    assert "may be missing" in said.says


def test_far_from_it_there_are_no_shares() -> None:
    said = verdict(*found_and(0.5, [0.1] * 8 + [0.2]))
    assert (said.standing, said.shares, said.low, said.high) == (Standing.FAR, None, None, None)
    assert said.nearest == ("a", "b")
    assert "no shares are given" in said.says


def test_without_a_self_test_there_are_no_shares() -> None:
    found, _ = found_and(0.1, [0.1])
    said = verdict(found, None)
    assert (said.standing, said.shares, said.worst_known) == (Standing.UNTESTED, None, None)


def test_a_source_without_other_documents_is_refused() -> None:
    merges = numbered(
        "made", splitting.Splitting("made"), Parts(["a", "b"], [("a", "b")], []), where="made"
    )
    nothing = np.zeros(2, np.int64)
    table = words.Table(("x", "y"), (), np.zeros((0, 2), np.int64), nothing, nothing, nothing)
    with pytest.raises(ConfigError, match="source y: got no documents beside"):
        self_test.run(table, {"x": ["ab"]}, merges, PLAN)
