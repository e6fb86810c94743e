from __future__ import annotations

import io
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest import chat
from tasks.ingest.items import DamagedInput, Fields, Record, Reject
from tests.real_data import real_data

ASKED = [
    {"role": "user", "content": "What is 2 + 2?"},
    {"role": "assistant", "content": '4, ["of"] {course}\\\n'},
]
ROW = {"id": "a", "messages": ASKED}


def read(data: bytes) -> list[Record | Reject]:
    return list(chat.read(io.BytesIO(data), Fields()))


def one(row: object) -> Record | Reject:
    (item,) = read(json.dumps(row).encode())
    return item


def messages(row: object) -> list[tuple[str, str]]:
    item = one(row)
    assert isinstance(item, Record), item
    return [(m["role"], m["content"]) for m in item.messages or []]


def reason(row: object) -> str:
    item = one(row)
    assert isinstance(item, Reject), item
    return item.reason


def kinds(items: list[Record | Reject]) -> list[tuple[int, str]]:
    return [(i.position, i.reason if isinstance(i, Reject) else "ok") for i in items]


def test_messages_their_text_and_what_else_a_row_has() -> None:
    item = one({**ROW, "source": "x", "text": "kept", "license": "MIT", "url": "u"})
    assert isinstance(item, Record)
    assert item.messages == ASKED
    assert item.text == f"User: What is 2 + 2?\n\nAssistant: {ASKED[1]['content']}"
    assert (item.record_id, item.license, item.url) == ("a", "MIT", "u")
    assert json.loads(item.metadata or "") == {"source": "x", "text": "kept"}


def test_sharegpt() -> None:
    turns = [
        {"from": "system", "value": "Be kind."},
        {"from": "human", "value": "Hi"},
        {"from": "gpt", "value": "Hello", "weight": 1},
        {"from": "tool", "value": "12"},
    ]
    expected = [("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello"), ("tool", "12")]
    assert messages({"conversations": turns}) == expected
    item = one({"conversations": turns})
    assert isinstance(item, Record)
    assert json.loads(item.metadata or "") == {"turns": [{}, {}, {"weight": 1}, {}]}


def test_alpaca() -> None:
    row = {"instruction": "Add.", "input": "2 and 2", "output": "4"}
    assert messages(row) == [("user", "Add.\n2 and 2"), ("assistant", "4")]
    more = {**row, "input": "", "system": "You add.", "history": [["1 and 1?", "2"]]}
    assert messages(more) == [
        ("system", "You add."),
        ("user", "1 and 1?"),
        ("assistant", "2"),
        ("user", "Add."),
        ("assistant", "4"),
    ]
    assert messages({"instruction": "", "input": "q", "output": "a", "system": ""})[0][1] == "q"


def test_content_in_parts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "value": "b"}]
    turns = [{"role": "user", "content": parts}, {"role": "assistant", "content": "c"}]
    assert messages({"messages": turns}) == [("user", "ab"), ("assistant", "c")]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("hi", "not_an_object"),
        ({"question": "q"}, "unknown_layout"),
        ({"messages": None}, "no_turns"),
        ({"messages": []}, "no_turns"),
        ({"messages": [{"role": "system", "content": "s"}]}, "no_turns"),
        ({"messages": ["hi"]}, "bad_turn"),
        ({"messages": [{"role": "user"}]}, "missing_key"),
        ({"messages": [{"content": "x"}]}, "missing_key"),
        ({"messages": [{"role": 3, "content": "x"}]}, "missing_key"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "unknown_role"),
        ({"messages": [{"role": "user", "content": " \n"}]}, "empty_turn"),
        ({"messages": [{"role": "user", "content": 5}]}, "unsupported_content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "unsupported_content",
        ),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": [1]}]}, "tool_calls"),
        ({"conversations": [{"from": "function_call", "value": "{}"}]}, "tool_calls"),
        ({"conversations": [], "chosen": {}, "rejected": {}}, "preference_pair"),
        ({"instruction": "x"}, "missing_key"),
        ({"instruction": 1, "output": "x"}, "missing_key"),
        ({"instruction": "x", "output": None}, "missing_key"),
        ({"instruction": "x", "output": ""}, "empty_turn"),
        ({"instruction": "x", "output": "y", "history": [["a"]]}, "bad_history"),
        ({"instruction": "x", "output": "y", "history": 5}, "bad_history"),
    ],
)
def test_what_is_no_conversation_is_rejected_by_name(row: object, why: str) -> None:
    assert reason(row) == why


def test_lines_and_arrays_have_the_same_rows() -> None:
    rows = [ROW, {"instruction": 'a,]}"', "output": "\\"}, {"bad": 1}, ROW]
    as_lines = "\n\n".join(map(json.dumps, rows)).encode()
    assert kinds(read(as_lines)) == [(1, "ok"), (3, "ok"), (5, "unknown_layout"), (7, "ok")]
    assert kinds(read(b"\xef\xbb\xbf\r\n" + as_lines))[0] == (2, "ok")
    expected = [(1, "ok"), (2, "ok"), (3, "unknown_layout"), (4, "ok")]
    for indent in (None, 2):
        array = json.dumps(rows, indent=indent).encode()
        assert kinds(read(array)) == expected
        assert kinds(read(b"\xef\xbb\xbf \n\n" + array + b"\n\n")) == expected
        assert next(i for i in read(array) if isinstance(i, Record)).messages == ASKED


