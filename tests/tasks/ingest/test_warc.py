from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest import warc
from tasks.ingest.items import DamagedInput, Record, Reject
from tasks.ingest.markup import MAX_HTML_BYTES
from tasks.ingest.unpack.compression import decompressed
from tests.real_data import real_data

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (
    b"<html><head><title>A  page</title></head>"
    b"<body><p>Gr\xc3\xbc\xc3\x9fe, world.</p></body></html>"
)
HTTP = b"application/http; msgtype=response"


def record(
    kind: bytes, body: bytes, content_type: bytes = b"text/plain", length: int | None = None
) -> bytes:
    return (
        b"WARC/1.0\r\nWARC-Type: %s\r\nWARC-Record-ID: <urn:uuid:1>\r\n"
        b"WARC-Target-URI: <https://x.example/a>\r\nWARC-Date: 2024-04-25T16:27:48Z\r\n"
        b"Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n"
        % (kind, content_type, len(body) if length is None else length, body)
    )


def response(
    body: bytes = PAGE,
    kind: bytes = b"text/html",
    status: bytes = b"200 OK",
    headers: bytes = b"",
    length: int | None = None,
) -> bytes:
    http = b"HTTP/1.1 %s\r\nContent-Type: %s\r\n%s\r\n%s" % (status, kind, headers, body)
    return record(b"response", http, HTTP, length)


def wet(text: bytes, length: int | None = None) -> bytes:
    return record(b"conversion", text, length=length)


def read(data: bytes) -> list[Record | Reject]:
    return list(warc.read(io.BytesIO(data)))


def kinds(data: bytes) -> list[tuple[int, str]]:
    return [(i.position, i.reason if isinstance(i, Reject) else "ok") for i in read(data)]


def test_a_page_is_its_main_content_with_address_date_and_type() -> None:
    (item,) = read(response())
    assert isinstance(item, Record)
    assert item.text == "Grüße, world."
    assert (item.record_id, item.url) == ("urn:uuid:1", "https://x.example/a")
    assert json.loads(item.metadata or "") == {
        "charset": "utf-8",
        "content_type": "text/html",
        "date": "2024-04-25T16:27:48Z",
        "title": "A page",
    }


def test_extracted_text_is_kept_as_it_is() -> None:
    (item,) = read(wet(b" one\n\ntw\xc3\xb6\n"))
    assert isinstance(item, Record)
    assert item.text == " one\n\ntwö\n"
    assert "text/plain" in (item.metadata or "")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
# Packed bytes have the time in them: by their names, test workers would not agree on the tests.
@pytest.mark.parametrize("sent", [PAGE, gzip.compress(PAGE)], ids=["plain", "gzip"])
def test_line_ends_of_an_http_header(end: bytes, sent: bytes) -> None:
    packed = b"Content-Encoding: gzip" + end if sent != PAGE else b""
    http = b"HTTP/1.1 200 OK%bContent-Type: text/html%b%b%b%b" % (end, end, packed, end, sent)
    (item,) = read(record(b"response", http, HTTP))
    assert isinstance(item, Record)
    assert item.text == "Grüße, world."


@pytest.mark.parametrize("spelled", [bytes.lower, bytes.upper, bytes.title])
@pytest.mark.parametrize("raw", [wet(b"text"), response(), response(PAGE, b"image/png")])
def test_headers_in_small_or_capital_letters_with_any_line_end(
    raw: bytes, spelled: Callable[[bytes], bytes]
) -> None:
    head, _, body = raw.partition(b"\r\n\r\n")
    names = re.compile(rb"^[A-Za-z-]+:", re.MULTILINE)
    named = names.sub(lambda m: spelled(m[0]), head)
    assert read(named + b"\r\n\r\n" + body) == read(raw)
    assert read(named.replace(b"\r", b"") + b"\n\n" + body) == read(raw)


