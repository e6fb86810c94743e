"""Tokens of all documents, estimated from those of a few."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import estimates

SCHEMA = {"source": pl.String, "lang": pl.String, "n_bytes": pl.Int64, "tokens": pl.Int64}


def frame(rows: list[tuple[str, str, int, int | None]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_about_two_of_a_hundred_are_counted_and_always_the_same_ones() -> None:
    ids = [f"{i:032x}" for i in range(20_000)]
    found = estimates.sampled(ids)
    assert found.mean() == pytest.approx(0.02, abs=0.003)
    assert (estimates.sampled(ids[::-1])[::-1] == found).all()


def test_a_ratio_is_fitted_where_there_are_enough_and_else_borrowed() -> None:
    counted: list[tuple[str, str, int, int | None]] = [("web", "en", 400, 100)] * 20
    counted += [("web", "zh", 300, 150)] * 19  # one too few: as all of the web
    counted += [("code", "und", 600, 100)] * 3  # too few in the source too: as everything
    unknown: list[tuple[str, str, int, int | None]] = [
        ("web", "en", 4_000, None),
        ("web", "zh", 4_000, None),
        ("code", "und", 4_000, None),
        ("new", "en", 0, None),
    ]
    web = (20 * 400 + 19 * 300) / (20 * 100 + 19 * 150)
    every = (20 * 400 + 19 * 300 + 3 * 600) / (20 * 100 + 19 * 150 + 3 * 100)
    table = frame(counted + unknown)
    assert estimates.tokens_est(table).to_list()[-4:] == [
        1_000,
        round(4_000 / web),
        round(4_000 / every),
        0,
    ]
    ratios = estimates.bytes_per_token(table)
    assert ratios["web"] == {"en": 4.0, "zh": round(web, 4)}
    assert (ratios["code"], ratios["new"]) == ({"und": round(every, 4)}, {"en": round(every, 4)})


def test_nothing_counted_is_nothing_estimated() -> None:
    assert estimates.tokens_est(frame([("web", "en", 400, None)])).to_list() == [None]
    assert estimates.tokens_est(frame([("web", "en", 0, 0)])).to_list() == [None]
    assert estimates.tokens_est(frame([("web", "en", 0, 1)])).to_list() == [None]
    assert estimates.tokens_est(frame([])).to_list() == []
    assert estimates.bytes_per_token(frame([("web", "en", 400, None)])) == {}


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from(["en", "de"]),
            st.integers(0, 10**9),
            st.none() | st.integers(0, 10**6),
        ),
        max_size=60,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_changes_nothing(rows: list[Any], random: Any) -> None:
    before = sorted(zip(rows, estimates.tokens_est(frame(rows)), strict=True), key=repr)
    random.shuffle(rows)
    after = sorted(zip(rows, estimates.tokens_est(frame(rows)), strict=True), key=repr)
    assert after == before
