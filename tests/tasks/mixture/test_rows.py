"""Rows made of pieces: as a plain reference lays them out, in all formats."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas import columns as c
from schemas.mixture import MESSAGES, PACKED, TEXT, TOKENS
from tasks.mixture import rows
from tasks.mixture.order import PIECE
from tasks.mixture.rows import PIECES, Form

if TYPE_CHECKING:
    import random

SIZE, END, PAD = 12, 99, 7
TURNS = [{"role": "user", "content": "Hé?"}, {"role": "assistant", "content": "Ha."}]


def piece(**said: Any) -> dict[str, Any]:
    given_: dict[str, Any] = {
        c.TEXT: "text", c.ORIGIN: "new", c.EPOCH: 0, c.POSITION: 0, c.URL: None, c.KIND: "text",
        c.DOC_ID: "d", c.SOURCE: "s", c.LICENSE: None, c.TOKENS: len(said.get(c.INPUT_IDS, ())),
        c.SUPERVISED: 0, c.WEIGHT: 1.0, c.START: None, c.END: None, c.SOURCE_CLASS: None,
        c.CONDITION_PREFIX: None, c.LOSS_WEIGHT: 1.0, c.MESSAGES: None, PIECE: 0,
        c.TOKEN_START: 0, c.ENDS: True, c.INPUT_IDS: [], rows.LEARNED: [],
    }  # fmt: skip
    made = given_ | said
    return made | {rows.LEARNED: [int(learned) for learned in made[rows.LEARNED]]}


def table(pieces: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(pieces, schema=PIECES)


@st.composite
def packed(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    """Rows of pieces that fit into them."""
    found = []
    for position in range(draw(st.integers(0, 5))):
        row: list[dict[str, Any]] = []
        room = SIZE
        while room > 1 and (not row or draw(st.booleans())):
            n, ends = draw(st.integers(1, room - 1)), draw(st.booleans())
            ids = draw(st.lists(st.integers(0, 50), min_size=n, max_size=n))
            learned = draw(st.lists(st.booleans(), min_size=n, max_size=n))
            said: dict[str, Any] = {c.POSITION: position, PIECE: len(row), c.ENDS: ends}
            said |= {
                c.DOC_ID: f"{position}-{len(row)}",
                c.LICENSE: draw(st.sampled_from(["a", None])),
            }
            row.append(piece(**said, input_ids=ids, learned=learned))
            room -= n + ends
        found.append(row)
    return found


@given(packed())
def test_packed_rows_are_as_the_reference_lays_them_out(given_: list[list[dict[str, Any]]]) -> None:
    made = rows.made(table([p for row in given_ for p in row]), Form("tokens", SIZE, END, PAD))
    assert made.schema == PACKED
    wanted = []
    for position, row in enumerate(given_):
        ids = [i for p in row for i in [*p[c.INPUT_IDS], *[END] * p[c.ENDS]]]
        labels = []
        for p in row:
            both = zip(p[c.INPUT_IDS], p[rows.LEARNED], strict=True)
            labels += [i if yes else -100 for i, yes in both] + [END] * p[c.ENDS]
        left = SIZE - len(ids)
        wanted.append({
            c.INPUT_IDS: ids + [PAD] * left,
            c.ATTENTION_MASK: [1] * len(ids) + [0] * left,
            c.LABELS: labels + [-100] * left,
            c.ORIGIN: "new", c.EPOCH: 0, c.POSITION: position,
            **{name: [p[name] for p in row] for name in (
                c.KIND, c.DOC_ID, c.SOURCE, c.LICENSE, c.TOKENS, c.WEIGHT, c.START, c.END,
                c.SOURCE_CLASS, c.CONDITION_PREFIX, c.LOSS_WEIGHT, c.TOKEN_START, c.ENDS)},
            c.SUPERVISED: [sum(p[rows.LEARNED]) for p in row],
        })  # fmt: skip
    assert made.to_pylist() == wanted


def test_a_document_a_row() -> None:
    pieces = table([
        piece(input_ids=[1, 2], learned=[True, True]),
        piece(input_ids=[3, 4, 5], learned=[False, True, False], messages=TURNS, kind="chat",
              position=1, url="u", source_class="expert", loss_weight=2.5),
    ])  # fmt: skip
    made = rows.made(pieces, Form("tokens", None, END, PAD))
    assert made.schema == TOKENS
    assert made.column(c.INPUT_IDS).to_pylist() == [[1, 2, END], [3, 4, 5, END]]
    assert made.column(c.LABELS).to_pylist() == [[1, 2, END], [-100, 4, -100, END]]
    assert made.column(c.ATTENTION_MASK).to_pylist() == [[1] * 3, [1] * 4]
    assert made.column(c.TEXT).to_pylist() == ["text", None]
    assert made.column(c.MESSAGES).to_pylist() == [None, TURNS]
    assert made.column(c.LOSS_WEIGHT).to_pylist() == [1.0, 2.5]
    assert made.column(c.URL).to_pylist() == [None, "u"]


def test_text_and_messages() -> None:
    pieces = table([piece(), piece(messages=TURNS, kind="chat", text="<rendered>", position=1)])
    text = rows.made(pieces, Form("text"))
    assert text.schema == TEXT
    assert text.column(c.TEXT).to_pylist() == ["text", "<rendered>"]
    messages = rows.made(pieces, Form("messages"))
    assert messages.schema == MESSAGES
    assert messages.column(c.TEXT).to_pylist() == ["text", None]
    assert messages.column(c.MESSAGES).to_pylist() == [None, TURNS]


@given(st.lists(st.text(max_size=30), max_size=20), st.integers(1, 60))
def test_row_groups_are_bounded_and_lose_nothing(texts: list[str], most: int) -> None:
    made = rows.made(table([piece(text=t) for t in texts]), Form("text"))
    groups = list(rows.row_groups(made, max_bytes=most))
    assert [t for group in groups for t in group.column(c.TEXT).to_pylist()] == texts
    sizes = [[len(t.as_py().encode()) for t in group.column(c.TEXT)] for group in groups]
    assert all(sum(held) <= most or len(held) == 1 for held in sizes)
    assert all(sum(held) + after[0] > most for held, after in pairwise(sizes))


def test_turns_and_ids_count_for_row_groups() -> None:
    chat = table([piece(messages=TURNS, kind="chat")] * 3)
    made = rows.made(chat, Form("messages"))
    assert [g.num_rows for g in rows.row_groups(made, max_bytes=14)] == [2, 1]
    made = rows.made(table([piece(input_ids=[1] * 3, learned=[True] * 3)] * 3), Form("tokens"))
    assert [g.num_rows for g in rows.row_groups(made, max_bytes=40)] == [2, 1]


@given(packed(), st.randoms(use_true_random=False))
def test_pieces_in_another_order(given_: list[list[dict[str, Any]]], chance: random.Random) -> None:
    pieces = [p for row in given_ for p in row]
    order = list(range(len(pieces)))
    chance.shuffle(order)
    moved = rows.in_order(table(pieces), np.array(order, np.int64))
    assert moved.schema == PIECES
    assert moved.to_pylist() == table([pieces[i] for i in order]).to_pylist()
