"""Plain text, Markdown, reStructuredText and the like: one document a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from tasks.ingest.items import DamagedInput, Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator


def read(stream: BinaryIO) -> Iterator[Record | Reject]:
    """Yield the whole stream as one record (an empty file has none), or as one reject."""
    try:
        body = stream.read()
    except DamagedInput as damage:
        yield Reject(1, damage.reason, excerpt(damage.detail))
        return
    if not body:
        return
    try:
        yield Record(position=1, text=body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        yield Reject(1, "not_utf8", excerpt(body))
