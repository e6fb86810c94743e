from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest import tabular
from tasks.ingest.items import DamagedInput, Fields, Record, Reject

FIELDS = Fields(text="text", id="id")


def read(data: bytes | str, fields: Fields = FIELDS) -> list[Record | Reject]:
    raw = data.encode() if isinstance(data, str) else data
    return list(tabular.read(io.BytesIO(raw), fields))


def kinds(data: bytes | str) -> list[tuple[int, str]]:
    return [(i.position, i.reason if isinstance(i, Reject) else i.text) for i in read(data)]


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_row_is_a_record(delimiter: str, end: str) -> None:
    rows = ["id", "text", "n, m; o"], ["1", 'a,;\t"b"\r\nc', "x"], ["2", "", "y"]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    first, second = read(text.getvalue())
    assert isinstance(first, Record)
    assert (first.text, first.record_id, first.position) == ('a,;\t"b"\r\nc', "1", 1)
    assert json.loads(first.metadata or "") == {"n, m; o": "x"}
    assert isinstance(second, Record)
    assert (second.text, second.position) == ("", 2)


def test_encodings() -> None:
    body = "id,text\n1,Grüße\n"
    for charset in ("utf-8", "utf-8-sig"):
        assert kinds(body.encode(charset)) == [(1, "Grüße")]
    mixed = b"id,text\n1,Gr\xfc\xdfe\n2,fine\n3," + "Grüße".encode() + b"\n"
    assert kinds(mixed) == [(1, "not_utf8"), (2, "fine"), (3, "Grüße")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1", "wrong_field_count"),
        ("1,2,3", "wrong_field_count"),
        ('1,"a"b', "bad_quotes"),
        ('1,"a" ', "bad_quotes"),
        (" ", "wrong_field_count"),
    ],
)
def test_a_bad_row_costs_no_other(line: str, reason: str) -> None:
    data = f"id,text\n1,one\n{line}\n3,three\n"
    assert kinds(data) == [(1, "one"), (2, reason), (3, "three")]


def test_a_quote_without_its_twin_takes_the_rest_with_it_and_is_told() -> None:
    data = 'id,text\n1,one\n2,"two\n3,three\n'
    assert kinds(data) == [(1, "one"), (2, "unclosed_quote")]


def test_blank_rows_nul_and_quotes_inside_of_a_field() -> None:
    assert kinds('id,text\n\n1,a\0b\n\r\n2,c "d" e\n') == [(1, "a\0b"), (2, 'c "d" e')]


def test_headers() -> None:
    (item,) = read("id,text,,text,x\n1,a,b,c,d\n")
    assert isinstance(item, Record)
    assert item.text == "a"
    assert json.loads(item.metadata or "") == {"column_3": "b", "text_4": "c", "x": "d"}
    assert kinds("text\nall, of; it\n") == [(1, "wrong_field_count")]
    assert kinds('text\n"all, of; it"\n') == [(1, "all, of; it")]
    assert kinds("id;text\n1;a, b, c\n") == [(1, "a, b, c")]
    assert kinds("a,b;c\n1,2\n") == [(1, "no_text")]
    assert kinds('"id,text\n1,2\n') == [(1, "bad_header")]
    assert kinds("") == kinds("id,text\n") == []


def test_long_lines_and_fields_are_rejected_before_they_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tabular, "MAX_FIELD_CHARS", 100)
    data = (
        "id,text\n1,one\n2," + "x" * 250 + '\n3,three\n4,"' + ("y" * 60 + "\n") * 3 + '"\n5,end\n'
    )
    found = kinds(data)
    assert found[:3] == [(1, "one"), (2, "line_too_long"), (3, "three")]
    assert found[3] == (4, "field_too_long")
    monkeypatch.undo()
    assert kinds("id,text\n1," + "x" * 300_000 + "\n") == [(1, "x" * 300_000)]


def test_a_stream_that_breaks_keeps_what_came_before_and_stays_open() -> None:
    class Breaks(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            if data := super().read1(size or -1):
                return data
            raise DamagedInput("corrupt_gzip", "the file is cut off")

    stream = Breaks(b"id,text\n1,one\n2,tw")
    items = list(tabular.read(stream, FIELDS))
    assert [i.reason if isinstance(i, Reject) else i.text for i in items] == ["one", "corrupt_gzip"]
    assert not stream.closed


CELLS = st.lists(st.text(st.characters(codec="utf-8"), max_size=9), min_size=2, max_size=2)


@given(st.lists(CELLS, max_size=8), st.sampled_from(tabular.DELIMITERS))
def test_what_csv_writes_is_read(rows: list[list[str]], delimiter: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([["n", "text"], *rows])
    assert kinds(text.getvalue()) == [(i, row[1]) for i, row in enumerate(rows, start=1)]


PIECES = st.sampled_from([b"id,text\n", b'"', b",", b"\n", b"\r", b"\t", b"\xff\xfe", b"1,a\n"])


@given(st.lists(PIECES | st.binary(max_size=9), max_size=20).map(b"".join))
def test_any_bytes_end_with_positions_that_grow(data: bytes) -> None:
    for prefix in (b"", b"id,text\n"):
        positions = [item.position for item in read(prefix + data)]
        assert positions == list(range(1, len(positions) + 1))
