"""Packed rows: every token once, one group a row, and as a simple reference packs them."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import columns as c
from schemas.budgets import Condition
from schemas.errors import ConfigError, SchemaError
from tasks import ragged
from tasks.hashing import seeded
from tasks.mixture import order, packing, rows

if TYPE_CHECKING:
    import random

EOS, PAD = -1, -2
Sizes = list[tuple[int, int]]
"""Tokens of documents, and their group."""


def sizes_up_to(length: int) -> st.SearchStrategy[Sizes]:
    return st.lists(st.tuples(st.integers(0, length), st.sampled_from([0, 1, 5])), max_size=20)


CASES = st.tuples(sizes_up_to(40), st.integers(2, 12)) | st.tuples(
    sizes_up_to(5000), st.sampled_from([1000, 1023, 1024, 1025, 2049, 4096])
)


def some(sizes: Sizes) -> packing.Documents:
    return packing.Documents(
        np.array([n for n, _ in sizes], dtype=np.int64),
        np.array([group for _, group in sizes], dtype=np.int64),
        seeded((f"document {i}" for i in range(len(sizes))), seed=0, stage="test"),
    )


def tokens(sizes: Sizes) -> list[list[int]]:
    """Tokens that no other document has."""
    return [list(range(i * 10_000, i * 10_000 + n)) for i, (n, _) in enumerate(sizes)]


def pieces(made: packing.Packing) -> list[list[tuple[int, int, int]]]:
    """Document, start and end of what lies in each row."""
    columns = (made.documents.tolist(), made.starts.tolist(), made.ends.tolist())
    every = list(zip(*columns, strict=True))
    return [every[a:b] for a, b in pairwise(made.offsets.tolist())]


def laid_out(made: packing.Packing, own: ragged.Lists) -> pa.Table:
    """The rows as a mixture has them."""
    placed, none = order.pieces(made, np.arange(made.rows)), pl.lit(None, pl.Int64)
    chosen = placed.with_columns(
        pl.lit("new").alias(c.ORIGIN),
        pl.lit("text").alias(c.KIND),
        pl.lit(0, pl.Int64).alias(c.EPOCH),
        pl.col(c.TOKENS).alias(c.SUPERVISED),
        none.alias(c.START),
        none.alias(c.END),
    )
    ids = [str(i) for i in range(len(made.lengths))]
    documents = pa.table({name: pa.array(ids, pa.string()) for name in (c.DOC_ID, c.SOURCE)})
    learned = ragged.Lists(np.ones(len(own.values), np.bool_), own.offsets)
    found = rows.Found(documents, own, learned)
    table = rows.pieces(chosen, made.documents, found, Condition())
    return rows.made(table, rows.Form("tokens", made.size, EOS, PAD))


def cut(length: int, size: int) -> list[tuple[int, int]]:
    """Pieces of a document's tokens and the end of its text."""
    found, start, unit = [], 0, length + 1 if length else 0
    while start < unit:
        end = min(start + size, unit)
        if unit - end == 1:
            end -= 1
        found.append((start, end))
        start = end
    return found


def reference(documents: packing.Documents, size: int) -> list[list[tuple[int, int, int]]]:
    """Best-fit decreasing, looking at every row for every piece."""
    rows: list[list[tuple[int, int, int]]] = []
    for group in (0, 1, 5):
        waiting = sorted(
            (start - end, int(documents.priority[i]), i, start, end)
            for i, length in enumerate(documents.lengths.tolist())
            if documents.groups[i] == group
            for start, end in cut(length, size)
        )
        made: list[list[tuple[int, int, int]]] = []
        changed: list[int] = []  # rows, the one that was added to last in front
        for negative, _, i, start, end in waiting:
            room = {row: size - sum(b - a for _, a, b in made[row]) for row in changed}
            fitting = [row for row in changed if room[row] >= -negative]
            row = min(fitting, key=room.__getitem__, default=len(made))
            if row == len(made):
                made.append([])
            else:
                changed.remove(row)
            made[row].append((i, start, end))
            changed.insert(0, row)
        rows += made
    return [sorted(row, key=lambda p: (documents.priority[p[0]], p)) for row in rows]


@given(CASES)
def test_packs_as_the_reference_does(case: tuple[Sizes, int]) -> None:
    sizes, size = case
    assert pieces(packing.pack(some(sizes), size)) == reference(some(sizes), size)


