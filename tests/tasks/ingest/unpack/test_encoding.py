from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest import formats
from tasks.ingest.items import DamagedInput, Fields, Record
from tasks.ingest.unpack.compression import decompressed
from tasks.ingest.unpack.encoding import utf8
from tasks.ingest.unpack.pieces import buffered

if TYPE_CHECKING:
    from schemas.config import Format

TEXT = "Grüße, Привет, 世界, 🙂"
BODIES: dict[Format, str] = {
    "jsonl": json.dumps({"text": TEXT}, ensure_ascii=False) + "\r\n",
    "csv": f'n,text\r\n1,"{TEXT}"\r\n',
    "chat": json.dumps({"instruction": "?", "output": TEXT}, ensure_ascii=False) + "\n",
    "text": TEXT,
    "markdown": f"---\ntitle: {TEXT}\n---\n{TEXT}",
    "html": f"<p>{TEXT}",
    "wikiextractor": f'<doc id="1" url="u" title="t">\n{TEXT}\n</doc>\n',
}


def read(data: bytes, kind: Format, encoding: str | None = None) -> list[str]:
    """Texts, and reasons of what could not be read."""
    plain = buffered(io.BytesIO(data))
    found = formats.read(plain, kind=kind, fields=Fields(), location="a", encoding=encoding)
    return [item.text if isinstance(item, Record) else item.reason for item in found]


def all_of(data: bytes, declared: str | None) -> tuple[str, str | None]:
    stream, found = utf8(buffered(io.BytesIO(data)), declared), b""
    try:
        while piece := stream.read1():  # type: ignore[attr-defined]
            found += piece
    except DamagedInput as damage:
        return found.decode(), damage.reason
    return found.decode(), None


@pytest.mark.parametrize("kind", BODIES)
def test_a_byte_order_mark_tells_the_encoding(kind: Format) -> None:
    body = BODIES[kind]
    for charset in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8"):
        (text,) = read(("\ufeff" + body).encode(charset), kind)
        assert TEXT in text
        (text,) = read(("\ufeff" + body).encode(charset), kind, "latin-1")
        assert TEXT in text, "the mark wins over the recipe"


@pytest.mark.parametrize("kind", BODIES)
def test_a_recipe_tells_the_encoding(kind: Format) -> None:
    for charset in ("utf-16-le", "utf-16", "gb18030", "utf-8"):
        (text,) = read(BODIES[kind].encode(charset), kind, charset)
        assert TEXT in text
    latin = BODIES[kind].replace(TEXT, "caf\xe9")
    (text,) = read(latin.encode("latin-1"), kind, "ISO-8859-1")
    assert "caf\xe9" in text


@pytest.mark.parametrize("kind", sorted(set(BODIES) - {"html", "chat"}))
def test_undeclared_latin_1_is_rejected_by_name(kind: Format) -> None:
    latin = BODIES[kind].replace(TEXT, "caf\xe9").encode("latin-1")
    assert read(latin, kind) == ["not_utf8"]


def test_what_comes_before_a_fault_is_read() -> None:
    rows = "".join(json.dumps({"text": f"{i} ü"}, ensure_ascii=False) + "\n" for i in range(9_000))
    for charset in ("utf-16", "utf-32"):
        data = rows.encode(charset)
        found = read(data[:-3], "jsonl")
        assert found[:8_999] == [f"{i} ü" for i in range(8_999)]
        assert found[8_999:] == [f"not_{charset.replace('-', '_')}"]
    broken = rows.encode("utf-16-le") + b"\x00\xdcx\x00" + rows.encode("utf-16-le")
    found = read(b"\xff\xfe" + broken, "jsonl")
    assert found == [*(f"{i} ü" for i in range(9_000)), "not_utf_16"]
    table = "text\n" + "".join(f"{i} ü\n" for i in range(9_000))
    found = read(table.encode("utf-16")[:-1], "csv")
    assert found[-2:] == ["8998 ü", "not_utf_16"]
    assert read("Grüße".encode("utf-16")[:-1], "text") == ["not_utf_16"]
    assert read("ü".encode(), "text", "ascii") == ["not_ascii"]


def test_utf_8_is_passed_on_untouched() -> None:
    stream = buffered(io.BytesIO(b"\xef\xbb\xbfa\xff"))
    for declared in (None, "utf-8", "UTF8", "utf_8_sig"):
        assert utf8(stream, declared) is stream


def test_memory_is_bounded() -> None:
    data = gzip.compress(("x" * 99 + "\n").encode("utf-16-le") * 100_000)
    stream = utf8(decompressed(io.BytesIO(data)), "utf-16")
    tracemalloc.start()
    size = sum(len(line) for line in stream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 10_000_000
    assert peak < 6_000_000


ENCODINGS = st.sampled_from(["utf-16", "utf-32", "utf-16-be", "gb18030", "utf-7", "big5", "koi8-r"])


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff\0")), ENCODINGS)
def test_what_was_encoded_comes_back(text: str, charset: str) -> None:
    try:
        data = text.encode(charset)
    except UnicodeEncodeError:
        return
    if data.decode(charset) == text:
        assert all_of(data, charset) == (text, None)


@given(st.binary(max_size=60), ENCODINGS | st.none(), st.sampled_from(sorted(BODIES)))
def test_any_bytes_end(data: bytes, charset: str | None, kind: Format) -> None:
    for mark in (b"", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        found = read(mark + data, kind, charset)
        assert found == [text.encode().decode() for text in found], "no half of a surrogate"


def test_half_a_surrogate_that_a_decoder_lets_through_is_a_reject() -> None:
    data = b'{"text": "a"}\n{"text": "+2AA-"}\n{"text": "c"}\n'
    assert read(data, "jsonl", "utf-7") == ["a", "not_utf8", "c"]
