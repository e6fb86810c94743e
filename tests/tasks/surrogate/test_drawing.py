"""Drawing for exact budgets, whatever tokens were thought to be."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import columns as c
from schemas.errors import BudgetError, ConfigError
from tasks.replay import packed
from tasks.replay.selection import Given, Settings
from tasks.replay.sides import Strata
from tasks.surrogate import drawing, splits
from tasks.surrogate.drawing import Sized
from tasks.surrogate.pool import Pool

SOURCES = ("sea", "land", "sky")


def made(n_bytes: list[int]) -> Pool:
    """Return a pool of passages of these sizes; each is a document of one of three sources."""
    n = len(n_bytes)
    places = pl.DataFrame(
        {
            c.DOC_ID: [str(i) for i in range(n)],
            c.SOURCE: [SOURCES[i % 3] for i in range(n)],
            c.N_BYTES: n_bytes,
        },
        schema={c.DOC_ID: pl.String, c.SOURCE: pl.String, c.N_BYTES: pl.Int64},
    )
    texts = pa.array([f"{SOURCES[i % 3]} {i}" for i in range(n)], pa.large_string())
    keys = np.column_stack([np.arange(n), np.zeros(n)]).astype(np.uint64)
    return Pool(places, packed.of(texts), keys, np.arange(n))


def exact(places: pl.DataFrame) -> np.ndarray:
    """Count tokens that bytes do not tell: a third of them, or nearly all, by the document."""
    sizes = places[c.N_BYTES].to_numpy()
    return np.where(places[c.DOC_ID].cast(pl.Int64).to_numpy() % 2, sizes, sizes // 3 + 1)


def by_bytes(places: pl.DataFrame) -> np.ndarray:
    found: np.ndarray = places[c.N_BYTES].to_numpy()
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=200), st.integers(1, 20_000))
def test_a_budget_is_met_within_a_passage_or_all_is_taken(sizes: list[int], budget: int) -> None:
    pool = made(sizes)
    own = drawing.side(pool, drawing.sized(pool, exact, seed=1))
    found = drawing.draw(
        pool, own, Given(), arm="random", budget=budget, settings=Settings(seed=1), count=exact
    )
    tokens = exact(found.places)
    assert found.places[c.TOKENS].to_list() == tokens.tolist()
    total = int(exact(pool.places).sum())
    if total >= budget:
        longest = int(exact(pool.places).max())
        assert abs(int(tokens.sum()) - budget) <= longest
        assert not found.report.short
    else:
        assert found.report.short == budget - total or abs(total - budget) <= max(tokens) / 2
        assert found.places.height == len(sizes)


def test_a_shard_that_falls_short_is_refused() -> None:
    pool = made([100] * 30)
    own = drawing.side(pool, Sized({}, 1.0))
    found = drawing.draw(
        pool,
        own,
        Given(),
        arm="random",
        budget=10_000,
        settings=Settings(seed=1),
        count=by_bytes,
    )
    assert found.report.short == 7_000
    with pytest.raises(BudgetError, match="got 3,000 tokens of the kinds of text that are wanted"):
        drawing.check(found.report)
    lacking = found.report._replace(uncovered=0.6, short=0)
    with pytest.raises(BudgetError, match="a pool that has next to nothing of 60% of the target"):
        drawing.check(lacking, other=0.4)


def test_what_is_like_no_source_lacks_once() -> None:
    """Shares of sources leave room for it, so that it is uncovered: it is not lacking twice."""
    pool = made([100] * 3_000)
    own = drawing.side(pool, Sized({}, 1.0))
    numbers = np.arange(3_000) % 3
    strata = Strata(numbers, np.array([0.3, 0.2, 0.1]), None)  # and .4 of the target is other
    found = drawing.draw(
        pool, own, Given(None, strata), arm="shares", budget=20_000,
        settings=Settings(seed=1),
        count=by_bytes,
    )  # fmt: skip
    assert found.report.uncovered == pytest.approx(0.4)
    drawing.check(found.report, other=0.4)
    with pytest.raises(BudgetError, match="next to nothing of 55% of the target"):
        drawing.check(found.report, other=0.55)


def test_kinds_of_given_shares_are_drawn_at_them() -> None:
    pool = made([100] * 3_000)
    own = drawing.side(pool, Sized({}, 1.0))
    kinds = drawing.kinds_of_shares({"sea": 3.0, "land": 1.0, "sky": 0.0})
    strata = drawing.strata_of(kinds, pool, own, budget=20_000)
    found = drawing.draw(
        pool, own, Given(None, strata), arm="shares", budget=20_000,
        settings=Settings(seed=1),
        count=by_bytes,
    )  # fmt: skip
    told = splits.achieved(
        found.places.with_columns(pl.lit("train").alias(c.SPLIT)),
        dict(zip(kinds.names or (), kinds.shares.tolist(), strict=True)),
        20_000,
    )
    assert {name: one["tokens"] for name, one in told.items()} == {
        "land": 5_000, "sea": 15_000, "sky": 0,
    }  # fmt: skip
    assert told["sea"]["asked_tokens"] == 15_000


def test_a_source_without_a_share_is_told() -> None:
    pool = made([100] * 9)
    kinds = drawing.kinds_of_shares({"sea": 0.5, "land": 0.5})
    with pytest.raises(ConfigError, match="got documents of 'sky' in the pool"):
        drawing.strata_of(kinds, pool, drawing.side(pool, Sized({}, 1.0)), budget=9)
