"""Order of a split: every token once an epoch, shares that hold, orders that nothing else moves."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import columns as c
from schemas.config import MixtureConfig, ScheduleConfig
from tasks import mixture
from tasks.mixture.order import DISTANCE, FEWEST, PIECE

SIZE = 16


def documents(source: str, sizes: list[int]) -> pl.DataFrame:
    """Training documents of a source with these tokens."""
    return pl.DataFrame(
        {
            c.DOC_ID: [f"{source}-{i}" for i in range(len(sizes))],
            c.SOURCE: source,
            c.SPLIT: "train",
            c.TOKENS: sizes,
            c.N_BYTES: [4 * n for n in sizes],
            c.SHARD: f"{source}.parquet",
            c.ROW: list(range(len(sizes))),
        },
        schema_overrides={c.TOKENS: pl.Int64, c.N_BYTES: pl.Int64, c.ROW: pl.Int64},
    )


def plan(replay: pl.DataFrame, new: pl.DataFrame, seed: int = 3, **keys: Any) -> pl.DataFrame:
    packed = {"format": "tokens", "row_tokens": SIZE}
    config = MixtureConfig.model_validate({"replay_share": 0.05, **packed, **keys})
    return mixture.plan(replay, new, config, seed=seed)


def is_replay(made: pl.DataFrame) -> np.ndarray[Any, Any]:
    rows = made.group_by(c.POSITION, maintain_order=True).agg(pl.col(c.ORIGIN).unique())
    assert rows[c.POSITION].to_list() == list(range(rows.height))
    assert set(rows[c.ORIGIN].list.len()) <= {1}
    return (rows[c.ORIGIN].list.first() == "replay").to_numpy()


SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=40)


@settings(max_examples=80)
@given(SIZES, SIZES, SIZES, st.integers(1, 3), st.integers(1, 2))
def test_packed_rows(a: list[int], b: list[int], n: list[int], epochs: int, again: int) -> None:
    replay = pl.concat([documents("a", a), documents("b", b)])
    made = plan(replay, documents("new", n), epochs=epochs, replay_epochs=again)
    lengths = made.group_by(c.POSITION).agg((pl.col(c.TOKENS) + pl.col(c.ENDS)).sum())
    assert lengths[c.TOKENS].max() <= SIZE  # type: ignore[operator]
    for source, sizes, times in (("a", a, again), ("b", b, again), ("new", n, epochs)):
        own = made.filter(pl.col(c.SOURCE) == source)
        assert sorted(own[c.EPOCH].unique()) == list(range(times))
        assert own[c.TOKENS].sum() == sum(sizes) * times
        assert own[c.SUPERVISED].sum() == sum(sizes) * times
        assert own[c.ENDS].sum() == len(sizes) * times
        for _, pieces in own.group_by(c.DOC_ID, c.EPOCH):
            parts = pieces.sort(c.TOKEN_START)
            follows = parts[c.TOKEN_START] + parts[c.TOKENS]
            assert parts[c.TOKEN_START].to_list() == [0, *follows[:-1]]
    flags = is_replay(made)
    share = flags.mean()
    for window in {1, 5, 17, len(flags)} - set(range(len(flags) + 1, 18)):
        counts = np.convolve(flags, np.ones(window), "valid")
        assert np.abs(counts - share * window).max(initial=0) <= 1 + 1e-9


def test_replay_rows_are_of_one_source_each_in_turn_unless_it_is_small() -> None:
    replay = pl.concat(
        [
            documents("large", [50] * 40),
            documents("other", [30] * 40),
            documents("small", [3] * 6),
            documents("tiny", [2]),
        ]
    )
    made = plan(replay, documents("new", [100] * 100))
    old = made.filter(pl.col(c.ORIGIN) == "replay")
    of_row = old.group_by(c.POSITION).agg(pl.col(c.SOURCE).unique().sort()).sort(c.POSITION)
    kinds = {tuple(sources) for sources in of_row[c.SOURCE].to_list()}
    assert {("large",), ("other",)} < kinds
    assert kinds - {("large",), ("other",)} <= {("small",), ("tiny",), ("small", "tiny")}
    first = of_row.with_columns(pl.col(c.SOURCE).list.first())[c.SOURCE]
    for source in ("large", "other"):
        before = (first == source).cum_sum().to_numpy()
        wanted = (first == source).mean() * np.arange(1, len(first) + 1)  # type: ignore[operator]
        assert np.abs(before - wanted).max() < 1
    assert sum(old.filter(pl.col(c.SOURCE) == "small")[c.TOKENS]) < FEWEST * SIZE


@pytest.mark.parametrize("packed", [True, False])
def test_each_epoch_has_another_order_and_a_seed_another_one(packed: bool) -> None:  # noqa: FBT001
    keys: dict[str, Any] = {} if packed else {"format": "text", "row_tokens": None}
    new, replay = documents("new", [7] * 60), documents("old", [9] * 20)
    made = plan(replay, new, epochs=2, replay_epochs=2, **keys)
    for origin in ("new", "replay"):
        own = made.filter(pl.col(c.ORIGIN) == origin)
        one, other = (own.filter(pl.col(c.EPOCH) == e)[c.DOC_ID].to_list() for e in (0, 1))
        assert sorted(one) == sorted(other)
        assert one != other
    assert plan(replay, new, epochs=2, replay_epochs=2, **keys).equals(made)
    assert not plan(replay, new, 4, epochs=2, replay_epochs=2, **keys).equals(made)


def test_the_order_of_documents_changes_nothing_of_new_rows() -> None:
    new, replay = documents("new", list(range(1, 90))), documents("old", [9] * 20)
    made = plan(replay, new)
    assert plan(replay, new.sample(fraction=1, shuffle=True, seed=1)).equals(made)


@pytest.mark.parametrize("packed", [True, False])
def test_a_replay_heavy_start(packed: bool) -> None:  # noqa: FBT001
    keys: dict[str, Any] = {} if packed else {"format": "text", "row_tokens": None}
    schedule = {"kind": "heavy_start", "start": 0.5, "part": 0.1}
    made = plan(
        documents("old", [15] * 100), documents("new", [15] * 900), replay_share=0.1,
        schedule=ScheduleConfig.model_validate(schedule), **keys,
    )  # fmt: skip
    flags = is_replay(made)
    assert flags.sum() == 100
    assert flags[:100].sum() in (49, 50, 51)


@pytest.mark.parametrize("packed", [True, False])
def test_the_least_alike_come_first(packed: bool) -> None:  # noqa: FBT001
    keys: dict[str, Any] = {} if packed else {"format": "text", "row_tokens": None}
    new = documents("new", [15] * 50)
    distances = np.random.default_rng(1).random(50)
    new = new.with_columns(pl.Series(DISTANCE, distances))
    made = plan(documents("old", [15] * 10), new, order="dissimilar_first", **keys)
    own = made.filter(pl.col(c.ORIGIN) == "new")[c.DOC_ID].to_list()
    assert own == [f"new-{i}" for i in np.argsort(-distances)]
    assert made[PIECE].to_list() == [0] * made.height


def test_no_replay_and_no_new_rows() -> None:
    new = documents("new", [5, 6])
    assert plan(new.clear(), new)[c.ORIGIN].unique().to_list() == ["new"]
    assert plan(new, new.clear())[c.ORIGIN].unique().to_list() == ["replay"]
    assert plan(new.clear(), new.clear()).height == 0


def test_what_packing_wastes() -> None:
    made = plan(documents("old", [15]), documents("new", [20, 3]))
    assert mixture.packed_places(made, SIZE)["train"] == {
        "places": 48, "ends": 3, "padding": 7, "waste": 7 / 48,
    }  # fmt: skip