def test_records_about_others_have_a_number_and_make_no_item() -> None:
    about = [record(kind, b"a: b") for kind in (b"warcinfo", b"request", b"metadata")]
    data = about[0] + about[1] + response() + about[2] + response()
    assert kinds(data) == [(3, "ok"), (5, "ok")]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (response(status=b"404 Not Found"), "not_http_200"),
        (response(status=b"301 Moved"), "not_http_200"),
        (response(status=b"what"), "bad_http"),
        (record(b"response", b"", HTTP), "bad_http"),
        (response(kind=b"image/png"), "not_html"),
        (response(kind=b""), "ok"),
        (response(b"no markup", kind=b""), "not_html"),
        (response(b""), "empty"),
        (response(b"<html><body></body></html>"), "no_main_content"),
        (response(b"<p>x</p>" + b" " * MAX_HTML_BYTES), "html_too_long"),
        (response(b"<div>" * 50_000 + b"x"), "html_too_deep"),
        (record(b"resource", b"log"), "not_html"),
        (record(b"resource", PAGE, b"text/html"), "ok"),
        (record(b"revisit", b"HTTP/1.1 200 OK\r\n\r\n", HTTP), "warc_revisit"),
        (record(b"continuation", b"x"), "warc_continuation"),
        (record(b"novelty", b"x"), "unknown_type"),
        (wet(b" \n"), "empty"),
        (record(b"conversion", b"x", b"image/png"), "not_text"),
        (wet(b"", length=warc.MAX_RECORD_BYTES), "record_too_long"),
        (wet(b"abc").replace(b"Content-Length", b"Length"), "no_length"),
        (wet(b"abc").replace(b"Length: 3", b"Length: -3"), "no_length"),
        (b"not a record\r\n\r\n", "text_outside_record"),
        (b"WARC/1.0\r\n" + b"A: b\r\n" * 20_000 + b"\r\n", "bad_header"),
    ],
)
def test_each_record_that_is_no_document_is_rejected_by_name(raw: bytes, reason: str) -> None:
    assert kinds(response() + raw + response()) == [(1, "ok"), (2, reason), (3, "ok")]


def test_a_wrong_length_costs_its_own_record_and_no_other() -> None:
    for wrong in (0, 1, 50, 150, 400, 5_000, 10**12):
        data = wet(b"A" * 100) + wet(b"B" * 100, length=wrong) + wet(b"C" * 100) + wet(b"D")
        items = read(data)
        assert [i.position for i in items] == [1, 2, 3, 4], wrong
        texts = [i.text[:1] for i in items if isinstance(i, Record)]
        assert texts == ["A", "C", "D"], wrong


def test_a_file_that_ends_inside_of_a_record() -> None:
    data = wet(b"A" * 100) + wet(b"B" * 100)
    for cut in (5, 30, 104, 110, 200):
        assert kinds(data[:-cut]) == [(1, "ok"), (2, "truncated")]
    assert kinds(data[:-4]) == [(1, "ok"), (2, "ok")]


def test_how_a_body_was_sent() -> None:
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE)
    transfer, packed = b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n"
    for body, headers in {
        chunked: transfer,
        gzip.compress(PAGE): packed,
        zlib.compress(PAGE): b"Content-Encoding: deflate\r\n",
        PAGE: transfer,  # unpacked by the crawler, with the header left as it was
        b"\n" + PAGE: packed,
        b" " + PAGE: b"Content-Encoding: unheard-of\r\n",
    }.items():
        (item,) = read(response(body, headers=headers))
        assert isinstance(item, Record), headers
        assert item.text == "Grüße, world."
    assert kinds(response(b"\x00zz", headers=transfer)) == [(1, "bad_http")]


def test_a_bomb_is_unpacked_to_the_limit_only() -> None:
    bomb = gzip.compress(b"<p>" + b"a" * 100_000_000, 1)
    assert kinds(response(bomb, headers=b"Content-Encoding: gzip\r\n")) == [(1, "html_too_long")]


