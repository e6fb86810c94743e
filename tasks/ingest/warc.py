"""Web archives: WARC (HTML responses, their main content) and WET (text that was extracted)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, BinaryIO

from fastwarc.warc import WarcRecord

from tasks.ingest.fields import to_record
from tasks.ingest.items import DamagedInput, Fields, Record, Reject, excerpt
from tasks.ingest.markup import MAX_HTML_BYTES, decode, html_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_RECORD_BYTES = 1 << 25
MAX_HEADER_BYTES = 1 << 16
CHUNK = 1 << 18
START = re.compile(rb"WARC/\d\.\d\r?\n")
ENDED = re.compile(rb"\r?\n\r?\n|[\r\n]*(?:WARC/|\Z)")
NEXT = re.compile(rb"\n(?=WARC/\d\.\d\r?\n)")
HEADER_END = re.compile(rb"\r?\n\r?\n|\n(?=WARC/\d\.\d\r?\n)")
HTTP_END = re.compile(rb"\r?\n\r?\n")
VISIBLE = re.compile(rb"[^ \t\n\r\x0b\x0c]")
HTML = ("text/html", "application/xhtml+xml")
OK = 200
ABOUT = ("warcinfo", "request", "metadata")
"""Records that tell of others: they are numbered, and are neither documents nor rejects."""
_FIELDS = Fields(url="url", id="id", license="license")
_LENGTH = re.compile(rb"^content-length\s*:\s*(\d{1,15})\s*$", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(
    rb"^(warc-type|content-type|content-length)[ \t]*(?=:)", re.IGNORECASE | re.MULTILINE
)
_LONE_FEED = re.compile(rb"(?<!\r)\n")
_SPELLED = {b"warc-type": b"WARC-Type"}


def read(stream: BinaryIO) -> Iterator[Record | Reject]:
    """Yield one item for each record that can hold a document; ``position`` is the record's number.

    Numbers count from 1 and all records have one. ``warcinfo``, ``request`` and ``metadata`` make
    no item: their number is left out, and so positions less items are those records. Responses and
    resources are documents where they are HTML, ``conversion`` records as they are; the rest is
    rejected by name. A wrong length costs its own record and no other. (FastWARC parses records and
    HTTP; it is not asked to find them, because it stops at the first broken one.)
    """
    archive = _Archive(stream)
    position = 0
    try:
        for raw, problem in archive.records():
            position += 1
            if problem is not None:
                yield Reject(position, problem, excerpt(raw))
            elif (item := _item(raw, position)) is not None:
                yield item
    except DamagedInput as damage:
        yield Reject(position + 1, damage.reason, excerpt(damage.detail))


class _Archive:
    """Cuts a stream into records, each of bounded size, and finds the next behind a broken one."""

    def __init__(self, stream: BinaryIO) -> None:
        # What ``read`` had in hand is lost where the stream breaks; ``read1`` has it handed over.
        self._read = getattr(stream, "read1", stream.read)
        self._held, self._at = b"", 0  # bytes at hand, and where those begin that are still to come
        self._damage: DamagedInput | None = None

    def _hold(self, size: int) -> int:
        """Have ``size`` bytes at hand; return how many there are, fewer at the file's end."""
        have = len(self._held) - self._at
        if have >= size or self._damage is not None:
            return have
        pieces = [self._held[self._at :]]
        while have < size and self._damage is None:
            try:
                piece = self._read(CHUNK)
            except DamagedInput as damage:
                self._damage = damage
                break
            if not piece:
                break
            pieces.append(piece)
            have += len(piece)
        self._held, self._at = b"".join(pieces), 0
        return have

    def _start(self) -> bytes:
        return self._held[self._at : self._at + 1_000]

    def records(self) -> Iterator[tuple[bytes, str | None]]:
        """Yield each record's bytes, or the start of what is none and the reason."""
        while self._skip_blank():
            found = self._next()
            if self._damage is not None and found[1] == "truncated":
                break
            yield found
        if self._damage is not None:
            raise self._damage

    def _skip_blank(self) -> bool:
        """Go to the next byte that is no white space; False at the end."""
        while self._hold(1):
            found = VISIBLE.search(self._held, self._at)
            self._at = len(self._held) if found is None else found.start()
            if found is not None:
                return True
        return False

    def _next(self) -> tuple[bytes, str | None]:
        have = self._hold(MAX_HEADER_BYTES)
        if not START.match(self._held, self._at):
            return self._broken("text_outside_record")
        ends = HEADER_END.search(self._held, self._at, self._at + MAX_HEADER_BYTES)
        if ends is None:
            return self._broken("bad_header" if have >= MAX_HEADER_BYTES else "truncated")
        if ends[0] == b"\n":  # the next record begins before this one's header has ended
            return self._broken("bad_header")
        length = _LENGTH.search(self._held, self._at, ends.end())
        if length is None:
            return self._broken("no_length")
        size = ends.end() - self._at + int(length[1])
        if size > MAX_RECORD_BYTES:
            return self._broken("record_too_long")
        return self._complete(size)

    def _complete(self, size: int) -> tuple[bytes, str | None]:
        """The record of ``size`` bytes at hand, if the next one begins where it ends."""
        have = self._hold(size + 16)  # blank lines behind, and the next one's version
        end = self._at + size
        if have < size:
            return self._broken("truncated")
        if not ENDED.match(self._held[end : end + 16]):
            return self._broken("wrong_length")
        record, self._at = self._held[self._at : end], end
        return record, None

    def _broken(self, reason: str) -> tuple[bytes, str]:
        """Skip to the next record's first line, wherever it may be."""
        start = self._start()
        while True:
            found = NEXT.search(self._held, self._at)
            if found is not None:
                self._at = found.end()
                return start, reason
            self._at = max(self._at, len(self._held) - 16)  # may hold a first line's beginning
            have = len(self._held) - self._at
            if self._hold(have + CHUNK) == have:
                self._at = len(self._held)
                return start, reason