def test_arrays_cut_into_any_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"instruction": 'q"\\' * i + "\\" * i, "output": "a", "n": [{"x": []}]} for i in range(1, 9)
    ]
    array = json.dumps(rows, indent=1, ensure_ascii=False).encode()
    whole = read(array)
    assert kinds(whole) == [(i, "ok") for i in range(1, 9)]
    for size in range(1, 40):
        monkeypatch.setattr(chat, "CHUNK", size)
        assert read(array) == whole


def test_a_bad_element_costs_no_other() -> None:
    row = json.dumps(ROW).encode()
    data = b"[" + row + b", {broken}, 3, nul, {'a': 1}, \xff, " + row + b"]"
    assert kinds(read(data)) == [
        (1, "ok"),
        (2, "invalid_json"),
        (3, "not_an_object"),
        (4, "invalid_json"),
        (5, "invalid_json"),
        (6, "invalid_json"),
        (7, "ok"),
    ]


def test_arrays_that_end_too_early_or_too_late() -> None:
    row = json.dumps(ROW).encode()
    assert kinds(read(b"[" + row + b"," + row[:20])) == [(1, "ok"), (2, "truncated_array")]
    assert kinds(read(b"[" + row)) == [(1, "truncated_array")]
    assert kinds(read(b"[")) == [(1, "truncated_array")]
    assert kinds(read(b"[]")) == []
    assert kinds(read(b"[" + row + b"] tail " + row)) == [(1, "ok"), (2, "trailing_data")]


def test_long_rows_are_rejected_before_they_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chat, "MAX_ROW_BYTES", 200)
    row, long = json.dumps(ROW).encode(), json.dumps({**ROW, "x": "y" * 999}).encode()
    expected = [(1, "ok"), (2, "row_too_long"), (3, "ok")]
    assert kinds(read(b"\n".join([row, long, row]))) == expected
    for size in (7, 64, 4_096):
        monkeypatch.setattr(chat, "CHUNK", size)
        assert kinds(read(b"[" + b",".join([row, long, row]) + b"]")) == expected


def test_deep_nesting_is_a_reject() -> None:
    deep = b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert kinds(read(deep)) == [(1, "invalid_json")]
    assert kinds(read(b"[" + deep + b"]")) == [(1, "invalid_json")]


def test_a_stream_that_breaks_keeps_what_came_before() -> None:
    class Breaks(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            if data := super().read1(size or -1):
                return data
            raise DamagedInput("corrupt_gzip", "the file is cut off")

        def readline(self, size: int | None = -1, /) -> bytes:
            if data := super().readline(size):
                return data
            raise DamagedInput("corrupt_gzip", "the file is cut off")

    row = json.dumps(ROW).encode()
    for data in (row + b"\n", b"[" + row + b",\n" + row[:30]):
        items = list(chat.read(Breaks(data), Fields()))
        assert kinds(items) == [(1, "ok"), (2, "corrupt_gzip")]


@pytest.mark.parametrize(
    ("file", "documents", "rejects"),
    [
        ("llamafactory/alpaca_en_demo.json", 999, {}),
        ("llamafactory/alpaca_zh_demo.json", 1_000, {}),
        ("llamafactory/identity.json", 91, {}),
        ("llamafactory/kto_en_demo.json", 300, {}),
        ("llamafactory/v1_sft_demo.jsonl", 500, {}),
        ("llamafactory/glaive_toolcall_en_demo.json", 147, {"tool_calls": 153}),
        ("llamafactory/dpo_en_demo.json", 0, {"preference_pair": 300}),
        ("llamafactory/v1_dpo_demo.jsonl", 0, {"preference_pair": 10}),
        ("llamafactory/reason_tool_use_demo_50.jsonl", 0, {"unsupported_content": 50}),
        ("fastchat/data/dummy_conversation.json", 500, {}),
    ],
)
def test_real_conversations(file: str, documents: int, rejects: dict[str, int]) -> None:
    with (real_data() / "instruct" / file).open("rb") as stream:
        items = list(chat.read(stream, Fields()))
    assert sum(isinstance(item, Record) for item in items) == documents
    assert Counter(item.reason for item in items if isinstance(item, Reject)) == rejects


KEYS = (
    *("messages", "conversations", "role", "from", "content", "value", "instruction"),
    *("output", "history", "input", "system", "type", "text"),
)
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(VALUES, max_size=4))
def test_any_rows_are_each_one_item(rows: list[object]) -> None:
    assert [i.position for i in read(json.dumps(rows).encode())] == list(range(1, len(rows) + 1))


PIECES = st.sampled_from([b"[", b"]", b"{", b"}", b'"', b",", b"\\", b"\n", b'{"messages":'])


@given(st.lists(PIECES | st.binary(max_size=5), max_size=40).map(b"".join))
def test_any_bytes_end_with_positions_that_grow(data: bytes) -> None:
    for prefix in (b"", b"["):
        positions = [item.position for item in read(prefix + data)]
        assert positions == sorted(set(positions))
