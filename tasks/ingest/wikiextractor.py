"""WikiExtractor's files: ``<doc id="…" url="…" title="…">``, an article, ``</doc>``."""

from __future__ import annotations

import html
import re
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from tasks.ingest.fields import to_record
from tasks.ingest.items import DamagedInput, Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.ingest.items import Fields

BOM = b"\xef\xbb\xbf"
MAX_DOCUMENT_BYTES = 1 << 26
"""A longer article is rejected, so that a file without ``</doc>`` cannot fill the memory."""
CHUNK = 1 << 20
MAX_TAG_BYTES = 4_096
_OPEN = re.compile(rb"<doc (?=[^>]*\bid=)(.*)>\s*\Z")
_ATTRIBUTE = re.compile(r"\b(\w++)=\"(.*?)\"(?=\s+\w++=\"|\s*\Z)", re.DOTALL)


class _Block:
    """The article at hand: where it began, its tag (None: text outside), and what it holds."""

    def __init__(self, position: int, tag: bytes | None, start: bytes = b"") -> None:
        self.position, self.tag = position, tag
        self.lines: list[bytes] = []
        self.start, self.size = start, 0

    def add(self, line: bytes) -> None:
        self.size += len(line)
        self.start = self.start or line[:1_000]
        if self.tag is not None and self.size <= MAX_DOCUMENT_BYTES:
            self.lines.append(line)


def read(stream: BinaryIO, fields: Fields) -> Iterator[Record | Reject]:
    """Yield one item for each block; ``position`` is the number of the line that opens it, from 1.

    The text is all between the two tags (it begins with the title), less blank lines around it. A
    block that another one or the file's end breaks off is a reject, and so is text outside.
    """
    block: _Block | None = None
    line_number, at_start = 1, True
    try:
        for number, piece in enumerate(iter(partial(stream.readline, CHUNK), b"")):
            line = piece.removeprefix(BOM) if number == 0 else piece
            tag = line if at_start and len(line) <= MAX_TAG_BYTES and _OPEN.match(line) else None
            if tag is not None:
                yield from _cut_off(block)
                block = _Block(line_number, tag)
            elif at_start and line.strip() == b"</doc>" and block is not None and block.tag:
                yield _finish(block, block.tag, fields)
                block = None
            elif block is not None or line.strip():
                block = block or _Block(line_number, None)
                block.add(line)
            at_start = piece.endswith(b"\n")
            line_number += at_start
    except DamagedInput as damage:
        yield from _cut_off(block)
        yield Reject(line_number + 1, damage.reason, excerpt(damage.detail))
        return
    yield from _cut_off(block)


def _cut_off(block: _Block | None) -> Iterator[Reject]:
    """The reject of a block that has no end, or of text outside of blocks."""
    if block is not None:
        reason = "text_outside_document" if block.tag is None else "unclosed_document"
        yield Reject(block.position, reason, excerpt((block.tag or b"") + block.start))


def _finish(block: _Block, tag: bytes, fields: Fields) -> Record | Reject:
    if block.size > MAX_DOCUMENT_BYTES:
        return Reject(block.position, "document_too_long", excerpt(tag + block.start))
    try:
        found = _OPEN.match(tag)
        attributes = (found[1] if found else b"").decode()
        text = b"".join(block.lines).decode().strip("\r\n")
    except UnicodeDecodeError:
        return Reject(block.position, "not_utf8", excerpt(tag + block.start))
    row = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(attributes)}
    return to_record({**row, fields.text: text}, block.position, fields)