def _spelled(raw: bytes) -> bytes:
    r"""The record with names and line ends as the standard has them: FastWARC knows no others.

    Names may be in small letters, as Rust's crate ``warc`` writes them, and lines end with ``\n``.
    """
    ends = HEADER_END.search(raw, 0, MAX_HEADER_BYTES)
    head = raw[: ends.end()] if ends else raw
    mended = _NAME.sub(lambda m: _SPELLED.get(name := m[1].lower(), name.title()), head)
    mended = _LONE_FEED.sub(b"\r\n", mended)
    return raw if mended == head else mended + raw[len(head) :]


def _with_returns(raw: bytes) -> bytes:
    r"""The record with ``\r\n`` in its HTTP header: without, FastWARC does not find its end."""
    ends = HEADER_END.search(raw, 0, MAX_HEADER_BYTES)
    start = ends.end() if ends else len(raw)
    http_ends = HTTP_END.search(raw, start, start + MAX_HEADER_BYTES)
    length = _LENGTH.search(raw, 0, start)
    if http_ends is None or length is None:
        return raw
    head = raw[start : http_ends.end()]
    mended = _LONE_FEED.sub(b"\r\n", head)
    if mended == head:
        return raw
    size = b"%d" % (int(length[1]) + len(mended) - len(head))
    about = raw[: length.start(1)] + size + raw[length.end(1) : start]
    return about + mended + raw[http_ends.end() :]


