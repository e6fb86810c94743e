"""What is said of generations, and when nothing is. They are real documents of a hidden mixture."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.replay import generations, packed, passages
from tasks.replay.generations import Standing, Told, cleaned, repeated, told, turns
from tasks.replay.sides import Side
from tests.corpora import prose
from tests.real_data import real_data, real_texts
from tests.tasks.replay.test_labels import dealt, part, real
from tests.tasks.replay.test_strata import KINDS, rows_of
from tests.tasks.signals.kernels import imports_numba

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 1_500


def side_of(texts: Sequence[str]) -> Side:
    """Return the beginning of each text as a generation."""
    column = pa.array([text[:MOST] for text in texts], pa.large_string())
    cut = passages.cut(column, most=MOST)
    keys = passages.keys([f"g{i}" for i in range(len(texts))], cut)
    return Side(packed.of(cut.texts), keys, cut.documents, cut.ends - cut.starts)


@cache
def pool() -> tuple[Side, Any]:
    _, rows = dealt()
    return part(rows), real()[1][rows]


def asked(generated: Side, kinds: Sequence[int] = range(len(KINDS))) -> Told:
    side, owners = pool()
    if len(kinds) < len(KINDS):
        rows = np.flatnonzero(np.isin(owners, kinds))
        side, owners = part(dealt()[1][rows]), np.searchsorted(kinds, owners[rows])
    return told(generated, side, owners, names=[KINDS[k] for k in kinds], seed=3)


@cache
def hidden() -> tuple[Side, Any, Any]:
    """Return passages of documents that the pool lacks, each a generation; shares; their tokens."""
    side, kinds = real()
    even = side.documents % 2 == 0
    chance, wanted = np.random.default_rng(5), np.array([0.4, 0.3, 0.2, 0.1])
    numbers = chance.multinomial(400, wanted)
    rows = np.concatenate(
        [
            chance.choice(np.flatnonzero(even & (kinds == k)), n, replace=True)
            for k, n in enumerate(numbers.tolist())
        ]
    )
    rows = np.unique(rows)
    drawn = part(rows)
    shares = np.bincount(kinds[rows], minlength=4) / len(rows)
    own = drawn._replace(documents=np.arange(len(rows)))
    return own, shares, kinds[rows]


@cache
def answered() -> Told:
    return asked(hidden()[0])


# Cleaning


def test_what_each_filter_drops_is_counted() -> None:
    line = "The river crossed the quiet village in the early morning of a distant winter.\n"
    texts = ["", " \n", "Too short.", prose(1), line * 30, "ha" * 400, prose(2)]
    found = cleaned(texts, np.array([0, 2, 3, 150, 500, 400, 150]))
    assert found.kept.tolist() == [3, 6]
    assert found.dropped == {"empty": 2, "short": 1, "loop": 2}
    assert found.dropped_tokens == {"empty": 2, "short": 3, "loop": 900}


def test_a_loop_at_the_end_is_a_loop() -> None:
    start = prose(3, words=40)
    assert generations.drop(start) is None
    assert generations.drop(start + "\nand so on and so on and so on" * 20) == "loop"


def test_loops_without_spaces_are_loops() -> None:
    assert generations.drop("今日は天気がいいですね。" * 30) == "loop"


@given(st.lists(st.sampled_from("abcdefg"), max_size=40))
def test_repeated_equals_the_reference(letters: list[str]) -> None:
    seen, again = list[str](), 0
    runs = [" ".join(letters[i : i + 8]) for i in range(len(letters) - 7)]
    for run in runs:
        again += run in seen
        seen.append(run)
    assert repeated(" ".join(letters)) == pytest.approx(again / len(runs) if runs else 0)


@pytest.mark.parametrize("place", ["dolma/documents/wiki", "dolma/documents/code", "german/laws"])
def test_real_text_is_no_loop(place: str) -> None:
    file = min((real_data() / place).glob("*.jsonl.gz"))
    texts = [text[:2_000] for text in real_texts(f"{place}/{file.name}", 200) if len(text) > 200]
    found = cleaned(texts, np.ones(len(texts), np.int64))
    assert found.dropped["loop"] <= 0.01 * len(texts)


def test_of_a_conversation_user_and_assistant_count() -> None:
    some = [
        {"role": "system", "content": "You are helpful."},
        {"role": "user", "content": "What is a moat?"},
        {"role": "assistant", "content": "Water around a castle."},
        {"role": "tool", "content": "{}"},
    ]
    assert turns(some) == "What is a moat?\n\nWater around a castle."


# Shares


def test_shares_of_a_hidden_mixture_are_told_with_intervals() -> None:
    _, shares, _ = hidden()
    found = answered()
    assert found.standing is Standing.FITS
    assert found.documents is not None
    assert found.documents.low is not None
    assert found.documents.high is not None
    assert np.abs(found.documents.shares - shares).sum() / 2 < 0.05
    inside = (found.documents.low <= shares) & (shares <= found.documents.high)
    assert inside.all()
    assert (found.documents.high - found.documents.low).max() < 0.2
    assert found.nearest[0] == KINDS[int(shares.argmax())]


def test_shares_of_tokens_follow_from_the_pools_documents() -> None:
    found = answered()
    assert found.documents is not None
    assert found.tokens is not None
    own, owners = pool()
    lengths = np.array(
        [
            own.tokens[owners == k].sum() / len(np.unique(own.documents[owners == k]))
            for k in range(4)
        ]
    )
    wanted = found.documents.shares * lengths
    assert found.tokens.shares == pytest.approx(
        wanted / wanted.sum() * found.documents.shares.sum()
    )
    assert found.tokens.shares.sum() + found.other == pytest.approx(1)


def test_an_answer_does_not_depend_on_the_order_of_generations() -> None:
    side, _, _ = hidden()
    places = random.Random(1).sample(range(side.size), side.size)
    first, again = answered(), asked(rows_of(side, places))
    assert first.documents is not None
    assert again.documents is not None
    assert again.says == first.says
    for mine, theirs in zip(first.documents, again.documents, strict=True):
        assert mine.tolist() == theirs.tolist()  # type: ignore[union-attr]


def test_few_generations_are_refused_and_none_too() -> None:
    side, _, _ = hidden()
    for n in (0, 100):
        found = asked(rows_of(side, range(n)))
        assert found.standing is Standing.FEW
        assert found.tokens is None
        assert found.documents is None
        assert f"{n} generations" in found.says


def test_many_passages_of_few_documents_are_few_generations() -> None:
    side, _, _ = hidden()
    assert asked(side._replace(documents=side.documents % 50)).standing is Standing.FEW


def test_a_long_generation_counts_no_more_than_a_short_one() -> None:
    """Of the largest source four passages each are one generation."""
    side, _, kinds = hidden()
    documents = side.documents.copy()
    for kind in (0, 1):
        rows = np.flatnonzero(kinds == kind)
        documents[rows] = rows[0] + np.arange(len(rows)) // 4 * 4
    found = asked(side._replace(documents=documents))
    assert found.documents is not None
    wanted = np.array([len(set(documents[kinds == k].tolist())) for k in range(4)])
    assert found.n_eff == wanted.sum()
    assert np.abs(found.documents.shares - wanted / wanted.sum()).sum() / 2 < 0.07


def test_a_language_that_the_pool_lacks_is_refused() -> None:
    texts = [text for text in real_texts("german/laws/part-00000.jsonl.gz") if len(text) > MOST]
    found = asked(side_of(texts[:200]))
    assert found.standing is Standing.FOREIGN
    assert found.tokens is None
    assert "none of your sources" in found.says


def test_conversations_are_refused_by_a_pool_without_any() -> None:
    file = real_data() / "instruct/llamafactory/alpaca_en_demo.json"
    rows = json.loads(file.read_text(encoding="utf-8"))
    texts = [
        turns([{"role": "user", "content": r["instruction"]},
               {"role": "assistant", "content": r["output"]}])
        for r in rows
    ]  # fmt: skip
    long = [text for text in texts if generations.drop(text) is None]
    assert asked(side_of(long[:400])).standing is Standing.FOREIGN


def test_sources_that_are_the_same_are_refused() -> None:
    side, _, _ = hidden()
    own, _ = pool()
    halves = (own.documents // 2 % 2).astype(np.int64)
    found = told(side, own, halves, names=["left", "right"], seed=1)
    assert found.standing is Standing.WEAK
    assert found.tokens is None
    assert "Join" in found.says


def test_of_one_source_it_says_whether_it_fits() -> None:
    side, _, kinds = hidden()
    rows = np.flatnonzero(kinds == 0)
    some = rows_of(side, rows)
    found = asked(some, [0])
    assert found.standing is (Standing.FITS if found.n_eff >= 140 else Standing.FEW)
    assert asked(side, [0]).standing in {Standing.FOREIGN, Standing.PARTLY}


def test_importing_it_imports_no_compiler() -> None:
    assert not imports_numba("tasks.replay.generations")
    assert not imports_numba("tasks.replay.profiles")
