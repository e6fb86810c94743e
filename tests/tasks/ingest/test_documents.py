from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import Source
from tasks.ingest.documents import batches, to_documents
from tasks.ingest.items import Record, Reject, excerpt
from tests.tasks.ingest.reading import lines, numbered, read

if TYPE_CHECKING:
    from pathlib import Path

TEXT = st.text(st.characters(codec="utf-8"))


def test_ids_do_not_depend_on_file_order_or_neighbours(tmp_path: Path) -> None:
    rows = [*numbered(50), {"text": "no id"}, {"text": "e\u0301 raw"}]
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "all.jsonl").write_bytes(lines(rows))
    (tmp_path / "b").mkdir()
    for i, row in enumerate(reversed(rows)):
        (tmp_path / "b" / f"{i:02}.jsonl").write_bytes(lines([row]))
    one, many = read(tmp_path / "a"), read(tmp_path / "b")
    ids = {d["doc_id"]: d["text"] for d in one.documents}
    assert ids == {d["doc_id"]: d["text"] for d in many.documents}
    assert len(ids) == 52
    other = read(tmp_path / "a", name="other")
    assert not ids.keys() & {d["doc_id"] for d in other.documents}


@given(st.text(st.characters(categories=["L", "N", "Z"]), max_size=20), st.text(max_size=20))
def test_an_id_is_never_taken_for_a_text(own: str, text: str) -> None:
    source = Source(name="s", url=("x",))
    records = [("", Record(1, own)), ("", Record(2, text, record_id=own))]
    first, second = to_documents(records, source=source).column("doc_id").to_pylist()
    assert first != second


def test_batches_are_bounded_by_rows_and_by_characters() -> None:
    items: list[tuple[str, Record | Reject]] = [("", Record(i, "x")) for i in range(5_000)]
    assert [len(r) for r, _ in batches(items)] == [2_048, 2_048, 904]
    heavy: list[tuple[str, Record | Reject]] = [
        ("", Record(i, "x" * 10, metadata="y" * 3_000_000)) for i in range(7)
    ]
    assert [len(r) for r, _ in batches(heavy)] == [3, 3, 1]
    bad: list[tuple[str, Record | Reject]] = [("", Reject(i, "r")) for i in range(3_000)]
    assert [len(r) for _, r in batches(bad)] == [2_048, 952]
    assert list(batches([])) == []


@pytest.mark.parametrize(
    ("secret", "mask"),
    [
        ("jane.doe+list@mail.example.org", "<email>"),
        ("+49 (0)30 1234-5678", "<number>"),
        ("192.168.1.10", "<ip>"),
        ("8.8.8.8", "<ip>"),
        ("2001:db8:85a3::8a2e:370:7334", "<ip>"),
    ],
)
def test_an_excerpt_masks_personal_data(secret: str, mask: str) -> None:
    assert excerpt(f"write to {secret} now") == f"write to {mask} now"
    for shift in range(140, 210):
        shown = excerpt("x" * shift + " " + secret + " " + "y" * 900)
        assert secret[:6] not in shown


@given(st.text(max_size=2_000) | st.binary(max_size=2_000))
def test_an_excerpt_is_short_and_obeyed_by_no_terminal(data: str | bytes) -> None:
    shown = excerpt(data)
    assert len(shown) <= 200
    assert not [ch for ch in shown if unicodedata.category(ch) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(shown) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069")