def _item(raw: bytes, position: int) -> Record | Reject | None:
    raw = _spelled(raw)
    try:
        record = WarcRecord.from_bytes(raw)
    except OSError as error:
        return Reject(position, "bad_header", excerpt(str(error)))
    kind = (record.headers.get("WARC-Type") or "").lower()
    if kind in ABOUT:
        return None
    try:
        if kind == "conversion":
            return _conversion(record, position)
        if kind in ("response", "resource"):
            return _page(raw, record, position)
    except DamagedInput as damage:
        return Reject(position, damage.reason, excerpt(damage.detail))
    known = kind in ("revisit", "continuation")
    return Reject(position, f"warc_{kind}" if known else "unknown_type", excerpt(kind))


def _conversion(record: WarcRecord, position: int) -> Record | Reject:
    kind = _mime(record.headers.get("Content-Type"))
    if kind and not kind.startswith("text/"):
        return Reject(position, "not_text", excerpt(kind))
    text, _ = decode(record.reader.read(MAX_RECORD_BYTES), None)
    if not text.strip():
        return Reject(position, "empty", excerpt(_url(record) or ""))
    languages = record.headers.get("WARC-Identified-Content-Language")
    return _record(record, position, text, {"content_type": kind, "languages": languages})


def _page(raw: bytes, record: WarcRecord, position: int) -> Record | Reject:
    """A response or resource: a document if it is HTML, answered with 200, with some content."""
    url = excerpt(_url(record) or "")
    body, kind, charset = b"", _mime(record.headers.get("Content-Type")), None
    if kind == "application/http":
        body, record = _http_body(raw, record)
        status = record.http_headers.status_code if record.is_http_parsed else None
        if status != OK:
            return Reject(position, "not_http_200" if status else "bad_http", url)
        kind, charset = _mime(record.http_content_type), record.http_charset
    else:
        body = record.reader.read(MAX_HTML_BYTES + 1)
    if not body.strip():
        return Reject(position, "empty", url)
    kind = kind or _mime(record.headers.get("WARC-Identified-Payload-Type"))
    if not kind and b"<html" in body[:1_024].lower():
        kind = HTML[0]
    if kind not in HTML:
        return Reject(position, "not_html", excerpt(f"{kind} {url}"))
    if len(body) > MAX_HTML_BYTES:
        return Reject(position, "html_too_long", url)
    page, charset = decode(body, charset)
    title, text = html_text(page)
    if not text.strip():
        return Reject(position, "no_main_content", url)
    about = {"content_type": kind, "charset": charset, "title": title}
    return _record(record, position, text, about)


def _http_body(raw: bytes, record: WarcRecord) -> tuple[bytes, WarcRecord]:
    """The payload, unpacked; as it stands where a crawler unpacked it and left the header."""
    mended = _with_returns(raw)
    if mended is not raw:
        raw, record = mended, WarcRecord.from_bytes(mended)
    try:
        record.parse_http(auto_decode="all")
        return record.reader.read(MAX_HTML_BYTES + 1), record
    except OSError as error:
        plain = WarcRecord.from_bytes(raw)
        try:
            plain.parse_http(auto_decode="none")
            body = plain.reader.read(MAX_HTML_BYTES + 1)
        except OSError:
            body = b""
        if body.lstrip()[:1] != b"<":
            raise DamagedInput("bad_http", str(error)) from error
        return body, plain


def _record(
    record: WarcRecord, position: int, text: str, about: Mapping[str, str | None]
) -> Record | Reject:
    headers = record.headers
    row: dict[str, Any] = {
        "text": text,
        "id": _bare(headers.get("WARC-Record-ID")),
        "url": _url(record),
        "date": headers.get("WARC-Date"),
        **about,
    }
    return to_record({k: v for k, v in row.items() if v}, position, _FIELDS)


def _url(record: WarcRecord) -> str | None:
    return _bare(record.headers.get("WARC-Target-URI"))


def _bare(value: str | None) -> str | None:
    """Wget writes addresses in angle brackets, as WARC 1.0 said."""
    return value.strip().removeprefix("<").removesuffix(">") if value else None


def _mime(value: str | None) -> str:
    return (value or "").partition(";")[0].strip().lower()
