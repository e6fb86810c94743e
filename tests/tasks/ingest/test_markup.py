from __future__ import annotations

import gzip
import io
import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest import markup
from tasks.ingest.items import DamagedInput, Fields, Record, Reject
from tests.real_data import real_data

Syntax = Literal["html", "text"]


def read(data: bytes, syntax: Syntax = "text", *, front_matter: bool = False) -> Record | Reject:
    (item,) = markup.read(io.BytesIO(data), Fields(), syntax=syntax, front_matter=front_matter)
    assert item.position == 1
    return item


def text(data: bytes, syntax: Syntax = "text", *, front_matter: bool = False) -> tuple[str, Any]:
    """Text and metadata."""
    item = read(data, syntax, front_matter=front_matter)
    assert isinstance(item, Record), item
    return item.text, json.loads(item.metadata or "null")


def reason(data: bytes, syntax: Syntax = "text") -> str:
    item = read(data, syntax)
    assert isinstance(item, Reject)
    return item.reason


def test_html_is_its_main_content_with_the_title() -> None:
    page = (
        b"<html><head><title>On\n tea</title><style>p {}</style></head><body>"
        b"<nav><ul><li><a href='/'>Home</a></li></ul></nav>"
        b"<main><h1>Tea</h1><p>Hot &amp; sweet.</p><pre>a\n  b</pre></main>"
        b"<script>x()</script><footer>(c) 2024</footer></body></html>"
    )
    assert text(page, "html") == ("Tea\n\nHot & sweet.\n\na\n  b", {"title": "On tea"})
    assert text(b"<p>x", "html") == ("x", None)
    assert text(b"<html></html>", "html") == ("", None)


def test_other_markup_is_kept_as_it_is() -> None:
    for body in (
        "# A\n\n*b*\n",
        ".TH A 1\n.SH \\fBname\\fR\n",
        "\\section{A}\r\n$x < y$",
        "A\n=\n",
    ):
        assert text(body.encode()) == (body, None)
    assert list(markup.read(io.BytesIO(b""), Fields(), syntax="text")) == []


def test_charsets_are_stated() -> None:
    assert text(b"\xef\xbb\xbfa") == ("a", None)
    assert text("<p>Grüße".encode("utf-16"), "html") == ("Grüße", {"charset": "utf-16"})
    page = '<meta charset="koi8-r"><p>Привет, мир, как дела</p>'
    assert text(page.encode("koi8-r"), "html") == ("Привет, мир, как дела", {"charset": "koi8-r"})
    assert reason(b"\x00\x01\xff\xfe\x80" * 50, "html") == "not_text"


def test_a_recipe_knows_better_than_a_page_what_it_is_in() -> None:
    page = '<meta charset="utf-8"><p>Привет, мир'
    (item,) = markup.read(
        io.BytesIO(page.encode("koi8-r")), Fields(), syntax="html", charset="KOI8_R"
    )
    assert isinstance(item, Record)
    assert (item.text, json.loads(item.metadata or "")) == ("Привет, мир", {"charset": "koi8-r"})
    wrong = list(markup.read(io.BytesIO(b"\xff"), Fields(), syntax="html", charset="ascii"))
    assert [i.reason for i in wrong if isinstance(i, Reject)] == ["not_ascii"]


def test_of_text_nothing_is_guessed() -> None:
    latin = "Grüße aus Köln, schöne Straßen, überall".encode("latin-1")
    assert reason(latin) == "not_utf8"
    assert reason(b"caf\xe9") == "not_utf8"
    assert text(b"\x1b[1mbold\x1b[0m") == ("\x1b[1mbold\x1b[0m", None)


def test_front_matter_becomes_fields_when_asked() -> None:
    page = b"---\ntitle: A\nlicense: MIT\nid: 7\ndate: 2020-01-02\n---\n\n# A\n"
    assert text(page)[0] == page.decode()
    item = read(page, front_matter=True)
    assert isinstance(item, Record)
    assert (item.text, item.record_id, item.license) == ("# A\n", "7", "MIT")
    assert json.loads(item.metadata or "") == {"date": "2020-01-02", "title": "A"}
    assert text(b"---\r\na: 1\r\n...\r\nb", front_matter=True) == ("b", {"a": 1})


