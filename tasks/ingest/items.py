"""What a reader yields: a record that becomes a document, or a reject that says why it cannot."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from schemas.config import Source

EXCERPT_CHARS = 200
_WINDOW = 4 * EXCERPT_CHARS
_MARGIN = 64
"""Characters at the end of a window that may be the half of a name or number, and are not shown."""
_MASKS = (
    (re.compile(r"[\w.+%'\\-]{1,64}@[\w-]+\.[\w.-]+"), "<email>"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY.*|\beyJ[\w.-]+"), "<secret>"),
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b"), "<number>"),
    (re.compile(r"(?<![\w/+=-])(?=(?:[A-Za-z_/+=-]*\d){3})\w[\w/+=-]{15,}"), "<secret>"),
    (
        re.compile(
            r"\b\d{1,3}(?:\.\d{1,3}){3}\b|(?:[0-9a-fA-F]{1,4}::?){3,7}[0-9a-fA-F]{1,4}"
            r"|[0-9a-fA-F]{4}:[0-9a-fA-F:]*::[0-9a-fA-F:]*"
        ),
        "<ip>",
    ),
    (re.compile(r"\+?\(?\d[\d /().\u00a0\u2010-\u2013-]{5,}\d"), "<number>"),
)
"""Broader than the spans of the signals, and without a compiled kernel: an excerpt need not read
well, and readers know nothing of signals."""
_UNSEEN = (
    *range(32),
    *range(127, 160),
    0x61C,
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
)
_CONTROLS = dict.fromkeys(_UNSEEN, "\N{REPLACEMENT CHARACTER}")
"""Controls, line separators, and what turns the direction of writing."""


class DamagedInput(Exception):  # noqa: N818  (it names what was read, not who erred)
    """The bytes cannot be decoded from here on; ``reason`` is short, such as ``corrupt_gzip``."""

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
    opt_out: str | None = None
    source: str | None = None

    @classmethod
    def of(cls, source: Source) -> Fields:
        """The names that a recipe's source gives."""
        return cls(
            text=source.text_field,
            id=source.id_field,
            url=source.url_field,
            license=source.license_field,
            opt_out=source.opt_out_field,
            source=source.source_field,
        )


class Record(NamedTuple):
    """One record as read. ``position`` counts from 1: the line, the row or the part of a file.

    ``metadata`` is the JSON of the fields that no other column took; ``messages`` the turns of a
    conversation, whose ``text`` is then how they read; ``source`` the source that the record names
    itself; ``attributes`` the JSON of what files beside its own say of it.
    """

    position: int
    text: str
    record_id: str | None = None
    url: str | None = None
    license: str | None = None
    metadata: str | None = None
    messages: list[dict[str, str]] | None = None
    opt_out: bool = False
    source: str | None = None
    attributes: str | None = None


class Reject(NamedTuple):
    """One record that cannot become a document."""

    position: int
    reason: str
    excerpt: str = ""


def excerpt(data: bytes | str) -> str:
    """The start of a bad record, fit to be shown: no controls, and personal data masked."""
    window = data[:_WINDOW]
    text = window.decode("utf-8", "replace") if isinstance(window, bytes) else window
    text = masked(text)
    return (text[:-_MARGIN] if len(data) > _WINDOW else text)[:EXCERPT_CHARS]


def masked(text: str) -> str:
    """Return a text without controls, and with personal data masked: fit to be shown."""
    text = text.encode("utf-8", "replace").decode().translate(_CONTROLS)
    for pattern, mask in _MASKS:
        if mask != "<email>" or "@" in text:  # the slowest to find that there is none
            text = pattern.sub(mask, text)
    return text
