"""How far new data is from replay: against plain counts, and on real text."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from schemas.advice import Shift
from tasks import ngrams
from tasks.advising import Sides, distance
from tasks.replay.packed import BUCKETS, WIDTH
from tasks.replay.shift import Side, language_tv, measured
from tests.real_data import real_data


def test_languages_are_compared_by_bytes() -> None:
    left = pl.DataFrame({"lang": ["en", "de", None], "n_bytes": [60, 20, 20]})
    right = pl.DataFrame({"lang": ["en", "fr", None], "n_bytes": [30, 10, 10]})
    assert language_tv(left, right) == pytest.approx(0.2)
    assert language_tv(left, left) == 0


def side(texts: list[str]) -> Side:
    column = pa.chunked_array([texts], pa.large_string())
    return Side(column, [str(i) for i in range(len(texts))], seed=0)


def test_as_many_features_are_drawn_as_are_wanted() -> None:
    texts = ["one two three four", "five six", "seven eight nine", ""]
    own = side(texts)
    assert own.features == sum(
        sum(ngrams.counted(t, width=WIDTH, buckets=BUCKETS).values()) for t in texts
    )
    order = np.array([1, 0, 2, 3])
    drawn = own.drawn(order, 5)
    assert drawn.sum() == pytest.approx(5)
    whole = Counter(ngrams.counted(texts[1], width=WIDTH, buckets=BUCKETS))
    part = ngrams.counted(texts[0], width=WIDTH, buckets=BUCKETS)
    for bucket, count in part.items():
        whole[bucket] += count * 2 / 7  # type: ignore[assignment]
    assert {i: drawn[i] for i in np.flatnonzero(drawn).tolist()} == pytest.approx(dict(whole))


def test_too_little_text_tells_nothing() -> None:
    found = measured(side(["a few words"]), side(["some others", "and more of them"]), 0.0)
    assert found.shift is None
    assert "tell nothing" in found.rule
    assert measured(side(["a few words"]), side(["one document"]), 0.9).shift is Shift.LANGUAGE
    assert measured(side([]), side(["x y"]), 0.0).features == 0


@pytest.mark.parametrize(
    ("new", "old", "shift"),
    [
        (["dolma/documents/news"], ["dolma/documents/wiki"], Shift.WEAK),
        (["dolma/documents/legal"], ["dolma/documents/wiki"], Shift.DOMAIN),
        (["german/laws"], ["dolma/documents/wiki"], Shift.LANGUAGE),
    ],
)
def test_real_text_is_told_as_people_would(new: list[str], old: list[str], shift: Shift) -> None:
    data = real_data()
    sides = Sides([f"{data}/{n}" for n in new], [f"{data}/{n}/part-00000.jsonl.gz" for n in old])
    found = distance(sides)
    assert found.shift is shift
    assert found.floor < found.js


def test_the_same_files_give_the_same_answer() -> None:
    data = real_data()
    part = [f"{data}/dolma/documents/{name}/part-00000.jsonl.gz" for name in ("docs", "code")]
    sides = Sides(part[:1], part[1:])
    assert distance(sides) == distance(sides)
