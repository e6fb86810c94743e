from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest import stackexchange
from tasks.ingest.items import DamagedInput, Fields, Record, Reject

if TYPE_CHECKING:
    import pytest

HEAD = b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\n<posts>\n'
QUESTION = {
    "Id": "4",
    "PostTypeId": "1",
    "AcceptedAnswerId": "7",
    "Score": "-3",
    "OwnerDisplayName": "12",
    "Title": "How do I <b>?",
    "Tags": "<c#><type-conversion>",
    "Body": "<p>Is <code>a &lt; b</code>?</p>\n\n<pre><code>x = 1\n  y\n</code></pre>",
    "ContentLicense": "CC BY-SA 4.0",
}
ANSWER = {"Id": "7", "PostTypeId": "2", "ParentId": "4", "Body": "<p>No.</p>", "Tags": "|a|b|"}


def row(attributes: dict[str, str]) -> bytes:
    escaped = (f"{k}={quoteattr(v, {chr(10): '&#xA;'})}" for k, v in attributes.items())
    return f"  <row {' '.join(escaped)} />\n".encode()


def read(data: bytes) -> list[Record | Reject]:
    return list(stackexchange.read(io.BytesIO(data), Fields()))


def kinds(data: bytes) -> list[tuple[int, str]]:
    return [
        (i.position, i.reason if isinstance(i, Reject) else str(i.record_id)) for i in read(data)
    ]


FILE = HEAD + row(QUESTION) + row(ANSWER) + b"</posts>\n"


def test_questions_and_answers_are_records_of_their_own() -> None:
    question, answer = read(FILE)
    assert isinstance(question, Record)
    assert question.text == "How do I <b>?\n\nIs a < b?\n\nx = 1\n  y"
    assert (question.record_id, question.license) == ("4", "CC-BY-SA-4.0")
    assert json.loads(question.metadata or "") == {
        "PostTypeId": 1,
        "AcceptedAnswerId": 7,
        "Score": -3,
        "OwnerDisplayName": "12",
        "Title": "How do I <b>?",
        "Tags": ["c#", "type-conversion"],
    }
    assert isinstance(answer, Record)
    assert (answer.text, answer.license, answer.position) == ("No.", None, 2)
    more: Any = json.loads(answer.metadata or "")
    assert more == {"PostTypeId": 2, "ParentId": 4, "Tags": ["a", "b"]}


def test_any_layout_of_the_xml_is_read() -> None:
    flat = b"<posts>" + row(QUESTION).strip() + row(ANSWER).strip() + b"</posts>"
    assert kinds(flat) == [(1, "4"), (2, "7")]
    spread = FILE.replace(b'" ', b'"\n ')
    assert kinds(spread) == [(1, "4"), (2, "7")]
    wide = FILE.removeprefix(b"\xef\xbb\xbf").decode().replace("utf-8", "utf-16").encode("utf-16")
    assert kinds(wide) == [(1, "4"), (2, "7")]
    assert kinds(b"<posts/>") == kinds(HEAD + b"</posts>") == kinds(b"") == []


def test_a_row_that_is_no_xml_costs_no_other() -> None:
    for bad in (b'  <row Id="5" Body="a & b" />\n', b"<row <>\n", b'<row a="\xff"/>\n', b"</x>\n"):
        data = HEAD + row(QUESTION) + bad + row(ANSWER) + b"</posts>\n"
        assert kinds(data) == [(1, "4"), (2, "invalid_xml"), (3, "7")], bad


def test_what_has_no_end_does_not_take_the_next_row_with_it() -> None:
    half = row(QUESTION)[:100] + b"\n"
    data = HEAD + half + row(ANSWER) + row(ANSWER) + b"</posts>\n"
    assert kinds(data) == [(1, "invalid_xml"), (2, "7"), (3, "7")]


def test_files_put_together() -> None:
    plain = FILE.removeprefix(b"\xef\xbb\xbf")
    assert kinds(plain + row(ANSWER) + b"</posts>") == [(1, "4"), (2, "7"), (3, "7")]
    found = kinds(plain + plain)
    assert [k for k in found if k[1] != "invalid_xml"] == [(1, "4"), (2, "7"), (4, "4"), (5, "7")]


def test_an_encoding_that_nobody_knows_is_a_reject() -> None:
    data = FILE.removeprefix(b"\xef\xbb\xbf").replace(b"utf-8", b"utf-88")
    assert kinds(data) == [(1, "invalid_xml"), (2, "4"), (3, "7")]


def test_a_file_that_is_cut_off_keeps_what_came_before() -> None:
    data = HEAD + row(ANSWER) + row(QUESTION)
    assert kinds(data) == [(1, "7"), (2, "4"), (3, "truncated_xml")]
    assert kinds(data[:-20]) == [(1, "7"), (2, "truncated_xml")]

    class Breaks(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            if line := super().readline(size):
                return line
            raise DamagedInput("corrupt_zstd", "the file is cut off")

    items = list(stackexchange.read(Breaks(data), Fields()))
    assert [i.position for i in items] == [1, 2, 3]
    assert items[2] == Reject(3, "corrupt_zstd", "the file is cut off")


def test_entities_that_grow_are_refused() -> None:
    bomb = (
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n<posts><row Body="&b;"/></posts>'
    )
    assert kinds(bomb) == [(1, "xml_doctype")]
    assert kinds(b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><posts/>') == [(1, "xml_doctype")]


def test_rows_of_other_kinds() -> None:
    comment = row({"Id": "1", "PostId": "2", "Text": "hello"})
    assert kinds(b"<comments>" + comment + b"</comments>") == [(1, "no_text")]
    (empty,) = read(b"<posts>" + row({"Id": "1", "Body": ""}) + b"</posts>")
    assert isinstance(empty, Record)
    assert empty.text == ""


def test_a_row_without_end_is_rejected_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stackexchange, "MAX_ROW_BYTES", 5_000)
    monkeypatch.setattr(stackexchange, "CHUNK", 1_000)
    long = row({"Id": "9", "Body": "x" * 50_000})
    data = HEAD + row(QUESTION) + long + row(ANSWER) + b"</posts>"
    assert kinds(data) == [(1, "4"), (2, "row_too_long"), (3, "7")]


PIECES = st.sampled_from([HEAD, row(QUESTION), row(ANSWER), b"</posts>", b"\n", b"&", b"<", b'"'])


@given(st.lists(PIECES | st.binary(max_size=9), max_size=12).map(b"".join))
def test_any_bytes_end_with_positions_that_grow(data: bytes) -> None:
    positions = [item.position for item in read(data)]
    assert positions == list(range(1, len(positions) + 1))
