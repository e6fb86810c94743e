"""Passages for a budget: the kernel against plain Python, quotas, and what always holds."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import BudgetError
from tasks.replay import order, packed, selection
from tasks.replay.quotas import Quotas, quotas
from tasks.replay.selection import ARMS, BINS, Given, Rates, Selection, Settings, select
from tasks.replay.sides import Side, Strata, effective
from tasks.shingles import FACTOR, LOW_64, mixed
from tests.corpora import WORDS
from tests.tasks.signals.kernels import imports_numba

if TYPE_CHECKING:
    from collections.abc import Sequence

SEEDS = st.integers(0, 9)


def side(texts: Sequence[str], first: int = 0) -> Side:
    """Return a passage for each text, two of a document; tokens are its words."""
    n = len(texts)
    keys = np.array([[mixed(first + i), i] for i in range(n)], np.uint64).reshape(-1, 2)
    tokens = np.array([len(text.split()) for text in texts], np.int64)
    counts = packed.of(pa.array(list(texts), pa.large_string()))
    return Side(counts, keys, (np.arange(n) + first) // 2, tokens)


def texts_of(chance: random.Random, n: int, least: int = 0) -> list[str]:
    return [
        " ".join(chance.choice(WORDS[: 4 + i % 20]) for _ in range(chance.randint(least, 12)))
        for i in range(n)
    ]


def shuffled(pool: Side, strata: Strata, chance: random.Random) -> tuple[Side, Strata, Any]:
    places = np.array(chance.sample(range(pool.size), pool.size), np.int64)
    texts = [
        pool.counts.body[a:b]
        for a, b in zip(pool.counts.firsts, pool.counts.firsts[1:], strict=False)
    ]
    some = [texts[i] for i in places]
    firsts = np.cumsum([0, *map(len, some)])
    counts = packed.Packed(firsts, np.concatenate([*some, np.zeros(0, np.uint8)]))
    moved = Side(counts, pool.keys[places], pool.documents[places], pool.tokens[places])
    return moved, strata._replace(pool=strata.pool[places]), places


@st.composite
def cases(draw: st.DrawFn) -> tuple[Side, Side, Strata, random.Random]:
    chance = draw(st.randoms(use_true_random=False))
    n, strata = draw(st.integers(1, 25)), draw(st.integers(1, 4))
    pool, target = side(texts_of(chance, n)), side(texts_of(chance, 6, least=1), 100)
    shares = np.array([0.1, *(chance.random() for _ in range(strata - 1))])
    owners = np.array([chance.randrange(strata) for _ in range(n)], np.int64)
    own = np.array([chance.randrange(strata) for _ in range(6)], np.int64)
    return pool, target, Strata(owners, shares / shares.sum(), own), chance


def rates_of(strata: Strata) -> Rates:
    """Return rates from 0.5 to 2.5, and 0 where a stratum has no share."""
    return Rates(strata.pool, np.linspace(0.5, 2.5, len(strata.shares)) * (strata.shares > 0))


def drawn(
    arm: str, pool: Side, target: Side, strata: Strata, *, budget: int, **more: Any
) -> Selection:
    given = Given(target, strata, pool, rates_of(strata))
    return select(arm, pool, given, budget=budget, settings=Settings(**more))


# The reference: one passage after the other, with dictionaries.


def plainly(
    pool: Side, target: Side, strata: Strata, held: Quotas, *, budget: int, seed: int, tries: int
) -> list[int]:
    rows = [packed.row(pool.counts, i) for i in range(pool.size)]
    wanted, pooled = (_frequencies(s) for s in (target, pool))
    have = {b: 1_000.0 * (wanted.get(b, 0.0) + pooled[b]) / 2 for b in pooled}
    total, number = 1_000.0, 0
    limits = selection.bins(target).tolist()
    lengths = [sum(t > limit for limit in limits) for t in pool.tokens.tolist()]
    cells: list[list[int]] = [[] for _ in range(BINS * len(held.tokens))]
    for i in sorted(range(pool.size), key=lambda i: tuple(pool.keys[i].tolist())):
        cells[int(strata.pool[i]) * BINS + lengths[i]].append(i)
    taken = [0] * len(held.tokens)
    chosen: list[int] = []

    def chance() -> float:
        nonlocal number
        value = mixed(order.salt(seed, order.DRAW) + number * FACTOR & LOW_64)
        number += 1
        return (value >> 11) / 2**53

    while True:
        groups = [cells[s * BINS : (s + 1) * BINS] for s in range(len(taken))]
        stratum = _stratum(held.tokens.tolist(), taken, groups, chance())
        if stratum < 0:
            return chosen
        at = int(chance() * sum(map(len, groups[stratum])))
        cell = next(c for c in groups[stratum] if at < len(c) or (at := at - len(c)) < 0)
        cell[0], cell[at] = cell[at], cell[0]
        for k in range(1, min(tries, len(cell))):
            other = k + int(chance() * (len(cell) - k))
            cell[k], cell[other] = cell[other], cell[k]
        gains = [_gain(rows[i], wanted, have, total) for i in cell[: min(tries, len(cell))]]
        best = gains.index(max(gains))
        row = cell[best]
        tokens = int(pool.tokens[row])
        if 2 * sum(taken) + tokens >= 2 * budget:
            return chosen
        cell[best] = cell[-1]
        cell.pop()
        chosen.append(row)
        taken[stratum] += tokens
        for bucket, count in rows[row].items():
            have[bucket] += count
            total += count


def _stratum(quota: list[float], taken: list[int], groups: list[Any], drawn: float) -> int:
    some = [any(group) for group in groups]
    weights = [max(0.0, q - t) * left for q, t, left in zip(quota, taken, some, strict=True)]
    if not any(weights):
        weights = [q * left for q, left in zip(quota, some, strict=True)]
    rest, found = drawn * sum(weights), -1
    for s, weight in enumerate(weights):
        found = s if weight > 0 else found
        if weight > 0 and rest < weight:
            break
        rest -= weight
    return found


def _frequencies(one: Side) -> dict[int, float]:
    found: dict[int, int] = {}
    for i in range(one.size):
        for bucket, count in packed.row(one.counts, i).items():
            found[bucket] = found.get(bucket, 0) + count
    return {bucket: count / sum(found.values()) for bucket, count in found.items()}


def _gain(
    row: dict[int, int], wanted: dict[int, float], have: dict[int, float], total: float
) -> float:
    size = sum(row.values())
    if not size:
        return -math.inf
    parts = (wanted.get(b, 0.0) * math.log((have[b] + n) / have[b]) for b, n in row.items())
    return (sum(parts) - math.log((total + size) / total)) / size


@settings(max_examples=60)
@given(cases(), st.integers(1, 120), SEEDS, st.integers(2, 5))
def test_surrogate_equals_the_reference(case: Any, budget: int, seed: int, tries: int) -> None:
    pool, target, strata, _ = case
    have = np.bincount(strata.pool, pool.tokens, len(strata.shares)).astype(float)
    held = quotas(strata.shares, have, budget)
    if not held.tokens.any():
        return
    found = drawn("surrogate", pool, target, strata, budget=budget, seed=seed, tries=tries)
    wanted = plainly(pool, target, strata, held, budget=budget, seed=seed, tries=tries)
    assert found.chosen.tolist() == wanted


@given(cases(), st.integers(1, 120), SEEDS, st.sampled_from(ARMS))
def test_what_every_arm_holds_to(case: Any, budget: int, seed: int, arm: str) -> None:
    pool, target, strata, chance = case
    try:
        found = drawn(arm, pool, target, strata, budget=budget, seed=seed)
    except BudgetError:
        few = arm == "original" and rates_of(strata).rates[strata.pool].max() < 1
        assert few or not pool.tokens[strata.shares[strata.pool] > 0].any()
        return
    chosen, report = found.chosen.tolist(), found.report
    assert len(chosen) == report.passages
    most = np.ceil(rates_of(strata).rates)[strata.pool] if arm == "original" else [1] * pool.size
    assert all(chosen.count(i) <= most[i] for i in set(chosen))
    assert report.tokens == pool.tokens[chosen].sum()
    largest = int(pool.tokens.max())
    assert report.tokens <= budget + largest / 2
    assert report.tokens + report.short >= budget - largest / 2
    if report.short:
        assert len(chosen) == pool.size or arm in {"shares", "surrogate", "original"}
    # Whatever order the passages come in.
    moved, other, places = shuffled(pool, strata, chance)
    again = drawn(arm, moved, target, other, budget=budget, seed=seed)
    assert places[again.chosen].tolist() == chosen
    assert again.report.n_eff == pytest.approx(report.n_eff)


def test_dsir_is_as_published() -> None:
    """The logarithms of weights by hand, and the largest with noise."""
    chance = random.Random(3)
    pool, target = side(texts_of(chance, 30)), side(texts_of(chance, 9, least=1), 100)
    p, q = (_frequencies(s) for s in (target, pool))
    noise = -np.log(-np.log(order.chances(pool.keys, seed=5, use=order.NOISE)))
    scores = []
    for i in range(pool.size):
        row = packed.row(pool.counts, i).items()
        logs = (n * math.log((p.get(b, 0) + 1e-8) / (q[b] + 1e-8)) for b, n in row)
        scores.append(sum(logs) + noise[i])
    found = select("dsir", pool, Given(target), budget=40, settings=Settings(seed=5))
    assert found.chosen.tolist() == np.argsort(scores)[::-1][: len(found.chosen)].tolist()
    assert found.report.uncovered is None
    assert found.report.cells is None


def test_self_draws_what_the_model_wrote_and_nothing_of_the_pool() -> None:
    chance = random.Random(7)
    pool, own = side(texts_of(chance, 30)), side(texts_of(chance, 20, least=1), 500)
    strata = Strata(np.zeros(30, np.int64), np.ones(1))
    found = select("self", pool, Given(strata=strata, generations=own), budget=60)
    wanted = select("random", own, budget=60)
    assert found.chosen.tolist() == wanted.chosen.tolist()
    assert found.report.tokens == own.tokens[found.chosen].sum()
    assert found.report.achieved is None
    every = select("self", pool, Given(generations=own), budget=10_000)
    assert len(every.chosen) == 20
    assert every.report.short == 10_000 - own.tokens.sum()


def test_original_takes_each_source_at_its_rate() -> None:
    """A rate of 2.25: twice each, and a quarter of them once more."""
    chance = random.Random(8)
    pool = side([" ".join(chance.choices(WORDS, k=10)) for _ in range(4_000)])
    sources = np.arange(4_000) % 4
    rates = Rates(sources, np.array([0.5, 1.0, 2.25, 0.0]))
    every = select("original", pool, Given(rates=rates), budget=10**6)
    often = np.bincount(every.chosen, minlength=4_000)
    assert set(often[sources == 0].tolist()) == {0, 1}
    assert often[sources == 0].mean() == pytest.approx(0.5, abs=0.05)
    assert (often[sources == 1] == 1).all()
    assert set(often[sources == 2].tolist()) == {2, 3}
    assert often[sources == 2].mean() == pytest.approx(2.25, abs=0.05)
    assert not often[sources == 3].any()
    assert every.report.short == 10**6 - 10 * int(often.sum())
    # A part of it has the sources in the same proportions, in an order without runs.
    part = select("original", pool, Given(rates=rates), budget=10_000).chosen
    assert part.tolist() == every.chosen[:1_000].tolist()
    shares = np.bincount(sources[part], minlength=4) / len(part)
    assert shares == pytest.approx(np.array([0.5, 1, 2.25, 0]) / 3.75, abs=0.05)


def test_original_is_seeded() -> None:
    pool = side(texts_of(random.Random(9), 200, least=1))
    rates = Rates(np.zeros(200, np.int64), np.array([0.5]))
    some = [
        select("original", pool, Given(rates=rates), budget=300, settings=Settings(seed=s)).chosen
        for s in (1, 1, 2)
    ]
    assert some[0].tolist() == some[1].tolist() != some[2].tolist()


def test_arms_that_lack_what_they_go_by_say_so() -> None:
    pool = side(texts_of(random.Random(3), 9, least=1))
    with pytest.raises(ValueError, match="'self': wanted generations"):
        select("self", pool, budget=5)
    with pytest.raises(ValueError, match="source of each of 9 passages"):
        select("original", pool, budget=5)
    none = Rates(np.zeros(9, np.int64), np.array([0.0]))
    with pytest.raises(BudgetError, match="sources that have a rate"):
        select("original", pool, Given(rates=none), budget=5)
    with pytest.raises(ValueError, match="0 or more"):
        select("original", pool, Given(rates=none._replace(rates=np.array([np.nan]))), budget=5)
    empty = side([])
    with pytest.raises(BudgetError, match="a pool without passages"):
        select("self", pool, Given(generations=empty), budget=5)


def test_gumbel_noise_is_gumbel() -> None:
    keys = np.array([[mixed(i), i] for i in range(20_000)], np.uint64)
    noise = -np.log(-np.log(order.chances(keys, seed=1, use=order.NOISE)))
    assert noise.mean() == pytest.approx(0.5772, abs=0.03)
    assert noise.std() == pytest.approx(math.pi / math.sqrt(6), abs=0.03)


def test_shares_are_met_and_what_has_none_is_left() -> None:
    chance = random.Random(1)
    pool = side([" ".join(chance.choices(WORDS, k=10)) for _ in range(900)])
    strata = Strata(np.arange(900) % 3, np.array([0.75, 0.25, 0.0]))
    found = select("shares", pool, Given(strata=strata), budget=1_000)
    assert found.report.tokens == 1_000
    assert found.report.achieved == pytest.approx([0.75, 0.25, 0], abs=0.011)
    assert found.report.uncovered == pytest.approx(0)
    assert found.report.n_eff == pytest.approx(
        effective(pool.documents[found.chosen], pool.tokens[found.chosen])
    )


def test_the_surrogate_is_nearer_to_the_target_than_chance_within_the_same_strata() -> None:
    chance = random.Random(2)
    weights = [1 / (i + 1) for i in range(len(WORDS))]

    def texts(n: int) -> list[str]:
        kinds = [
            chance.sample(weights, len(weights)) if chance.random() < 0.7 else weights
            for _ in range(n)
        ]
        return [" ".join(chance.choices(WORDS, kind, k=40)) for kind in kinds]

    target, pool = (
        side([" ".join(chance.choices(WORDS, weights, k=40)) for _ in range(200)], 10_000),
        side(texts(1_500)),
    )
    strata = Strata(np.zeros(pool.size, np.int64), np.ones(1), np.zeros(target.size, np.int64))
    wanted = selection.frequencies(target)
    apart = []
    for arm in ("shares", "surrogate"):
        chosen = drawn(arm, pool, target, strata, budget=4_000).chosen
        own = packed.sums(pool.counts, chosen)
        apart.append(np.abs(own / own.sum() - wanted).sum())
    assert apart[1] < 0.8 * apart[0]


def test_cells_are_told_as_asked_and_as_achieved() -> None:
    chance = random.Random(4)
    texts = [" ".join(chance.choices(WORDS, k=chance.randint(1, 50))) for _ in range(1_200)]
    target, pool = side(texts[:200], 5_000), side(texts[200:])
    strata = Strata(
        np.arange(1_000) % 2, np.array([0.6, 0.4]), (np.arange(200) % 5 > 2).astype(np.int64)
    )
    report = drawn("surrogate", pool, target, strata, budget=3_000).report
    assert report.cells is not None
    assert report.cells_target is not None
    assert report.cells.shape == report.cells_target.shape == (2, BINS)
    assert report.cells.sum() == pytest.approx(1)
    assert report.cells.sum(axis=1) == pytest.approx(report.achieved)
    assert report.achieved == pytest.approx([0.6, 0.4], abs=0.02)
    assert report.cells_target.sum(axis=0) == pytest.approx([0.04, 0.12, 0.2, 0.28, 0.36], abs=0.07)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 500)), min_size=1), st.integers(1, 900))
def test_quotas(some: list[tuple[float, int]], budget: int) -> None:
    shares = np.array([share if share > 1e-6 else 0.0 for share, _ in some])
    shares /= max(1.0, shares.sum())
    have = np.array([tokens for _, tokens in some], float)
    found = quotas(shares, have, budget)
    usable = have[shares > 0].sum()
    assert found.tokens.sum() == pytest.approx(min(budget, usable), abs=1e-6)
    assert (found.tokens <= found.clamp * have + 1e-6).all()
    assert not found.tokens[shares == 0].any()
    assert found.clamp == pytest.approx(max(0.3, min(1, budget / usable)) if usable else 0.3)
    free = (shares > 0) & (found.tokens < found.clamp * have - 1e-6)
    if free.any():
        rates = found.tokens[free] / shares[free]
        assert rates == pytest.approx(rates[0])
    covered = np.minimum(shares, found.tokens / budget).sum()
    assert found.uncovered == pytest.approx(1 - covered)


def test_quotas_by_hand() -> None:
    found = quotas(np.array([0.5, 0.3, 0.2]), np.array([100.0, 1_000, 1_000]), 100)
    assert found.tokens == pytest.approx([30, 42, 28])
    assert found.uncovered == pytest.approx(0.2)
    none = quotas(np.array([0.5, 0.3]), np.array([0.0, 1_000]), 100)
    assert none.tokens == pytest.approx([0, 100])
    assert none.uncovered == pytest.approx(0.7), "a fifth is in no stratum, half is not in the pool"
    with pytest.raises(ValueError, match="up to 1"):
        quotas(np.array([0.9, 0.3]), np.array([1.0, 1.0]), 10)


def test_a_pool_that_is_too_small_is_told() -> None:
    pool, target = side(["a b c", "d e f", "g h"]), side(["a b"], 10)
    strata = Strata(np.array([0, 1, 2]), np.array([0.5, 0.5, 0.0]), np.array([0]))
    for arm, tokens in (("random", 8), ("dsir", 8), ("shares", 6), ("surrogate", 6)):
        report = drawn(arm, pool, target, strata, budget=100).report
        assert (report.tokens, report.short) == (tokens, 100 - tokens), arm
    nothing = Strata(np.array([2, 2, 2]), np.array([0.5, 0.5, 0.0]), np.array([0]))
    with pytest.raises(BudgetError, match="nothing of the strata"):
        drawn("surrogate", pool, target, nothing, budget=5)
    with pytest.raises(BudgetError, match="without passages"):
        drawn("random", side([]), target, nothing, budget=5)


def test_what_an_arm_lacks_is_named() -> None:
    pool = side(["a b c"])
    strata = Strata(np.array([0]), np.array([1.0]))
    for arm, lacking, match in (
        ("best", Given(), "wanted one of random, shares"),
        ("dsir", Given(), "wanted a target"),
        ("surrogate", Given(strata=strata), "wanted a target"),
        ("shares", Given(), "a stratum for each of 1 passages"),
        ("surrogate", Given(side([]), strata), "without passages"),
    ):
        with pytest.raises(ValueError, match=match):
            select(arm, pool, lacking, budget=3)
    with pytest.raises(ValueError, match="1 or more"):
        select("random", pool, budget=0)
    with pytest.raises(ValueError, match="as many"):
        select("random", pool._replace(tokens=np.array([1, 2])), budget=1)


def test_effective_documents() -> None:
    assert effective(np.array([5, 5, 9]), np.array([1, 1, 2])) == 2
    assert effective(np.array([5, 6, 9]), np.array([1, 1, 2])) == pytest.approx(16 / 6)
    assert effective(np.zeros(0, np.int64), np.zeros(0, np.int64)) == 0


def test_importing_the_package_imports_no_compiler() -> None:
    assert not imports_numba("tasks.replay.selection")
