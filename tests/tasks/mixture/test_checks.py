"""What is wrong with rows: each statement, and the rows it does not hold of."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import columns as c
from schemas.mixture import TOKENS
from tasks.mixture import checks
from tasks.mixture.checks import Known, problems

END = 0
KNOWN = Known(max_length=4, size=10, end_id=END)
ROW = {c.INPUT_IDS: [5, 6, END], c.ATTENTION_MASK: [1, 1, 1], c.LABELS: [-100, 6, END]}
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "too long": (
        {c.INPUT_IDS: [5] * 4 + [END], c.ATTENTION_MASK: [1] * 5, c.LABELS: [5] * 4 + [END]},
        checks.LONG,
    ),
    "nothing to learn": ({**ROW, c.LABELS: [-100] * 3}, checks.UNLEARNED),
    "no end": ({**ROW, c.INPUT_IDS: [5, 6, 7], c.LABELS: [5, 6, 7]}, checks.UNENDED),
    "a foreign id": ({**ROW, c.INPUT_IDS: [10, 6, END]}, checks.FOREIGN),
    "a negative id": ({**ROW, c.INPUT_IDS: [-1, 6, END]}, checks.FOREIGN),
    "another label": ({**ROW, c.LABELS: [7, 6, END]}, checks.ODD),
    "padding is learned": ({**ROW, c.ATTENTION_MASK: [0, 0, 1]}, checks.PADDED),
}


def table(*rows: dict[str, Any]) -> pa.Table:
    fields = [TOKENS.field(name) for name in ROW]
    extra = sorted({name for row in rows for name in row} - ROW.keys())
    kinds = {c.ENDS: pa.list_(pa.bool_()), c.START: pa.int64()}
    schema = pa.schema([*fields, *(pa.field(name, kinds[name]) for name in extra)])
    return pa.Table.from_pylist(list(rows), schema)


def wrong(rows: pa.Table, known: Known = KNOWN) -> dict[str, list[int]]:
    found = {statement: mask.nonzero()[0].tolist() for statement, mask in problems(rows, known)}
    return {statement: places for statement, places in found.items() if places}


@pytest.mark.parametrize("case", CASES)
def test_each_mistake_is_found_in_its_row(case: str) -> None:
    row, statement = CASES[case]
    assert wrong(table(ROW, row, ROW)) == {statement.format(**KNOWN._asdict()): [1]}


def test_unequal_lengths_and_rows_without_tokens() -> None:
    short = {**ROW, c.LABELS: [6, END]}
    assert wrong(table(ROW, short)) == {checks.UNEVEN: [1]}
    empty: dict[str, Any] = {name: [] for name in ROW}
    assert wrong(table(empty, ROW)) == {
        checks.EMPTY: [0],
        checks.UNLEARNED: [0],
        checks.UNENDED.format(end_id=END): [0],
    }


def test_padding_behind_the_end_and_passages_need_no_other_end() -> None:
    padded = {
        c.INPUT_IDS: [5, END, 9],
        c.ATTENTION_MASK: [1, 1, 0],
        c.LABELS: [5, END, -100],
        c.START: None,
    }
    passage = {**ROW, c.INPUT_IDS: [5, 6, 7], c.LABELS: [5, 6, 7], c.START: 100}
    assert wrong(table(padded, passage)) == {}


def test_a_packed_row_has_an_end_for_each_document_that_ends_there() -> None:
    rows = [
        {**ROW, c.ENDS: [True, False]},
        {**ROW, c.ENDS: [True, True]},
        {**ROW, c.ENDS: [False]},
    ]
    assert wrong(table(*rows)) == {checks.UNENDED.format(end_id=END): [1]}


def test_what_is_not_known_is_not_looked_at() -> None:
    row = {**ROW, c.INPUT_IDS: [5, 6, 99999], c.LABELS: [5, 6, 99999]}
    assert wrong(table(row), Known()) == {}


def test_rows_of_text_are_counted_by_their_columns() -> None:
    rows = pa.table({c.TOKENS: [3, 5, 0], c.SUPERVISED: [3, 0, 0]})
    assert wrong(rows) == {
        checks.EMPTY: [2],
        checks.LONG.format(max_length=4): [1],
        checks.UNLEARNED: [1, 2],
    }


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), max_size=8))
def test_long_and_unended_rows_are_those_that_a_loop_finds(ids: list[list[int]]) -> None:
    rows = [{c.INPUT_IDS: own, c.ATTENTION_MASK: [1] * len(own), c.LABELS: own} for own in ids]
    found = wrong(table(*rows))
    long = [i for i, own in enumerate(ids) if len(own) > 4]
    unended = [i for i, own in enumerate(ids) if own[-1] != END]
    assert found.get(checks.LONG.format(max_length=4), []) == long
    assert found.get(checks.UNENDED.format(end_id=END), []) == unended
    assert set(found) <= {s.format(**KNOWN._asdict()) for s in (checks.LONG, checks.UNENDED)}


def test_columns_that_trainers_mistake() -> None:
    schema = pa.schema([("input_ids", pa.list_(pa.int32())), ("doc_id", pa.string()),
                        ("position_ids", pa.int64())])  # fmt: skip
    assert checks.unfit(schema) == ["doc_id", "position_ids"]
    assert checks.forbidden(schema) == ["position_ids"]