@pytest.mark.parametrize(
    ("charset", "declared"),
    [
        ("utf-8", ""),
        ("utf-8", "cp1252"),
        ("utf-8", "nonsense"),
        ("utf-16", ""),
        ("latin-1", ""),
        ("latin-1", "iso-8859-1"),
        ("shift_jis", "Shift_JIS"),
        ("iso-2022-jp", "iso-2022-jp"),
    ],
)
def test_charsets(charset: str, declared: str) -> None:
    text = "日本語のテキスト、読めますか。" if "j" in charset else "Grüße aus Köln, schöne Straße"
    page = f"<html><body><p>{text}</p></body></html>".encode(charset)
    kind = f"text/html; charset={declared}".encode() if declared else b"text/html"
    (item,) = read(response(page, kind=kind))
    assert isinstance(item, Record)
    assert item.text == text


def test_a_gzip_stream_that_is_cut_off_keeps_what_came_before() -> None:
    members = [gzip.compress(wet(str(i).encode() * 50)) for i in range(5)]
    data = b"".join(members)[: -len(members[0]) // 2]
    items = list(warc.read(decompressed(io.BytesIO(data))))
    assert [i.position for i in items] == [1, 2, 3, 4, 5]
    assert isinstance(items[-1], Reject)
    assert items[-1].reason == "corrupt_gzip"


def test_a_stream_of_small_pieces_is_the_same() -> None:
    class Trickle(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 7))

    data = wet(b"A" * 100) + b"junk\r\n" + wet(b"B", length=9) + response()
    assert list(warc.read(Trickle(data))) == read(data)


def test_a_large_file_is_streamed() -> None:
    class Endless(io.RawIOBase):
        left = 2_000

        def read(self, size: int = -1, /) -> bytes:
            assert 0 < size <= warc.CHUNK
            self.left -= 1
            return b"x" * size if self.left > 0 else b""

    head = wet(b"", length=10**11)[:-4]
    source = io.BytesIO(head)
    endless = Endless()

    class Both(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            return source.read(size) or endless.read(size)

    (item,) = warc.read(Both())  # type: ignore[arg-type]
    assert isinstance(item, Reject)
    assert item.reason == "record_too_long"


def test_real_archive() -> None:
    path = real_data() / "native" / "dolma" / "warc" / "sample-0001.warc.gz"
    with path.open("rb", buffering=0) as raw:
        items = list(warc.read(decompressed(raw)))
    assert sum(isinstance(item, Record) for item in items) == 15
    assert Counter(i.reason for i in items if isinstance(i, Reject)) == {"not_html": 2}
    assert items[-1].position == 34  # 15 requests, warcinfo and metadata between them


def test_real_archive_damaged_in_the_middle() -> None:
    path = real_data() / "native" / "dolma" / "warc" / "sample-0001.warc.gz"
    plain = gzip.decompress(path.read_bytes())
    middle = len(plain) // 2
    items = read(plain[:middle] + plain[middle + 1_000 :])
    assert sum(isinstance(item, Record) for item in items) in (14, 15)
    assert items[-1].position >= 33
    with pytest.raises(DamagedInput):
        decompressed(io.BytesIO(path.read_bytes()[:100_000])).read()


PIECES = st.sampled_from(
    [
        wet(b"ab"),
        response(),
        response(headers=b"Content-Encoding: gzip\r\n"),
        b"WARC/1.0\r\n",
        b"WARC-Type: response\r\n",
        b"Content-Length: 9\r\n",
        b"\r\n\r\n",
        b"HTTP/1.1 200",
    ]
)


@given(st.lists(PIECES | st.binary(max_size=9), max_size=12).map(b"".join), st.data())
def test_any_bytes_end_with_positions_that_grow(data: bytes, draw: st.DataObject) -> None:
    cut = draw.draw(st.integers(0, len(data)))
    for given_bytes in (data, data[:cut] + data[cut + 3 :]):
        positions = [item.position for item in read(given_bytes)]
        assert positions == sorted(set(positions))
        assert positions or not given_bytes.strip()
