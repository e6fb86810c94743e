from __future__ import annotations

import io
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest import wikiextractor
from tasks.ingest.items import DamagedInput, Fields, Record, Reject
from tests.real_data import real_data

if TYPE_CHECKING:
    import pytest

ARTICLE = (
    b'<doc id="%d" url="https://w.example/?curid=%d" title="Title %d">\n'
    b"Title %d\n\nBody.\n\n</doc>\n"
)


def articles(n: int) -> bytes:
    return b"".join(ARTICLE % (i, i, i, i) for i in range(1, n + 1))


def read(data: bytes) -> list[Record | Reject]:
    return list(wikiextractor.read(io.BytesIO(data), Fields()))


def kinds(items: list[Record | Reject]) -> list[tuple[int, str]]:
    """Position, and the id or the reason, of each item."""
    return [(i.position, i.reason if isinstance(i, Reject) else str(i.record_id)) for i in items]


def test_each_block_is_a_record_with_its_tag_s_fields() -> None:
    items = read(articles(3))
    assert kinds(items) == [(1, "1"), (7, "2"), (13, "3")]
    record = items[1]
    assert isinstance(record, Record)
    assert record.text == "Title 2\n\nBody."
    assert (record.url, record.metadata) == ("https://w.example/?curid=2", '{"title":"Title 2"}')


def test_entities_quotes_and_more_fields_in_the_tag() -> None:
    tag = '<doc id="7" revid="12" url="https://w.example/?a=1&amp;b=2" title="A "B" &quot;C&quot;">'
    (record,) = read(f"{tag}\r\nx &amp; y\r\n</doc>\r\n".encode())
    assert isinstance(record, Record)
    assert record.url == "https://w.example/?a=1&b=2"
    assert record.metadata == '{"revid":"12","title":"A \\"B\\" \\"C\\""}'
    assert record.text == "x &amp; y"


def test_a_block_without_end_is_a_reject_and_its_text_kept_out() -> None:
    data = articles(2)
    assert kinds(read(data[: -len("</doc>\n")])) == [(1, "1"), (7, "unclosed_document")]
    no_end = data.replace(b"</doc>\n", b"", 1)
    assert kinds(read(no_end)) == [(1, "unclosed_document"), (6, "2")]
    assert kinds(read(b'<doc id="1" url="" title="">')) == [(1, "unclosed_document")]


def test_text_outside_of_blocks_is_one_reject_for_each_stretch() -> None:
    data = b"\nbefore\nmore\n" + articles(1) + b"\n\nbetween\n" + articles(1) + b"</doc>\n"
    assert kinds(read(data)) == [
        (2, "text_outside_document"),
        (4, "1"),
        (12, "text_outside_document"),
        (13, "1"),
        (19, "text_outside_document"),
    ]


def test_what_only_looks_like_a_tag_is_text() -> None:
    body = b'a <doc id="2"> b\n<doc>\n<document id="3">\n </doc> x\n'
    (record,) = read(b'<doc id="1" url="u" title="t">\n' + body + b"</doc>")
    assert isinstance(record, Record)
    assert record.text.encode() + b"\n" == body


def test_bytes_that_are_no_utf8_cost_one_block() -> None:
    data = articles(1) + articles(1).replace(b"Body", b"B\xf6dy") + articles(1)
    assert kinds(read(data)) == [(1, "1"), (7, "not_utf8"), (13, "1")]


def test_a_long_article_is_rejected_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wikiextractor, "MAX_DOCUMENT_BYTES", 1_000)
    data = articles(1).replace(b"Body", b"x" * 1_000) + articles(1)
    assert kinds(read(data)) == [(1, "document_too_long"), (7, "1")]
    monkeypatch.setattr(wikiextractor, "CHUNK", 16)
    assert kinds(read(articles(1)[:30] + b"\n" + articles(2)))[-1][1] == "text_outside_document"


def test_a_stream_that_breaks_keeps_what_came_before() -> None:
    class Breaks(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            line = super().readline(size)
            if not line:
                raise DamagedInput("corrupt_gzip", "the file is cut off")
            return line

    items = wikiextractor.read(Breaks(articles(2)[:-10]), Fields())
    assert kinds(list(items)) == [(1, "1"), (7, "unclosed_document"), (11, "corrupt_gzip")]


def test_real_articles() -> None:
    found = []
    for name in ("wiki_00", "wiki_01"):
        with (real_data() / "native" / "wikiextractor" / name).open("rb") as file:
            found += list(wikiextractor.read(file, Fields()))
    assert [isinstance(item, Record) for item in found] == [True] * 52
    assert all(item.url and item.record_id for item in found if isinstance(item, Record))


PIECES = st.sampled_from(
    [b"<doc ", b'id="1" ', b'title="a"', b">", b"\n", b"</doc>", b"</doc>\n", b"x", b"\xff", b'"']
)


@given(st.lists(PIECES | st.binary(max_size=9), max_size=40).map(b"".join))
def test_any_bytes_end_with_positions_that_grow(data: bytes) -> None:
    positions = [item.position for item in read(data)]
    assert positions == sorted(set(positions))
    if data.strip() and data.strip() != b"\xef\xbb\xbf":
        assert positions
