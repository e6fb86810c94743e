"""The plan of a mixture: every row once, shares at every prefix, files of bounded size."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import columns as c
from schemas.config import MixtureConfig
from tasks import mixture

COLUMNS = {
    c.DOC_ID: pl.String,
    c.SOURCE: pl.String,
    c.SPLIT: pl.String,
    c.TOKENS: pl.Int64,
    c.N_BYTES: pl.Int64,
    c.SHARD: pl.String,
    c.ROW: pl.Int64,
}


def plan(
    replay: pl.DataFrame, new: pl.DataFrame, shard_bytes: float, *, seed: int = 1, **keys: Any
) -> pl.DataFrame:
    config = MixtureConfig(replay_share=0.05, shard_mb=shard_bytes / 1e6, **keys)
    return mixture.plan(replay, new, config, seed=seed)


def chosen(source: str, sizes: list[tuple[int, bool]]) -> pl.DataFrame:
    """Return chosen documents with these tokens; the second says whether one is held out."""
    rows = [
        (f"{source}-{i}", source, "valid" if valid else "train", n, 4 * n, f"{source}.parquet", i)
        for i, (n, valid) in enumerate(sizes)
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def frames(source: str) -> st.SearchStrategy[pl.DataFrame]:
    """Chosen documents of one source."""
    sizes = st.integers(0, 100) | st.integers(0, 5_000)
    return st.lists(st.tuples(sizes, st.booleans()), max_size=25).map(lambda n: chosen(source, n))


@settings(max_examples=60)
@given(frames("old"), frames("new"), st.floats(1, 5_000), st.integers(0, 5))
def test_a_plan(replay: pl.DataFrame, new: pl.DataFrame, shard_bytes: float, seed: int) -> None:
    made = plan(replay, new, shard_bytes, seed=seed)
    assert made.columns == mixture.PLAN.names
    both = pl.concat([replay, new])
    assert sorted(made[c.DOC_ID]) == sorted(both[c.DOC_ID])
    said = made.join(both, on=c.DOC_ID, how="left")
    for name in (c.SOURCE, c.SPLIT, c.TOKENS, c.SHARD, c.ROW):
        assert said[name].equals(said[f"{name}_right"].alias(name))
    assert set(made.filter(pl.col(c.ORIGIN) == "replay")[c.SOURCE]) <= {"old"}
    for split in ("train", "valid"):
        own, old = (f.filter(pl.col(c.SPLIT) == split) for f in (said, replay))
        assert own[c.POSITION].to_list() == list(range(own.height))
        # Replay comes in drawing order, which keeps the shares of its sources.
        in_turn = own.filter(pl.col(c.ORIGIN) == "replay")[c.DOC_ID]
        assert in_turn.to_list() == old[c.DOC_ID].to_list()
        share = int(old[c.TOKENS].sum()) / max(1, int(own[c.TOKENS].sum()))
        before = (own[c.TOKENS] * (own[c.ORIGIN] == "replay").cast(pl.Int64)).cum_sum()
        off = (before - share * own[c.TOKENS].cum_sum()).abs().to_numpy()
        assert off.max(initial=0) <= own[c.TOKENS].to_numpy().max(initial=0) + 1e-6
    check_files(said, shard_bytes)


def check_files(plan: pl.DataFrame, shard_bytes: float) -> None:
    """Check that files are runs of positions of one split, numbered from 0, of bounded size."""
    names = mixture.file_names(plan)
    numbers = plan[mixture.FILE_NUMBER]
    assert sorted(names) == list(range(len(names))) == numbers.unique().sort().to_list()
    assert numbers.is_sorted()
    assert len(set(names.values())) == len(names)
    for (number,), rows in plan.partition_by(mixture.FILE_NUMBER, as_dict=True).items():
        assert rows[c.SPLIT].n_unique() == 1
        folder = {"train": "train", "valid": "validation"}[rows[c.SPLIT][0]]
        assert names[int(str(number))].startswith(f"{folder}/{folder}-")
        assert (rows[c.POSITION].diff().drop_nulls() == 1).all()
        longest = int(rows[c.N_BYTES].to_numpy().max())
        assert int(rows[c.N_BYTES].sum()) <= shard_bytes + longest
    total = plan.group_by(c.SPLIT).agg(pl.col(c.N_BYTES).sum())
    most = {split: max(1, math.ceil(n / shard_bytes)) for split, n in total.iter_rows()}
    assert len(names) <= sum(most.values())


@settings(max_examples=30)
@given(frames("old"), frames("new"), st.integers(0, 5))
def test_the_order_of_new_rows_does_not_matter(
    replay: pl.DataFrame, new: pl.DataFrame, seed: int
) -> None:
    made = plan(replay, new, 900, seed=7)
    shuffled = new.sample(fraction=1, shuffle=True, seed=seed)
    assert plan(replay, shuffled, 900, seed=7).equals(made)


def test_another_seed_is_another_order() -> None:
    new = chosen("new", [(5, False)] * 50)
    one, other = (plan(new.clear(), new, 1e9, seed=s) for s in (1, 2))
    assert one[c.DOC_ID].to_list() != other[c.DOC_ID].to_list()
    assert one[c.ORIGIN].unique().to_list() == ["new"]


def test_file_names() -> None:
    new = chosen("new", [(10, False)] * 10 + [(10, True)] * 2)
    made = plan(new.clear(), new, 200)
    assert mixture.file_names(made) == {
        0: "train/train-00000-of-00002.parquet",
        1: "train/train-00001-of-00002.parquet",
        2: "validation/validation-00000-of-00001.parquet",
    }
    assert mixture.file_names(made.clear()) == {}


def test_documents_larger_than_a_file_leave_no_gap() -> None:
    new = chosen("new", [(1_000, False)] * 3)
    made = plan(new.clear(), new, 100)
    assert made[mixture.FILE_NUMBER].to_list() == [0, 1, 2]


def test_a_large_split_has_many_files() -> None:
    new = chosen("new", [(64_000, False)] * 2_000).with_columns(pl.lit(500_000).alias(c.N_BYTES))
    assert len(mixture.file_names(plan(new.clear(), new, 64e6))) == 128
    assert len(mixture.file_names(plan(new.clear(), new[:500], 64e6))) == 4


def test_what_was_achieved() -> None:
    replay, new = chosen("old", [(10, False), (5, True)]), chosen("new", [(30, False)])
    made = plan(replay, new, 1e9)
    found: dict[str, Any] = mixture.achieved(made)
    assert found["train"] == {
        "rows": 2,
        "replay_rows": 1,
        "documents": 2,
        "tokens": 40,
        "supervised_tokens": 40,
        "replay_tokens": 10,
        "new_tokens": 30,
        "replay_share": 0.25,
        "largest_document_tokens": 30,
        "sources": {"new": 30, "old": 10},
    }
    assert found["validation"]["replay_share"] == 1.0
    nothing = mixture.achieved(made.clear())["train"]
    assert nothing["tokens"] == 0
    assert nothing["replay_share"] == pytest.approx(0.0)
