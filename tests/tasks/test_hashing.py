from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from tasks.hashing import (
    add_digests,
    add_hex,
    chance,
    digest,
    doc_id,
    row_digests,
    seeded,
    table_digest,
    text_hash,
    text_hashes,
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "s": st.none() | TEXT,
            "i": st.none() | st.integers(-(2**63), 2**63 - 1),
            "u": st.none() | st.integers(0, 2**64 - 1),
            "f": st.none() | st.floats(),
            "b": st.none() | st.booleans(),
            "l": st.none() | st.lists(TEXT, max_size=3),
            "r": st.none() | st.binary(max_size=4),
        }
    ),
    max_size=12,
)
SCHEMA = pa.schema(
    {
        "s": pa.large_string(),
        "i": pa.int64(),
        "u": pa.uint64(),
        "f": pa.float64(),
        "b": pa.bool_(),
        "l": pa.list_(pa.string()),
        "r": pa.binary(),
    }
)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


class Settings(BaseModel):
    """A model of two values, as sections of a recipe are."""

    share: float
    seed: int


def test_chances_are_spread_and_stay_what_they_are() -> None:
    assert chance("a", seed=1, stage="sample") == 0.20711305520734935
    found = [chance(str(i), seed=7, stage="sample") for i in range(4_000)]
    assert all(0 <= c < 1 for c in found)
    assert 900 < sum(c < 0.25 for c in found) < 1_100


def test_digests_stay_what_they_are() -> None:
    """These values stand in the manifests of finished runs."""
    assert doc_id("wiki", "12", "text") == "5918da07a72000985c97ce31bd4715a7"
    assert doc_id("wiki", None, "text") == "ab8a538038bad07bcba674e50e834a3b"
    assert text_hash("Grüße") == "d6d11feefcf01d400ae9951e91b94866"
    assert (
        digest("a", 1, [2.5, None], {"b": 1, "a": Settings(share=0.5, seed=0)})
        == "602f6d1feaebbb7f83e283073f5746b1"
    )
    assert list(seeded(["a", "b"], seed=1, stage="x")) == [5699736854925828592, 918422169143948039]
    row = {"s": "a", "i": 1, "u": 2, "f": 0.5, "b": True, "l": ["x"], "r": b"y"}
    assert table_digest(table([row, row | {"s": None}])) == "33564a1dbd70d7698df9b490c5630684"


@given(TEXT, TEXT, TEXT, TEXT)
def test_ids_differ_where_source_id_or_text_differ(a: str, b: str, c: str, d: str) -> None:
    assert (doc_id("s", a, c) == doc_id("s", b, d)) == (a == b)
    assert (doc_id("s", None, c) == doc_id("s", None, d)) == (c == d)
    assert doc_id("s", a, c) != doc_id("s", None, a)
    assert doc_id("s", a, c) != doc_id("t", a, c)


def test_an_id_may_be_made_of_a_lone_surrogate() -> None:
    assert doc_id("s", "\ud800", "") != doc_id("s", "\udfff", "")


@given(ROWS, st.integers(1, 5), st.randoms(use_true_random=False))
def test_a_table_digest_is_that_of_its_rows_in_any_order_and_sharding(
    rows: list[dict[str, Any]], size: int, chance: Any
) -> None:
    whole = table(rows)
    parts = [whole.slice(i, size) for i in range(0, max(1, len(rows)), size)]
    assert add_hex(table_digest(p) for p in parts) == table_digest(whole)
    assert row_digests(pa.concat_tables(parts)) == row_digests(whole)
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert table_digest(table(shuffled).select(SCHEMA.names[::-1])) == table_digest(whole)
    assert table_digest(whole, leave_out=["i", "l"]) == table_digest(whole.drop_columns(["i", "l"]))


@given(ROWS, ROWS)
def test_rows_have_one_digest_exactly_when_they_are_equal(
    left: list[dict[str, Any]], right: list[dict[str, Any]]
) -> None:
    def key(row: dict[str, Any]) -> str:
        number = row["f"]
        plain = "nan" if number is not None and math.isnan(number) else number and number + 0.0
        row = row | {"f": 0.0 if plain == 0 and plain is not None else plain}
        return repr(sorted(row.items()))

    rows = left + right
    digests = row_digests(table(rows))
    for i, row in enumerate(rows):
        for j in range(i):
            assert (digests[i] == digests[j]) == (key(row) == key(rows[j]))


def test_neighbouring_values_do_not_blur() -> None:
    rows: list[dict[str, Any]] = [
        {"s": "ab", "r": b"c"},
        {"s": "a", "r": b"bc"},
        {"s": "", "r": None},
        {"s": None, "r": b""},
    ]
    assert len(set(row_digests(table(rows)))) == 4


def test_no_columns_and_no_rows() -> None:
    assert row_digests(table([])) == []
    assert table_digest(table([])) == add_digests([]) == "0" * 32
    assert add_hex(["f" * 32, "1"]) == "0" * 32, "sums wrap around"
    nothing: dict[str, Any] = {}
    everything = table([nothing, nothing])
    assert len(row_digests(everything, leave_out=SCHEMA.names)) == 2


@given(st.lists(TEXT, max_size=20), st.integers(0, 5))
def test_seeded_numbers_belong_to_the_id(ids: list[str], seed: int) -> None:
    values = seeded(ids, seed=seed, stage="x")
    assert values.dtype == np.uint64
    assert list(seeded(ids[::-1], seed=seed, stage="x")) == list(values)[::-1]
    if ids:
        assert list(seeded(ids, seed=seed + 1, stage="x")) != list(values)
        assert list(seeded(ids, seed=seed, stage="y")) != list(values)


def test_what_is_not_plain_has_no_digest() -> None:
    with pytest.raises(TypeError):
        digest(object())


@given(ROWS)
def test_a_row_has_one_digest_whatever_rows_are_beside_it(rows: list[dict[str, Any]]) -> None:
    whole = table(rows)
    alone = [row_digests(whole.slice(i, 1))[0] for i in range(len(rows))]
    assert row_digests(whole) == alone


@given(st.lists(TEXT, max_size=6), st.integers(0, 6))
def test_a_column_of_texts_is_hashed_as_each_of_them(texts: list[str], at: int) -> None:
    column = pa.array(["before", *texts], pa.large_string())[1:]
    chunks = pa.chunked_array([column[:at], column[at:]])
    assert text_hashes(chunks) == [text_hash(text) for text in texts]


TOKENS = st.lists(st.none() | st.lists(st.integers(-100, 100), max_size=4), min_size=1, max_size=8)


@given(TOKENS, st.integers(0, 8), st.sampled_from([pa.int8(), pa.int32()]))
def test_lists_of_tokens_have_one_digest_exactly_when_they_are_equal(
    rows: list[list[int] | None], at: int, kind: pa.DataType
) -> None:
    column = pa.array(rows, pa.list_(kind))
    found = row_digests(pa.table({"a": pa.chunked_array([column[:at], column[at:]])}))
    alone = [row_digests(pa.table({"a": column.slice(i, 1)}))[0] for i in range(len(rows))]
    assert found == alone
    for i, one in enumerate(rows):
        assert [found[i] == other for other in found] == [one == other for other in rows]


def test_a_null_among_tokens_has_no_digest() -> None:
    with pytest.raises(ValueError, match="a null in a list of tokens"):
        row_digests(pa.table({"a": pa.array([[1, None]], pa.list_(pa.int32()))}))
