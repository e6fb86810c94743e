"""What a reader yields: a record that becomes a document, or a reject that says why it cannot."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

EXCERPT_CHARS = 200
_MASKS = (
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "<email>"),
    (re.compile(r"\+?\d[\d ().-]{6,}\d"), "<number>"),
)
_CONTROLS = {i: "\N{REPLACEMENT CHARACTER}" for i in (*range(32), 127, *range(128, 160))}


class DamagedInput(Exception):
    """The bytes cannot be decoded from here on; ``reason`` is a short name such as ``corrupt_gzip``."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")


@dataclass(slots=True, frozen=True)
class Fields:
    """Names of a record's fields; ``a.b`` reaches into objects."""

    text: str = "text"
    id: str = "id"
    url: str = "url"
    license: str = "license"


@dataclass(slots=True, frozen=True)
class Record:
    """One record as read. ``position`` counts from 1: the line, the row or the part of a file."""

    position: int
    text: str
    record_id: str | None = None
    url: str | None = None
    license: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Reject:
    """One record that cannot become a document."""

    position: int
    reason: str
    excerpt: str = ""


def excerpt(data: bytes | str) -> str:
    """The start of a bad record, fit to be shown: decoded, without controls, personal data masked."""
    text = data[: 4 * EXCERPT_CHARS].decode("utf-8", "replace") if isinstance(data, bytes) else data
    text = text[:EXCERPT_CHARS].encode("utf-8", "replace").decode().translate(_CONTROLS)
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text[:EXCERPT_CHARS]
