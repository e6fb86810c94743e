"""Where the bars of a histogram stand: no bar on both sides of a limit, no value without a bar."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.report.bins import BINS, bins

FLOATS = st.lists(st.floats(-1e4, 1e4, allow_nan=False), max_size=60)
SHARES = st.lists(st.floats(0, 1), max_size=60)
INTEGERS = st.lists(st.integers(-3, 10**6), max_size=60)
LIMIT = st.one_of(st.none(), st.floats(-20, 20), st.integers(-5, 2_000), st.sampled_from([0, 1]))


def check(values: pl.Series, least: float | None, most: float | None) -> None:
    found = bins(values, least=least, most=most)
    edges = np.array(found.edges)
    assert (np.diff(edges) > 0).all()
    assert 1 <= len(edges) - 1 <= BINS + 3
    place = found.place(values.cast(pl.Float64).to_numpy())
    assert ((place >= 0) & (place < len(edges) - 1)).all()
    first, last = found.kept
    kept = values.is_between(
        -math.inf if least is None else least, math.inf if most is None else most
    )
    assert ((place >= first) & (place < last)).tolist() == kept.to_list()


@given(
    st.one_of(
        FLOATS.map(lambda v: pl.Series(v, dtype=pl.Float64)),
        SHARES.map(lambda v: pl.Series(v, dtype=pl.Float64)),
        INTEGERS.map(lambda v: pl.Series(v, dtype=pl.Int64)),
    ),
    st.tuples(LIMIT, LIMIT),
)
def test_a_bar_is_kept_if_and_only_if_its_values_are(
    values: pl.Series, limits: tuple[float | None, float | None]
) -> None:
    least, most = limits
    if least is not None and most is not None and least > most:
        least, most = most, least
    check(values, least, most)


@pytest.mark.parametrize("values", [[0.0] * 9, [0.5], [], [0.0, 0.2, 0.2, 1.0]])
@pytest.mark.parametrize("limits", [(None, 0.0), (0.2, None), (None, 0.2), (0.2, 0.2), (1.0, None)])
def test_values_at_a_limit_are_kept(
    values: list[float], limits: tuple[float | None, float | None]
) -> None:
    check(pl.Series(values, dtype=pl.Float64), *limits)


def test_whole_numbers_have_bars_of_their_own() -> None:
    found = bins(pl.Series([0, 1, 2, 8]), least=2, most=None)
    assert found.edges == tuple(range(10))
    assert found.kept == (2, 9)
    assert found.place(np.array([0.0, 1.0, 2.0, 8.0])).tolist() == [0, 1, 2, 8]


def test_long_axes_are_logarithmic_and_short_ones_are_not() -> None:
    words = bins(pl.Series([3, 80, 900, 90_000]), least=50, most=100_000)
    assert words.log
    assert words.edges[words.kept[0]] == 50
    lengths = bins(pl.Series([3.1, 4.2, 5.3]), least=3, most=10)
    assert not lengths.log
    assert lengths.edges[-1] == 10


def test_one_monster_does_not_squeeze_the_rest() -> None:
    values = pl.Series([0.1, 0.2, 0.3, 0.4] * 250 + [1e12, math.inf])
    assert bins(values, least=None, most=None).edges[-1] == 0.4
    assert bins(values, least=None, most=0.3).edges[-1] == 0.4


def test_what_has_no_number_does_not_count() -> None:
    values = pl.Series([None, math.nan, 0.25, 0.75], dtype=pl.Float64)
    assert bins(values, least=0.5, most=None) == bins(values[2:], least=0.5, most=None)
    assert bins(pl.Series([None], dtype=pl.Int64), least=3, most=None).kept[0] == 3
