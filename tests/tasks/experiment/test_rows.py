"""Passages as rows: nothing lost, shares at every moment, the same new rows in every arm."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from schemas import columns as c
from schemas.errors import BudgetError
from schemas.experiment import Arm
from schemas.mixture import NO_LOSS
from tasks import tokens
from tasks.experiment import rows
from tasks.training import batches
from tests.corpora import prose

LENGTH = 32


@pytest.fixture(scope="module")
def tokenizer() -> tokens.Tokenizer:
    body = tokens.train([prose(i) for i in range(20)], vocab_size=400)
    return tokens.load(body, where="test")


def frame(number: int, source: str = "wiki", first: int = 0) -> pl.DataFrame:
    names = [f"{source}-{i}" for i in range(first, first + number)]
    return pl.DataFrame({"id": names, "document": names, c.SOURCE: [source] * number,
                         c.TEXT: [prose(name) for name in names]})  # fmt: skip


def packed(some: pl.DataFrame, by: tokens.Tokenizer, seed: int = 0) -> rows.Rows:
    return rows.rows(some, rows.How(by, LENGTH, seed))


def test_rows_hold_every_token_once_and_the_ends_of_texts(tokenizer: tokens.Tokenizer) -> None:
    some = frame(9)
    made = packed(some, tokenizer)
    found = sorted(
        t for ids, n in zip(made.ids, made.lengths, strict=True) for t in ids[:n].tolist()
    )
    ids = tokens.ids(tokenizer, some[c.TEXT].to_list())
    assert found == sorted([t for own in ids for t in own] + [made.begin] * len(ids))


def test_rows_do_not_go_by_the_order_of_passages(tokenizer: tokens.Tokenizer) -> None:
    some = frame(9)
    one, other = packed(some, tokenizer), packed(some.reverse(), tokenizer)
    assert np.array_equal(one.ids, other.ids)
    assert not np.array_equal(one.ids, packed(some, tokenizer, seed=1).ids)


@pytest.mark.parametrize("schedule", ["constant", "ramp"])
def test_replay_displaces_new_rows_and_the_others_stay(
    schedule: str, tokenizer: tokens.Tokenizer
) -> None:
    new, old = packed(frame(60), tokenizer), packed(frame(30, "news"), tokenizer)
    number = 40
    arm = Arm.model_validate({"name": "a", "replay": "x", "share": 0.25, "schedule": schedule})
    some, is_replay = rows.laid_out(arm, old, new, number)
    assert some.size == number
    assert is_replay.sum() == 10
    assert [s == "news" for s in some.sources] == is_replay.tolist()
    own = [name for name, is_old in zip(some.names, is_replay, strict=True) if not is_old]
    assert own == list(new.first(30).names)
    windows = np.convolve(is_replay, np.ones(8), "valid")
    if schedule == "constant":
        assert windows.min() == windows.max() == 2
    else:
        assert is_replay[:20].sum() < is_replay[20:].sum()


def test_too_little_of_a_side_is_an_error(tokenizer: tokens.Tokenizer) -> None:
    new, old = packed(frame(60), tokenizer), packed(frame(1, "news"), tokenizer)
    with pytest.raises(BudgetError, match="replay rows"):
        rows.laid_out(Arm(name="a", replay="x", share=0.5), old, new, 40)
    with pytest.raises(BudgetError, match="'news'"):
        rows.at_shares(frame(3), {"wiki": 0.5, "news": 0.5}, 50, tokenizer)


def test_shares_are_of_tokens_to_within_a_passage(tokenizer: tokens.Tokenizer) -> None:
    some = pl.concat([frame(60), frame(60, "news")])
    taken = rows.at_shares(some, {"wiki": 0.75, "news": 0.25}, 1_000, tokenizer)
    counts = taken.with_columns(pl.Series("n", tokenizer.count(taken[c.TEXT].to_list())))
    for source, wanted in (("wiki", 750), ("news", 250)):
        own = counts.filter(pl.col(c.SOURCE) == source)["n"].to_list()
        assert wanted <= sum(own) < wanted + max(own)
    assert taken["id"].to_list() == [
        name for source in ("wiki", "news") for name in some["id"] if name in set(taken["id"])
        and name.startswith(source)
    ]  # fmt: skip


def test_the_most_dissimilar_rows_come_first(tokenizer: tokens.Tokenizer) -> None:
    replay = frame(5)
    strange = frame(6, "x").with_columns(pl.Series(c.TEXT, ["zq xv kw " * 20 for _ in range(6)]))
    new = pl.concat([frame(6, first=5), strange])
    away = rows.distances_to(replay, new)
    assert away[6:].min() > away[:6].max()
    made = rows.rows(new, rows.How(tokenizer, LENGTH, 0, by_source=True), away=away)
    kinds = list(made.sources)
    assert kinds == sorted(kinds, reverse=True)


def test_padding_is_not_learned(tokenizer: tokens.Tokenizer) -> None:
    made = packed(frame(3), tokenizer)
    new = np.zeros(made.size, np.bool_)
    batch = batches.of_rows(made.ids, made.lengths, new, made.names)
    assert batch.tokens == made.lengths.sum()
    assert (batch.labels[batch.attention == 0] == NO_LOSS).all()


def test_rows_that_are_learned_again_come_in_other_orders(tokenizer: tokens.Tokenizer) -> None:
    some = packed(frame(30), tokenizer)
    again = rows.repeated(some, 3, seed=1)
    passes = [again.names[i * some.size : (i + 1) * some.size] for i in range(3)]
    assert all(sorted(one) == sorted(some.names) for one in passes)
    assert len(set(passes)) == 3
