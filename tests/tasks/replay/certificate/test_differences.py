"""Shares on two sides beside permutations of their documents: against plain Python, and chance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.replay.certificate import differences
from tasks.replay.certificate.differences import PERMUTATIONS, compared, distances


def sides(seed: int, documents: int = 60, kinds: int = 4) -> tuple[Any, Any]:
    """Return documents of one kind each, of different lengths, dealt to two sides by chance."""
    chance = np.random.default_rng(seed)
    every = np.eye(kinds)[chance.integers(0, kinds, 2 * documents)]
    every *= chance.integers(1, 50, len(every))[:, None]
    return every[:documents], every[documents:]


def by_hand(first: Any, second: Any) -> tuple[float, float, float]:
    a = [sum(column) / first.sum() for column in first.T.tolist()]
    b = [sum(column) / second.sum() for column in second.T.tolist()]
    pairs = list(zip(a, b, strict=True))
    return (
        sum(abs(x - y) for x, y in pairs) / 2,
        sum((x - y) ** 2 / (x + y) for x, y in pairs if x + y),
        sum(y - x for x, y in pairs if x < y / 4),
    )


@given(st.integers(0, 999), st.integers(1, 8), st.integers(1, 5))
def test_distances_are_those_of_plain_python(seed: int, documents: int, kinds: int) -> None:
    first, second = sides(seed, documents, kinds)
    found = compared(first, second, seed=(seed,))
    assert (found.tv, found.chi2, found.uncovered) == pytest.approx(by_hand(first, second))
    assert 1 / (PERMUTATIONS + 1) <= found.p_tv <= 1
    left = found.tv**2 - found.tv_mean**2 - found.tv_sd**2
    assert found.corrected == pytest.approx(math.sqrt(max(0.0, left)))


@given(st.integers(0, 99))
def test_the_sides_turned_round_are_as_far_apart(seed: int) -> None:
    first, second = sides(seed)
    total = first.sum(axis=0) + second.sum(axis=0)
    one, other = (distances(side.sum(axis=0)[None], total) for side in (first, second))
    assert one[0] == pytest.approx(other[0])
    assert one[1] == pytest.approx(other[1])


def test_p_is_even_where_chance_alone_dealt_the_sides() -> None:
    found = [compared(*sides(seed), seed=(seed,)) for seed in range(250)]
    for values in ([d.p_tv for d in found], [d.p_chi2 for d in found]):
        assert np.mean(np.array(values) <= 0.05) < 0.09
        assert np.mean(values) == pytest.approx(0.5, abs=0.06)
    assert np.mean([d.tv for d in found]) == pytest.approx(
        np.mean([d.tv_mean for d in found]), rel=0.1
    )


def test_sides_of_one_text_are_not_apart() -> None:
    first, _ = sides(3)
    found = compared(first, first, seed=(1,))
    assert (found.tv, found.corrected, found.p_tv, found.p_chi2) == (0, 0, 1, 1)


def test_what_could_have_been_seen_is_seen() -> None:
    """Of sides so far apart, 19 of 20 are beyond what chance makes."""
    chance, seen = np.random.default_rng(5), []
    far = compared(*sides(0, 400, 2), seed=(0,)).could_have_seen
    for number in range(200):
        kinds = [chance.random(400) < share for share in (0.5 - far / 2, 0.5 + far / 2)]
        lengths = chance.integers(1, 50, (2, 400))
        one, other = (
            np.column_stack([own, ~own]) * size[:, None]
            for own, size in zip(kinds, lengths, strict=True)
        )
        seen.append(compared(one.astype(float), other.astype(float), seed=(number,)).p_tv <= 0.05)
    assert np.mean(seen) > 0.9


def test_a_long_document_does_not_make_another_side_of_short_ones() -> None:
    """Sides of as many tokens, one of few long documents: chance is that of both."""
    ps = []
    for seed in range(200):
        chance = np.random.default_rng(seed)
        long = np.eye(3)[chance.integers(0, 3, 40)] * 100.0
        short = np.eye(3)[chance.integers(0, 3, 800)] * 5.0
        ps.append(compared(long, short, seed=(seed,)).p_tv)
    assert np.mean(np.array(ps) <= 0.05) < 0.1


def test_sides_without_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted some on both"):
        differences.compared(np.zeros((0, 3)), np.ones((2, 3)), seed=(0,))
