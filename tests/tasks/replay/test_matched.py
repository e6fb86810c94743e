"""What of a pool is like a target: weights against plain Python, and what they leave out."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import compiled
from tasks.replay import matched, quotas
from tasks.replay.selection import Given, Settings, select
from tasks.replay.sides import tokens_by
from tests.tasks.replay.test_strata import dealt, part, real
from tests.tasks.signals.kernels import imports_numba

if TYPE_CHECKING:
    from tasks.replay.sides import Strata

SEEDS = st.integers(0, 99)


def rows(n: int, width: int, seed: int) -> tuple[Any, Any]:
    chance = np.random.default_rng(seed)
    return chance.standard_normal((n, width)), chance.random(n)


@given(st.integers(0, 6), st.integers(1, 5), SEEDS)
def test_moments_and_products_equal_the_reference(n: int, width: int, seed: int) -> None:
    points, weights = rows(n, width, seed)
    first, second = compiled.load(matched.KERNEL).moments(points, weights)
    for j in range(width):
        assert first[j] == pytest.approx(math.fsum(weights * points[:, j]), abs=1e-12)
        for k in range(width):
            product = math.fsum(weights * points[:, j] * points[:, k])
            assert second[j, k] == pytest.approx(product, abs=1e-12)
    found = compiled.load(matched.KERNEL).products(points.astype(np.float32), first)
    assert found == pytest.approx(points @ first, abs=1e-4)


@given(st.integers(3, 40), st.integers(1, 4), SEEDS)
def test_balanced_rows_have_the_mean_that_is_asked_for(n: int, width: int, seed: int) -> None:
    points, tokens = rows(n, width, seed)
    tokens += 0.1
    mean = points[: n // 2 + 1].mean(axis=0)
    slope = matched.balancing(points, tokens, mean, 1e-3)
    weights = tokens * np.exp(points @ slope - (points @ slope).max())
    left = weights @ points / weights.sum() - mean
    # What is left is the penalty's: where the function is least, its slope is nothing.
    assert left == pytest.approx(-1e-3 * slope, abs=1e-4)


def test_balancing_nothing_weighs_nothing() -> None:
    assert not matched.balancing(np.zeros((0, 2)), np.zeros(0), np.ones(2), 1.0).any()


@given(st.integers(1, 30), st.integers(1, 30), SEEDS)
def test_the_regression_equals_the_reference_at_its_least(n: int, m: int, seed: int) -> None:
    target, pool = rows(n, 3, seed)[0] + 0.5, rows(m, 3, seed + 1)[0]
    target[:, -1] = pool[:, -1] = 1.0
    slope = matched.likened(target, pool, 1e-2)
    steep = np.append(1e-2 * slope[:-1], 0.0)
    for side, sign, size in ((target, 1, n), (pool, -1, m)):
        for row in side:
            wrong = 1 / (1 + math.exp(sign * float(row @ slope)))
            steep -= sign * wrong * row / (2 * size)
    assert np.abs(steep).max() < 1e-3


@given(st.lists(st.tuples(st.floats(1e-6, 1), st.integers(1, 9)), min_size=1), st.floats(0.1, 1))
def test_as_many_tokens_are_kept_as_there_may_be(some: list[Any], share: float) -> None:
    weights, tokens = (np.array(column) for column in zip(*some, strict=True))
    most = share * float(tokens.sum())
    chances = matched.kept_with(weights, tokens, most)
    assert chances @ tokens == pytest.approx(most)
    below = chances < 1 - 1e-9
    if below.any():  # one c for all, and it is as large for those that are 1
        c = chances[below] / weights[below]
        assert c == pytest.approx(np.full(len(c), c[0]))
        assert (weights[~below] * c[0] >= 1 - 1e-6).all()


def test_all_is_kept_where_there_is_no_more() -> None:
    assert matched.kept_with(np.array([0.1, 1]), np.array([5, 5]), 10.0).tolist() == [1, 1]


@cache
def found() -> Strata:
    target, pool = map(part, dealt())
    return matched.matched(target, pool, budget=10_000, seed=1, clusters=16)


def test_foreign_text_is_hardly_kept() -> None:
    target, pool = map(part, dealt())
    foreign = real()[1][dealt()[1]] > 1
    strata = found()
    kept = strata.pool < len(strata.shares) - 1
    before = pool.tokens[foreign].sum() / pool.tokens.sum()
    after = pool.tokens[foreign & kept].sum() / pool.tokens[kept].sum()
    assert after < before / 5
    assert strata.shares[-1] == 0
    assert strata.shares.sum() == pytest.approx(1)
    shard = select(
        "surrogate",
        pool,
        Given(target, strata),
        budget=10_000,
        settings=Settings(clamp=matched.CLAMP),
    )
    assert kept[shard.chosen].all()
    assert shard.report.tokens == pytest.approx(10_000, abs=2_000)


def test_what_is_kept_does_not_depend_on_the_order_of_passages() -> None:
    of_target, of_pool = dealt()
    sides = part(of_target[::-1]), part(of_pool[::-1])
    turned = matched.matched(*sides, budget=10_000, seed=1, clusters=16)
    assert turned.pool[::-1].tolist() == found().pool.tolist()
    assert turned.shares.tolist() == found().shares.tolist()


def test_a_target_that_the_pool_has_nothing_of_is_uncovered() -> None:
    side, kinds = real()
    even = side.documents % 2 == 0
    target, pool = part(np.flatnonzero(even & (kinds == 0))), part(np.flatnonzero(kinds > 0))
    strata = matched.matched(target, pool, budget=10_000, seed=1, clusters=16)
    have = tokens_by(strata.pool, pool.tokens, len(strata.shares))
    assert quotas.quotas(strata.shares, have, 10_000).uncovered > 0.3


def test_a_target_of_one_passage_is_matched_as_well_as_may_be() -> None:
    of_target, of_pool = dealt()
    strata = matched.matched(part(of_target[:1]), part(of_pool), budget=10_000, seed=1, clusters=4)
    assert strata.shares.sum() == pytest.approx(1)
    assert (strata.pool < len(strata.shares) - 1).any()


def test_a_side_without_passages_is_refused() -> None:
    target, pool = map(part, dealt())
    for one, other in ((part([]), pool), (target, part([]))):
        with pytest.raises(ValueError, match="wanted some in target and pool"):
            matched.matched(one, other, budget=10, seed=1)


def test_importing_the_module_imports_no_compiler() -> None:
    assert not imports_numba("tasks.replay.matched")
