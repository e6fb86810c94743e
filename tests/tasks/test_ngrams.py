"""Counts of hashed n-grams: the kernel against plain Python, and by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import ngrams
from tests.tasks.signals.kernels import imports_numba
from tests.tasks.signals.texts import ANY_TEXT, real_documents

BUCKETS = st.sampled_from([2, 3, 63, 64, 65, 4_096, 4_097, 10_000, 1 << 18])
FEW_WORDS = st.lists(st.sampled_from(["a", "b", "Ça", "漢字", "x-y", "\n\n"]), max_size=40)
TEXTS = st.lists(ANY_TEXT | FEW_WORDS.map(" ".join), max_size=4)


def large(texts: list[str]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def rows(counts: ngrams.Counts) -> list[dict[int, int]]:
    """Return each row; its buckets must be in order, and each once."""
    found = []
    for i in range(counts.size):
        here = slice(counts.firsts[i], counts.firsts[i + 1])
        buckets = counts.buckets[here].tolist()
        assert buckets == sorted(set(buckets))
        found.append(dict(zip(buckets, counts.counts[here].tolist(), strict=True)))
    return found


@given(TEXTS, st.integers(1, 4), BUCKETS)
def test_equals_the_reference_on_any_text(texts: list[str], width: int, buckets: int) -> None:
    counts = ngrams.counts(large(texts), width=width, buckets=buckets)
    assert rows(counts) == [ngrams.counted(text, width=width, buckets=buckets) for text in texts]


def test_equals_the_reference_on_real_documents() -> None:
    texts = list(real_documents())[::3]
    counts = ngrams.counts(large(texts), width=2, buckets=10_000)
    assert rows(counts) == [ngrams.counted(text, width=2, buckets=10_000) for text in texts]


@given(TEXTS, TEXTS)
def test_a_row_is_of_its_text_only(texts: list[str], others: list[str]) -> None:
    alone = ngrams.counts(large(texts), width=2, buckets=1_000)
    parts = pa.chunked_array([large(others), large(texts)])
    assert rows(ngrams.counts(parts, width=2, buckets=1_000))[len(others) :] == rows(alone)


def test_counts_by_hand() -> None:
    one, none, few = rows(
        ngrams.counts(
            large(["A rose is a ROSE, is a rose", " … ", "rose"]), width=2, buckets=1 << 22
        )
    )
    # a 3, rose 3, is 2; "a rose" 3, "rose is" 2, "is a" 2
    assert sorted(one.values()) == [2, 2, 2, 3, 3, 3]
    assert none == {}
    assert list(few.values()) == [1]
    assert set(few) < set(one)


def test_the_order_of_words_counts() -> None:
    both = rows(ngrams.counts(large(["b a", "a b"]), width=2, buckets=1 << 22))
    assert len(both[0].keys() & both[1].keys()) == 2, "the words, and not the two of them"


def test_buckets_are_filled_alike_and_a_tenth_are_tenfold_as_wide() -> None:
    text = " ".join(map(str, range(20_000)))
    few = ngrams.counts(large([text]), width=1, buckets=100)
    assert few.counts.min() > 130
    assert few.counts.max() < 270
    many = ngrams.counts(large([text]), width=1, buckets=1_000)
    wide = np.bincount(many.buckets // 10, many.counts)
    assert few.counts.tolist() == wide.tolist()


def test_long_texts_are_counted_to_the_last_word() -> None:
    text = "word " * 50_000 + "end"
    (row,) = rows(ngrams.counts(large([text]), width=3, buckets=1 << 22))
    assert sorted(row.values()) == [1, 1, 1, 49_998, 49_999, 50_000]


@pytest.mark.parametrize(("width", "buckets"), [(0, 100), (2, 1), (2, (1 << 26) + 1)])
def test_settings_that_make_no_sense_are_refused(width: int, buckets: int) -> None:
    with pytest.raises(ValueError, match="wanted a word or more, and 2 to 2"):
        ngrams.counts(large(["a"]), width=width, buckets=buckets)


def test_importing_the_package_imports_no_compiler() -> None:
    assert not imports_numba("tasks.ngrams")