@pytest.mark.parametrize(
    "page",
    [
        b"---\nno end\n\ntext",
        b"---\na: [\n---\ntext",
        b"---\n- a list\n---\ntext",
        b"---\n---\ntext",
        b"---\n\n---\ntext",
        b"----\na: 1\n---\ntext",
        b"text\n---\na: 1\n---\n",
        b"---\na: &a [1]\nb: *a\n---\ntext",
        b"---\na: " + b"[" * 5_000 + b"\n---\ntext",
        b"---\na: !!python/object/apply:os.system [ls]\n---\ntext",
        b"---\n" + b"a: b\n" * 20_000 + b"---\ntext",
    ],
)
def test_what_is_no_front_matter_stays_text(page: bytes) -> None:
    assert text(page, front_matter=True) == (page.decode(), None)


def test_files_without_end_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "MAX_TEXT_BYTES", 100)
    monkeypatch.setattr(markup, "MAX_HTML_BYTES", 50)
    assert text(b"a" * 100)[0] == "a" * 100
    assert reason(b"a" * 101) == "file_too_long"
    assert reason(b"a" * 51, "html") == "file_too_long"


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("<div>" * 200_000, "html_too_deep"),
        ("<font size=1>" * 20_000 + "<p>x" * 20_000, "html_too_deep"),
        ("<p " + " ".join(f"a{i}=1" for i in range(100_000)) + ">", "html_too_many_attributes"),
    ],
)
def test_pages_built_to_keep_their_reader_busy_are_rejected(page: str, why: str) -> None:
    assert reason(page.encode(), "html") == why


def test_long_pages_of_a_common_build_are_read() -> None:
    table = "<table>" + "<tr><td><a href='x'>cell</a><td>two" * 20_000 + "</table>"
    assert text(table.encode(), "html")[0].count("cell") == 20_000
    image = f"<p>before<img src='data:image/png;base64,{'A' * 500_000}='>after"
    assert text(image.encode(), "html")[0] == "beforeafter"


def test_a_stream_that_breaks_is_one_reject() -> None:
    class Breaks(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise DamagedInput("corrupt_gzip", "the file is cut off")

    items = list(markup.read(Breaks(), Fields(), syntax="text"))
    assert items == [Reject(1, "corrupt_gzip", "the file is cut off")]


def test_real_pages() -> None:
    path = real_data() / "languages" / "handbook_html_en_de.jsonl.gz"
    with gzip.open(path) as lines:
        pages = [json.loads(line) for line in lines]
    for page in pages[:40]:
        assert len(text(page["text"].encode(), "html")[0]) > 100


def test_real_laws_with_front_matter() -> None:
    with gzip.open(real_data() / "german" / "laws" / "part-00000.jsonl.gz") as lines:
        laws = [json.loads(line)["text"] for line in lines]
    split = [(law, *text(law.encode(), front_matter=True)) for law in laws]
    assert all(law.endswith(body) for law, body, _ in split)
    found = [front["slug"] for _, _, front in split if front]
    assert (len(laws), len(found)) == (600, 598)  # two have a line before it


TAGS = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<div>",
        "<table>",
        "<td>",
        "<a href='",
        "<!--",
        "-->",
        "<script>",
        "&amp;",
        ">",
    ]
)


@given(st.lists(TAGS.map(str.encode) | st.binary(max_size=9), max_size=30).map(b"".join))
def test_any_bytes_are_one_item(data: bytes) -> None:
    for syntax in ("html", "text"):
        for front in (b"", b"---\n"):
            body = front + data
            found = list(markup.read(io.BytesIO(body), Fields(), syntax=syntax, front_matter=True))
            assert [item.position for item in found] == ([1] if body else [])
