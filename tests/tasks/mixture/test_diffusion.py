"""The interleave of rows: every window, every prefix, every schedule, against plain fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import BudgetError, ConfigError
from tasks.mixture import diffusion

if TYPE_CHECKING:
    import random

SHARES = st.fractions(0, 1, max_denominator=60) | st.floats(0, 1).map(Fraction)
"""What a recipe may ask for: fractions, and numbers that are not quite the one written."""
ROWS = st.integers(0, 120)


@st.composite
def schedules(draw: st.DrawFn) -> diffusion.Schedule:
    rows, a, b = draw(ROWS), draw(SHARES), draw(SHARES)
    part = draw(st.fractions(0, 1, max_denominator=10))
    return draw(
        st.sampled_from(
            [
                diffusion.constant(rows, a),
                diffusion.ramp(rows, a, b),
                diffusion.anneal(rows, a, b, part=part),
                diffusion.heavy_start(rows, a, b, part=part),
                diffusion.decay(rows, a, b, steps=1 + rows % 5),
            ]
        )
    )


def row_shares(schedule: diffusion.Schedule) -> list[Fraction]:
    """Share of each row: that of its middle."""
    return [
        s.first + (s.last - s.first) * Fraction(2 * row + 1, 2 * s.rows)
        for s in schedule
        for row in range(s.rows)
    ]


@given(SHARES, ROWS)
def test_a_row_is_replay_where_the_sum_passes_a_whole_number(r: Fraction, rows: int) -> None:
    found = diffusion.is_replay(diffusion.constant(rows, r)).tolist()
    assert found == [math.floor((i + 1) * r) > math.floor(i * r) for i in range(rows)]


@given(schedules())
def test_every_window_is_within_one_row_of_its_shares(schedule: diffusion.Schedule) -> None:
    wanted = list(accumulate(row_shares(schedule), initial=Fraction(0)))
    is_replay = diffusion.is_replay(schedule).tolist()
    had = list(accumulate(is_replay, initial=0))
    assert had == [math.floor(total) for total in wanted]
    for end in range(len(had)):
        for start in range(end):
            assert abs(had[end] - had[start] - (wanted[end] - wanted[start])) < 1


@given(schedules(), st.data())
def test_any_stretch_of_rows_can_be_had_alone(
    schedule: diffusion.Schedule, data: st.DataObject
) -> None:
    every = diffusion.is_replay(schedule)
    start = data.draw(st.integers(0, len(every)))
    stop = data.draw(st.integers(start, len(every)))
    assert (diffusion.is_replay(schedule, start, stop) == every[start:stop]).all()


def test_far_into_a_long_mixture() -> None:
    r, far = Fraction(0.05), 10**12  # not a twentieth: a fraction below which stands 2^56
    found = diffusion.is_replay(diffusion.constant(2 * far, r), far, far + 1000)
    rows = range(far, far + 1000)
    assert found.tolist() == [math.floor((i + 1) * r) > math.floor(i * r) for i in rows]


def test_a_share_is_what_was_written() -> None:
    assert diffusion.written(0.05) == Fraction(1, 20)
    assert diffusion.written(1) == 1
    assert diffusion.written(1e-9) == Fraction(1, 10**9)


def test_schedules_by_hand() -> None:
    def halves(schedule: diffusion.Schedule) -> list[int]:
        is_replay = diffusion.is_replay(schedule)
        return [int(is_replay[:500].sum()), int(is_replay[500:].sum())]

    half, tenth = Fraction(1, 2), Fraction(1, 10)
    assert halves(diffusion.constant(1000, tenth)) == [50, 50]
    assert halves(diffusion.ramp(1000, Fraction(0), half)) == [62, 188]
    assert halves(diffusion.anneal(1000, tenth, half, part=half)) == [50, 150]
    assert halves(diffusion.heavy_start(1000, half, tenth, part=half)) == [250, 50]
    assert halves(diffusion.decay(1000, half, tenth, steps=2)) == [250, 25]
    assert not diffusion.is_replay(diffusion.constant(9, Fraction(0))).any()
    assert diffusion.is_replay(diffusion.constant(9, Fraction(1))).all()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=6))
def test_strata_keep_their_shares_in_every_prefix(counts: list[int]) -> None:
    order = diffusion.strata(counts).tolist()
    total, n = sum(counts), sum(count > 0 for count in counts)
    bound = 0 if n < 2 else 1 - Fraction(1, 2 * n - 2)
    assert [order.count(s) for s in range(len(counts))] == counts
    for stratum, count in enumerate(counts):
        had = 0
        for row, own in enumerate(order, start=1):
            had += own == stratum
            assert abs(had - Fraction(row * count, total)) <= bound


@given(st.integers(0, 60), st.integers(0, 60))
def test_windows_of_two_strata_are_within_one_row(first: int, second: int) -> None:
    had = [0, *accumulate(1 - s for s in diffusion.strata([first, second]).tolist())]
    for end in range(len(had)):
        for start in range(end):
            share = Fraction((end - start) * first, first + second)
            assert abs(had[end] - had[start] - share) <= 1


def test_no_order_keeps_every_window_of_three_strata_to_one_row() -> None:
    """Why only prefixes are promised: of shares 3, 1, 1 all orders have a window that is off."""
    had = diffusion.strata([30, 10, 10])
    off = max(
        abs(float((had[a:b] == 0).sum()) - 0.6 * (b - a)) for b in range(51) for a in range(b)
    )
    assert off < 1.5


@given(st.sets(st.text(min_size=1), max_size=20), st.randoms(use_true_random=False))
def test_order_is_by_id_and_epoch_alone(ids: set[str], chance: random.Random) -> None:
    given_, other = sorted(ids), sorted(ids)
    chance.shuffle(other)
    found = [given_[i] for i in diffusion.ordered(given_, seed=1)]
    assert found == [other[i] for i in diffusion.ordered(other, seed=1)]
    assert sorted(found) == given_


def test_order_is_fresh_each_epoch_and_by_distance_first() -> None:
    ids = [f"row {i}" for i in range(50)]
    orders = {tuple(diffusion.ordered(ids, seed=s, epoch=e)) for s in (0, 1) for e in (0, 1)}
    assert len(orders) == 4
    far = (np.arange(50) // 10).astype(np.float64)
    found = diffusion.ordered(ids, seed=0, distances=far)
    assert far[found].tolist() == sorted(far, reverse=True)
    assert found[:10].tolist() != sorted(found[:10])


def test_sides_are_laid_out_in_their_order() -> None:
    is_replay = diffusion.is_replay(diffusion.constant(6, Fraction(1, 3)))
    rows = diffusion.merged(is_replay, np.array([7, 6, 5]), np.arange(4))
    assert rows.tolist() == [0, 1, 7, 2, 3, 6]


@pytest.mark.parametrize(
    ("replay", "new", "said"),
    [
        (1, 9, "got 1 replay rows, wanted 2 for 6 rows in all. With this schedule 5 rows"),
        (9, 1, "got 1 new rows, wanted 4 for 6 rows in all. With this schedule 1 rows"),
        (0, 9, "got 0 replay rows, wanted 2 for 6 rows in all. With this schedule 2 rows"),
    ],
)
def test_a_side_that_runs_dry(replay: int, new: int, said: str) -> None:
    is_replay = diffusion.is_replay(diffusion.constant(6, Fraction(1, 3)))
    with pytest.raises(BudgetError, match=said):
        diffusion.merged(is_replay, np.arange(replay), np.arange(new))


def test_schedules_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match=r"got a replay share of 1\.5, wanted shares from 0 to 1"):
        diffusion.ramp(10, Fraction(1, 2), Fraction(3, 2))
    with pytest.raises(ConfigError, match="got -1 as the part of the rows"):
        diffusion.anneal(10, Fraction(1, 2), Fraction(0), part=Fraction(-1))
    with pytest.raises(ConfigError, match="got 0 steps, wanted 1 or more"):
        diffusion.decay(10, Fraction(1, 2), Fraction(1, 2), steps=0)
