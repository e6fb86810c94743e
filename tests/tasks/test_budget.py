"""Budgets: divided exactly, counted no farther than needed, drawn to within half a document."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import columns as c
from schemas.errors import BudgetError
from tasks import budget
from tasks.budget import Budget
from tests.strategies import pool, pools, shares

TARGETS = st.integers(0, 60) | st.integers(0, 3_000)
EQUAL = {"a": 0.5, "b": 0.5}


def tokens_of(drawn: pl.DataFrame, source: str | None = None) -> int:
    """Tokens drawn, of one source or of all."""
    own = drawn if source is None else drawn.filter(pl.col(c.SOURCE) == source)
    return int(own[c.TOKENS].sum())


def longest_short(frame: pl.DataFrame, share_of: dict[str, float]) -> int:
    """Tokens of the longest document that is no longer than the median of its source."""
    short = frame.filter(pl.col(c.N_BYTES) <= pl.col(c.N_BYTES).median().over(c.SOURCE))
    wanted = [source for source, share in share_of.items() if share > 0]
    return int(short.filter(pl.col(c.SOURCE).is_in(wanted))[c.TOKENS].to_numpy().max(initial=0))


# ---- largest remainders


@given(
    st.integers(0, 10**15),
    st.dictionaries(st.text(max_size=3), st.floats(0, 1), min_size=1).filter(
        lambda shares: sum(shares.values()) > 0
    ),
)
def test_hamilton_rounds_the_largest_remainders_up(total: int, share_of: dict[str, float]) -> None:
    parts = budget.hamilton(total, share_of)
    whole = sum(map(Fraction, share_of.values()))
    exact = {k: total * Fraction(v) / whole for k, v in share_of.items()}
    assert list(parts) == list(share_of)
    assert sum(parts.values()) == total
    assert all(parts[k] in {math.floor(v), math.ceil(v)} for k, v in exact.items())
    down = [v % 1 for k, v in exact.items() if parts[k] == math.floor(v)]
    up = [v % 1 for k, v in exact.items() if parts[k] > math.floor(v)]
    assert not up or max(down, default=Fraction(0)) <= min(up)


def test_hamilton_by_hand() -> None:
    assert budget.hamilton(10, {"a": 0.55, "b": 0.25, "c": 0.2}) == {"a": 6, "b": 2, "c": 2}
    assert budget.hamilton(1, {"b": 0.5, "a": 0.5}) == {"b": 0, "a": 1}
    assert budget.hamilton(7, {"a": 0.0, "b": 3.0}) == {"a": 0, "b": 7}
    assert budget.hamilton(0, {}) == {}


# ---- drawing


@settings(max_examples=100)
@given(pools(), shares(), TARGETS, st.booleans())
def test_the_total_is_within_half_a_document_of_the_target(
    frame: pl.DataFrame,
    share_of: dict[str, float],
    target: int,
    least: bool,  # noqa: FBT001
) -> None:
    drawn = budget.draw(frame, Budget(share_of, target, at_least_one=least))
    half, total = longest_short(frame, share_of) / 2, tokens_of(drawn)
    assert drawn[c.DOC_ID].is_unique().all()
    assert all(share_of.get(source, 0) > 0 for source in drawn[c.SOURCE])
    if drawn.height > 1 or not least:
        assert total - target <= half
    left = frame.join(drawn, on=c.DOC_ID, how="anti")
    left = left.filter(pl.col(c.SOURCE).is_in([s for s, share in share_of.items() if share > 0]))
    if total < target - half:  # dry: what is left is what had no room
        assert longest_short(frame, share_of) == 0 or not (left[c.TOKENS] <= half).any()
        assert left.height == 0 or int(left[c.TOKENS].to_numpy().min()) > 0
        taken_of = {source: tokens_of(drawn, source) for source in share_of}
        for source, tokens in left.select(c.SOURCE, c.TOKENS).iter_rows():
            assert tokens > min(target - total, share_of[source] * target - taken_of[source])
    if least and target > 0 and left.height:
        assert drawn.height


@settings(max_examples=60)
@given(pools(full=True), shares(), TARGETS)
def test_every_prefix_is_within_about_one_document_of_the_shares(
    frame: pl.DataFrame, share_of: dict[str, float], target: int
) -> None:
    share_of = {source: share for source, share in share_of.items() if share > 0}
    ordered = budget.in_order(frame)
    taken, seen = budget._walk(ordered, Budget(share_of, target))
    names, sizes = ordered[c.SOURCE].to_list(), ordered[c.TOKENS].to_list()
    unseen = {names[place] for place in set(range(len(names))) - set(seen)}
    dry = set(share_of) - unseen
    ends = min((max((i for i, p in enumerate(taken) if names[p] == s), default=-1) for s in dry),
               default=len(taken))  # fmt: skip
    largest = {s: max(t for n, t in zip(names, sizes, strict=True) if n == s) for s in share_of}
    held: dict[str, int] = defaultdict(int)
    for place in taken[: ends + 1]:
        held[names[place]] += sizes[place]
        total = sum(held.values())
        for source, share in share_of.items():
            others = sum(largest.values()) - largest[source]
            assert held[source] <= share * total + (1 - share) * largest[source] + 1e-6
            assert held[source] >= share * (total - others) - 1e-6


@settings(max_examples=100)
@given(pools(), shares(), TARGETS, TARGETS)
def test_a_smaller_draw_is_where_a_larger_one_begins(
    frame: pl.DataFrame, share_of: dict[str, float], one: int, other: int
) -> None:
    ordered = budget.in_order(frame)
    taken, seen = budget._walk(ordered, Budget(share_of, min(one, other)))
    more, _ = budget._walk(ordered, Budget(share_of, max(one, other)))
    skipped = [i for i, place in enumerate(seen) if place not in set(taken)]
    alike = skipped[0] if skipped else len(taken)
    assert more[:alike] == taken[:alike]


@settings(max_examples=30)
@given(pools(), shares(), TARGETS, st.integers(0, 9))
def test_the_order_of_rows_does_not_matter(
    frame: pl.DataFrame, share_of: dict[str, float], target: int, seed: int
) -> None:
    wanted = Budget(share_of, target)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=seed)
    assert budget.draw(shuffled, wanted).equals(budget.draw(frame, wanted))


def test_a_giant_at_the_head_of_a_queue_is_passed_over() -> None:
    frame = pool({"a": [1_000_000, *[10] * 200], "b": [10] * 50 + [7_000] + [10] * 150})
    drawn = budget.draw(frame, Budget(EQUAL, 2_000))
    assert tokens_of(drawn) == 2_000
    assert tokens_of(drawn, "a") == tokens_of(drawn, "b") == 1_000
    assert "a-0" in budget.draw(frame, Budget(EQUAL, 5_000_000))[c.DOC_ID]


def test_a_budget_smaller_than_any_document() -> None:
    frame = pool({"a": [1_000, 500, 500], "b": [400] * 3})
    assert budget.draw(frame, Budget(EQUAL, 1)).height == 0
    assert budget.draw(frame, Budget(EQUAL, 0, at_least_one=True)).height == 0
    assert budget.draw(frame, Budget(EQUAL, 1, at_least_one=True))[c.DOC_ID].to_list() == ["a-1"]
    assert budget.draw(frame, Budget(EQUAL, 900))[c.DOC_ID].to_list() == ["a-1", "b-0"]


def test_documents_without_tokens_and_sources_without_documents() -> None:
    frame = pool({"a": [0, 0, 5, 0, 5, 0]})
    assert tokens_of(budget.draw(frame, Budget({"a": 1.0}, 10))) == 10
    assert tokens_of(budget.draw(frame, Budget({"a": 1.0}, 99))) == 10
    assert tokens_of(budget.draw(frame, Budget(EQUAL, 10))) == 10
    assert budget.draw(frame, Budget({"b": 1.0}, 10)).height == 0
    assert budget.draw(frame.clear(), Budget(EQUAL, 10)).columns == frame.columns


def test_long_documents_are_drawn_about_as_often_as_they_occur() -> None:
    chance = np.random.default_rng(1)
    sizes = np.ceil(chance.lognormal(6, 1.2, 20_000)).astype(int)  # a heavy tail: mean 2 x median
    means = []
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(sizes)
        drawn = budget.draw(pool({"a": order.tolist()}), Budget({"a": 1.0}, 500_000))
        assert abs(tokens_of(drawn) - 500_000) <= np.median(sizes) / 2
        means.append(tokens_of(drawn) / drawn.height)
    assert np.mean(means) == pytest.approx(sizes.mean(), rel=0.03)


# ---- counting


def counted(frame: pl.DataFrame, wanted: Budget) -> tuple[pl.DataFrame, int]:
    """Count as the steps do, from a frame that knows; return what is counted and the rounds."""
    known = frame.with_columns(pl.lit(None, pl.Int64).alias(c.TOKENS))
    rounds = 0
    while (rows := budget.to_count(known, wanted)).height:
        assert rows[c.TOKENS].null_count() == rows.height
        assert rows[c.DOC_ID].is_unique().all()
        told = frame.join(rows.select(c.DOC_ID), on=c.DOC_ID, how="semi")
        known = known.update(told.select(c.DOC_ID, c.TOKENS), on=c.DOC_ID)
        rounds += 1
    return known, rounds


@settings(max_examples=100)
@given(pools(), shares(), TARGETS, st.booleans(), st.sampled_from([1, 4, 9]))
def test_what_is_counted_suffices(
    frame: pl.DataFrame,
    share_of: dict[str, float],
    target: int,
    least: bool,  # noqa: FBT001
    density: int,
) -> None:
    frame = frame.with_columns(pl.col(c.TOKENS) * density + pl.col(budget.PRIORITY) % 3)
    wanted = Budget(share_of, target, at_least_one=least)
    known, _ = counted(frame, wanted)
    assert budget.draw(known, wanted).equals(budget.draw(frame, wanted))


@pytest.mark.parametrize("bytes_per_token", [1, 3, 12])
def test_little_more_is_counted_than_drawn(bytes_per_token: int) -> None:
    chance = np.random.default_rng(2)
    sizes = {s: np.ceil(chance.lognormal(6, 1, 5_000)).astype(int).tolist() for s in "ab"}
    frame = pool(sizes, bytes_per_token=bytes_per_token)
    wanted = Budget({"a": 0.9, "b": 0.1}, 1_000_000)
    known, rounds = counted(frame, wanted)
    assert tokens_of(known) <= 1.15 * tokens_of(budget.draw(known, wanted))
    assert rounds <= 4


def test_without_a_limit_everything_is_counted_at_once() -> None:
    frame = pool({"a": [5, 6], "b": [7]})
    known, rounds = counted(frame, Budget({"a": 1.0, "b": 0.0}, math.inf))
    assert known[c.TOKENS].to_list() == [5, 6, None]
    assert rounds == 1


# ---- budgets that do not fit


@settings(max_examples=100)
@given(pools(), shares(), st.integers(1, 30_000))
def test_what_is_said_to_fit_fits(
    frame: pl.DataFrame, share_of: dict[str, float], target: int
) -> None:
    known, _ = counted(frame, Budget(share_of, target))
    open_ = set(known.filter(pl.col(c.TOKENS).is_null())[c.SOURCE])
    parts = budget.hamilton(target, share_of)
    if all(s in open_ or tokens_of(frame, s) >= n for s, n in parts.items()):
        budget.check(known, Budget(share_of, target), where="here")
        return
    with pytest.raises(BudgetError) as raised:
        budget.check(known, Budget(share_of, target), where="here")
    found = re.search(r"With these shares ([\d,]+) replay tokens would fit", str(raised.value))
    assert found
    fits = int(found[1].replace(",", ""))
    assert fits < target
    budget.check(frame, Budget(share_of, fits), where="here")
    far = fits + math.ceil(2 / min(share for share in share_of.values() if share > 0))
    with pytest.raises(BudgetError):  # it is about the most that fits
        budget.check(frame, Budget(share_of, far), where="here")


def test_a_budget_that_does_not_fit_names_the_source() -> None:
    frame = pool({"a": [100] * 10, "b": [100]})
    with pytest.raises(BudgetError) as raised:
        budget.check(frame, Budget({"a": 0.75, "b": 0.25}, 1_000), where="replay.shares")
    assert str(raised.value) == (
        "replay.shares: got 100 tokens in source 'b' after dedup and selection, wanted 250 "
        "(25.0% of 1,000). With these shares 400 replay tokens would fit: lower the replay share "
        "or target, give 'b' a smaller share, or add documents to it."
    )


# ---- interleaving


SIZES = st.lists(st.integers(0, 100) | st.integers(1_000, 50_000), max_size=40)


@given(SIZES, SIZES, st.none() | st.floats(0, 1))
def test_interleaved_prefixes_keep_the_share(
    replay: list[int], new: list[int], share: float | None
) -> None:
    real = sum(replay) / max(1, sum(replay) + sum(new))
    order = budget.interleave(replay, new, real if share is None else share)
    assert sum(order) == len(replay)
    assert len(order) == len(replay) + len(new)
    r = real if share is None else share
    old = fresh = 0
    queues = (iter(new), iter(replay))
    left = [len(new), len(replay)]
    for is_replay in order.tolist():
        side = int(is_replay)
        size = next(queues[side])
        left[side] -= 1
        old, fresh = old + size * side, fresh + size * (1 - side)
        excess = old - r * (old + fresh)
        assert excess <= (1 - r) * max(replay, default=0) + 1e-6
        assert excess >= -r * max(new, default=0) - 1e-6
        if share is not None and 0 in left:
            break  # one side has ended; nothing can keep the share


def test_interleaving_by_hand() -> None:
    def shown(replay: list[int], new: list[int], share: float) -> str:
        return "".join("R" if old else "n" for old in budget.interleave(replay, new, share))

    assert shown([10] * 2, [10] * 6, 0.25) == "nRnnnRnn"
    assert shown([], [1, 1], 0.0) == "nn"
    assert shown([1, 1], [], 1.0) == "RR"
    assert shown([1, 1], [1, 1], 0.0) == "nnRR"
    assert shown([1, 1], [5, 5], 0.999999) == "nRRn"
    assert shown([], [], 0.5) == ""
