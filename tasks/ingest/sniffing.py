"""Which format a file has, by its first bytes: where its name tells nothing, or too little."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from tasks.ingest.items import DamagedInput
from tasks.ingest.unpack.compression import decompressed
from tasks.ingest.unpack.encoding import utf8

if TYPE_CHECKING:
    from schemas.config import Format

HEAD_BYTES = 1 << 16
"""So much of a file is looked at, as it is stored."""
BOM = b"\xef\xbb\xbf"
STARTS: tuple[tuple[re.Pattern[bytes], Format], ...] = (
    (re.compile(rb"PAR1"), "parquet"),
    # Of a stream: a mark, the length of its schema, and where that begins; both below 16 MB.
    (re.compile(rb"ARROW1|FEA1|\xff{4}.{3}\x00.{3}\x00", re.DOTALL), "arrow"),
    (re.compile(rb"WARC/\d"), "warc"),
    (re.compile(rb"<doc\s[^>]{0,2000}>"), "wikiextractor"),
    (re.compile(rb"(?:<\?xml[^>]{0,200}\?>\s*)?<posts\b"), "stackexchange"),
    (
        re.compile(rb"(?:<\?xml[^>]{0,200}\?>\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE),
        "html",
    ),
)
_TURNS = re.compile(rb'"(?:messages|conversations)"\s*:\s*\[')
_ALPACA = (re.compile(rb'"instruction"\s*:'), re.compile(rb'"output"\s*:'))
_PAIR = tuple(re.compile(rb'"%s(?:_messages)?"\s*:' % side) for side in (b"chosen", b"rejected"))


def sniff(head: bytes, *, text_field: str = "text") -> Format | None:
    """Format of a file that begins so, or None where the bytes could be anything, such as text.

    JSON lines and arrays whose first object has turns, an instruction and an output, or a chosen
    and a rejected answer, are conversations, unless it has the field of the text.
    """
    start = _plain(head).removeprefix(BOM).lstrip()
    for pattern, kind in STARTS:
        if pattern.match(start):
            return kind
    if start[:1] not in (b"{", b"["):
        return None
    first = start.splitlines()[0] if start[:1] == b"{" else start
    has_text = re.search(rb'"%s"\s*:' % re.escape(text_field.encode()), first)
    if not has_text and (_TURNS.search(first) or any(_all(p, first) for p in (_ALPACA, _PAIR))):
        return "chat"
    return "jsonl" if start[:1] == b"{" else None


def _all(patterns: tuple[re.Pattern[bytes], ...], head: bytes) -> bool:
    return all(pattern.search(head) for pattern in patterns)


def _plain(head: bytes) -> bytes:
    """The bytes behind compression and encoding, as far as the start of the file tells them."""
    found = bytearray()
    try:
        stream = utf8(decompressed(io.BytesIO(head)), None)
        while len(found) < HEAD_BYTES and (piece := stream.read(1 << 12)):
            found += piece
    except DamagedInput:
        pass  # the head was cut from a whole file
    return bytes(found)
