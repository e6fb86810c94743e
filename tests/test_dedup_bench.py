"""The bench of deduplication: what it plants, what it takes for the truth, how it judges."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import copies, documents, recall, truth
from tasks.shingles import shingles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Pairs = dict[tuple[int, int], Fraction]

LIKE = Fraction(4, 5)


def by_force(texts: Sequence[str]) -> Pairs:
    """All pairs that are alike, from sets of the shingles themselves."""
    sets = [set(shingles(text, 5)) for text in texts]
    every = {
        (i, j): Fraction(len(sets[i] & sets[j]), len(sets[i] | sets[j]))
        for i, j in itertools.combinations(range(len(sets)), 2)
        if sets[i] | sets[j]
    }
    return {pair: similarity for pair, similarity in every.items() if similarity >= LIKE}


def check(texts: Sequence[str]) -> int:
    known = truth.of([str(row) for row in range(len(texts))], texts)
    wanted = by_force(texts)
    pairs = known.pairs()
    assert list(map(tuple, pairs.tolist())) == sorted(wanted)
    left, right = ([str(row) for row in pairs[:, side]] for side in (0, 1))
    similarity = [float(wanted[pair]) for pair in sorted(wanted)]
    assert known.jaccard(left, right).tolist() == similarity
    return len(wanted)


@pytest.fixture(scope="module")
def planted() -> tuple[pa.Table, pa.Table]:
    """Give 300 documents of sentences by chance, and what is planted among them."""
    chance = np.random.default_rng(1)
    words = [f"w{number}" for number in range(400)]
    lengths = chance.integers(60, 400, size=300)
    return copies.planted([" ".join(chance.choice(words, size=n)) for n in lengths], 300)


def test_the_truth_is_what_comparing_all_with_all_gives(planted: tuple[pa.Table, pa.Table]) -> None:
    assert check(planted[0]["text"].to_pylist()) >= 10


@given(st.lists(st.text(alphabet="ab ", max_size=30), max_size=25))
def test_it_is_so_of_sets_that_are_alike_small_or_empty(texts: list[str]) -> None:
    check(texts)


def test_real_texts_too() -> None:
    texts = list(itertools.islice(documents.read("dolma/documents/legal"), 300))
    if not texts:
        pytest.skip("no folder of real data")
    assert check([text[:2_000] for text in texts]) > 100


def test_what_is_planted_is_named_and_edited_that_much(planted: tuple[pa.Table, pa.Table]) -> None:
    rows, record = planted
    texts = dict(zip(rows["doc_id"].to_pylist(), rows["text"].to_pylist(), strict=True))
    assert len(set(texts.values())) == len(rows) == 300
    assert record["percent"].to_pylist() == [n for n in copies.PERCENTS for _ in range(9)]
    assert len(set(record["twin_id"].to_pylist())) == len(record)
    for row in record.to_pylist():
        copy, original = (set(texts[row[name]].split()) for name in ("doc_id", "twin_id"))
        assert 0 <= len(copy - original) <= 1 + row["percent"] * 400 / 100


def test_the_same_documents_every_time(planted: tuple[pa.Table, pa.Table]) -> None:
    pool = [f"{n} " + "some words that are the same in all of these texts " * 9 for n in range(90)]
    assert copies.planted(pool, 60) == copies.planted(pool, 60)
    assert len(copies.planted(pool, 1_000)[0]) == 90 + 90


def test_many_documents_are_written_in_parts(tmp_path: Path) -> None:
    pool = ["one two three four five six seven eight nine ten", "a b c d e f g h i j"]
    about = copies.many(pool, 2_500, tmp_path / "many.parquet")
    rows = pq.read_table(tmp_path / "many.parquet")
    assert about["documents"] == len(rows) == len(set(rows["doc_id"].to_pylist())) == 2_500
    assert about["text_bytes"] == sum(len(text.encode()) for text in rows["text"].to_pylist())
    assert rows.schema == copies.SCHEMA


def test_recall_counts_pairs_and_precision_named_twins() -> None:
    words = [f"w{number}" for number in range(100)]
    first, second = " ".join(words), " ".join(reversed(words))
    texts = [first, first + " x", second, second + " y", "something else"]
    known = truth.of(list("abcde"), texts)
    record = pa.table({"doc_id": ["b"], "twin_id": ["a"], "percent": [1]})
    pairs = known.pairs()
    kinds = recall.kinds_of(pairs, record, known)
    gone = pa.table({"doc_id": ["a", "e"], "twin_id": ["b", "a"]})
    found = recall.judged(gone, pairs, kinds, known)
    assert found["recall"] == {"all": 0.5, "planted": 1.0, "natural": 0.0, "1 %": 1.0} | {
        f"{n} %": None for n in (2, 5, 10, 20)
    }
    assert (found["removed"], found["alike"], found["precision"]) == (2, 0.5, 0.5)
    unnamed = gone.set_column(1, "twin_id", pa.nulls(2, pa.string()))
    assert recall.judged(unnamed, pairs, kinds, known)["precision"] is None
