"""What is kept of documents that are read once: the same whatever their order, and bounded."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import columns as c
from tasks import hashing
from tasks.drawing import OWN, Draw, candidates


def batch(rows: list[tuple[str | None, str]]) -> pa.Table:
    texts = pa.chunked_array([pa.array([text for _, text in rows], pa.large_string())])
    columns = {
        c.RECORD_ID: pa.array([own for own, _ in rows], pa.string()),
        c.SOURCE: pa.array(["some"] * len(rows), pa.string()),
        c.TEXT: texts,
    }
    return candidates(
        pa.table(columns), hashing.text_hashes(texts), seed=1, stage="test"
    )  # fmt: skip


def kept(rows: list[tuple[str | None, str]], size: int, characters: int, least: int = 0) -> Any:
    draw = Draw(characters, least=least)
    for start in range(0, len(rows), size):
        draw.add(batch(rows[start : start + size]))
    return draw.table()


@given(st.integers(0, 30), st.integers(1, 7), st.integers(0, 200), st.integers(0, 99))
def test_it_does_not_depend_on_order_or_batches(
    n: int, size: int, characters: int, seed: int
) -> None:
    rows: list[tuple[str | None, str]] = [
        (f"d{i // 2}" if i % 3 else None, f"text {i} " * (i % 5)) for i in range(n)
    ]
    turned = random.Random(seed).sample(rows, n)
    one, other = kept(rows, 100, characters), kept(turned, size, characters)
    assert one.column(c.TEXT).to_pylist() == other.column(c.TEXT).to_pylist()


def test_so_many_characters_are_kept_and_no_document_in_parts() -> None:
    rows: list[tuple[str | None, str]] = [(f"d{i // 4}", "x" * 10) for i in range(4_000)]
    found = kept(rows, 64, 1_000)
    own = found.column(OWN).to_pylist()
    assert len(own) == 100
    assert {own.count(one) for one in own} == {4}


def test_a_few_documents_are_kept_however_long_they_are() -> None:
    rows: list[tuple[str | None, str]] = [(str(i), "x" * 1_000) for i in range(100)]
    assert kept(rows, 7, 1_000, least=20).num_rows == 20
    assert kept(rows, 7, 1_000).num_rows == 1


@pytest.mark.parametrize("rows", [[], [("a", "")]])
def test_nothing_is_something(rows: list[tuple[str | None, str]]) -> None:
    assert kept(rows, 5, 100).num_rows == len(rows)