@given(CASES)
def test_every_token_once_and_in_order(case: tuple[Sizes, int]) -> None:
    sizes, size = case
    made = packing.pack(some(sizes), size)
    own = ragged.lists(pa.array(tokens(sizes), pa.list_(pa.int32())))
    table = laid_out(made, own)
    every = table.column(c.INPUT_IDS).to_pylist()
    assert [len(row) for row in every] == [size] * made.rows
    found: dict[int, list[tuple[int, list[int]]]] = {}
    for row, held in zip(every, pieces(made), strict=True):
        at = 0
        for document, start, end in held:
            found.setdefault(document, []).append((start, row[at : at + end - start]))
            at += end - start
        assert row[at:] == [PAD] * (size - at)
    joined = {i: [t for _, part in sorted(found[i]) for t in part] for i in found}
    assert joined == {i: [*ids, EOS] for i, ids in enumerate(tokens(sizes)) if ids}
    assert made.filled.sum() == sum(n + 1 for n, _ in sizes if n)
    attends = table.column(c.ATTENTION_MASK).to_pylist()
    assert attends == [[int(token != PAD) for token in row] for row in every]


@given(CASES)
def test_pieces_follow_each_other_and_only_long_documents_have_many(
    case: tuple[Sizes, int],
) -> None:
    sizes, size = case
    parts: dict[int, list[tuple[int, int]]] = {}
    for row in pieces(packing.pack(some(sizes), size)):
        for document, start, end in row:
            parts.setdefault(document, []).append((start, end))
    for document, found in parts.items():
        found.sort()
        assert [start for start, _ in found] == [0, *(end for _, end in found[:-1])]
        assert len(found) == -(-(sizes[document][0] + 1) // size)
        assert all(end - start >= min(2, size - 1) for start, end in found)


@given(CASES)
def test_rows_are_of_one_group_and_none_would_fit_into_another(case: tuple[Sizes, int]) -> None:
    sizes, size = case
    made = packing.pack(some(sizes), size)
    for row, group in zip(pieces(made), made.groups.tolist(), strict=True):
        assert {sizes[document][1] for document, _, _ in row} == {group}
    for own in (made.filled[made.groups == group] for group in (0, 1, 5)):
        assert all(a + b > size for a, b in combinations(own.tolist(), 2))
        assert all(0 < n <= size for n in own.tolist())


@given(CASES, st.randoms(use_true_random=False))
def test_the_order_of_documents_changes_nothing(
    case: tuple[Sizes, int], chance: random.Random
) -> None:
    sizes, size = case
    documents, mix = some(sizes), list(range(len(sizes)))
    chance.shuffle(mix)
    lengths, groups, priority = documents
    mixed = packing.Documents(lengths[mix], groups[mix], priority[mix])
    said = [
        [(mix[document], *place) for document, *place in row]
        for row in pieces(packing.pack(mixed, size))
    ]
    assert said == pieces(packing.pack(documents, size))


def test_every_row_has_a_name_of_its_own() -> None:
    made = packing.pack(some([(n, n % 3) for n in range(60)]), 16)
    assert len(set(packing.row_ids(made, [str(i) for i in range(60)]))) == made.rows


def test_by_hand() -> None:
    sizes = [(3, 1), (7, 1), (2, 1), (8, 1)]
    made = packing.pack(some(sizes), 8)
    # Eight and one: the second piece of the last document has a token before its end.
    assert sorted(map(sorted, pieces(made))) == [
        [(0, 0, 4), (2, 0, 3)],
        [(1, 0, 8)],
        [(3, 0, 7)],
        [(3, 7, 9)],
    ]
    assert made.filled.sum() == 24


def test_lists_of_slices_and_chunks() -> None:
    column = pa.array([[9], [1, 2], [], [3]], pa.list_(pa.int32()))[1:]
    for given_ in (column, pa.chunked_array([column[:1], column[1:]])):
        values, offsets = ragged.lists(given_)
        assert values.tolist() == [1, 2, 3]
        assert offsets.tolist() == [0, 2, 2, 3]
    values, offsets = ragged.lists(pa.chunked_array([], pa.list_(pa.int32())))
    assert not len(values)
    assert offsets.tolist() == [0]


@pytest.mark.parametrize("rows", [[[1], None], [[1, None]]])
def test_missing_tokens_are_refused(rows: list[list[int | None] | None]) -> None:
    with pytest.raises(SchemaError, match="none missing"):
        ragged.lists(pa.array(rows, pa.list_(pa.int32())))


@pytest.mark.parametrize("size", [-1, 0, 1])
def test_rows_too_short_for_a_token_and_its_end(size: int) -> None:
    with pytest.raises(ConfigError, match=f"got rows of {size} tokens, wanted at least 2"):
        packing.pack(some([(1, 0)]), size)
