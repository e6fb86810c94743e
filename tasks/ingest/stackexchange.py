"""StackExchange dumps (``Posts.xml``): one record a post, questions and answers alike."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.parsers import expat

from tasks.ingest.fields import to_record
from tasks.ingest.items import DamagedInput, Record, Reject, excerpt
from tasks.ingest.markup import html_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.ingest.items import Fields

CHUNK = 1 << 18
POSTS = b"<posts>"
MAX_ROW_BYTES = 1 << 24
"""A longer row is rejected, so that an attribute without end cannot fill the memory."""
MAX_WORK = 1 << 30
"""So many bytes are looked at for one row, which costs a second: one of thousands of lines, without
an end, would be looked at anew with each."""
RESUMABLE = ("utf-8", "us-ascii", "iso-8859-1")
"""Encodings in which one can go on in the middle of a file, and which expat knows by itself."""
_NUMBER = re.compile(r"-?\d{1,15}")
_LICENSE = re.compile(r"CC (BY(?:-SA)?) (\d\.\d)")


class _Refused(Exception):  # noqa: N818  (it names what was read, not who erred)
    """A document type, by which a few lines of XML become gigabytes."""


class _Parser:
    """Expat, started anew behind what it cannot read."""

    def __init__(self) -> None:
        self.rows: list[dict[str, str]] = []
        self._encoding: str | None = None
        self._start()

    def _start(self) -> None:
        self._expat = expat.ParserCreate(self._encoding)
        self._expat.buffer_text = True
        if hasattr(self._expat, "SetReparseDeferralEnabled"):  # newer ones wait for more bytes
            self._expat.SetReparseDeferralEnabled(False)  # noqa: FBT003  (by position only)
        self._expat.XmlDeclHandler = self._declaration
        self._expat.StartDoctypeDeclHandler = self._refuse
        self._expat.StartElementHandler = self._element
        self.pending, self.since, self.clean = 0, b"", True
        self._fed = self._work = 0

    def restart(self) -> None:
        """Go on as if inside of the list of posts; the file's encoding is remembered."""
        self._start()
        self._fed = len(POSTS)
        self._expat.Parse(POSTS, False)  # noqa: FBT003  (expat takes it by position only)

    def feed(self, data: bytes, *, last: bool = False) -> str | None:
        """Take the next bytes and add their rows to ``rows``; return what is wrong, if anything.

        ``since`` is the start of a row that is not complete yet, ``pending`` its length.
        """
        before = len(self.rows)
        try:
            self._expat.Parse(data, last)
        except _Refused:
            return "xml_doctype"
        except (expat.ExpatError, LookupError, ValueError):
            return "invalid_xml"
        self.clean = False
        self._fed += len(data)
        # What is not complete is looked at again with all that is fed later.
        self._work += self._fed - self._expat.CurrentByteIndex
        if len(self.rows) > before:
            self.pending, self.since, self._work = 0, b"", 0
        else:
            begins = data.find(b"<row")
            self.since = self.since or (data[begins : begins + 1_000] if begins >= 0 else b"")
            self.pending += len(data)
        too_long = self.pending > MAX_ROW_BYTES or self._work > MAX_WORK
        return "row_too_long" if too_long else None

    def _declaration(self, _version: str, encoding: str | None, _alone: int) -> None:
        if encoding and encoding.lower() in RESUMABLE:
            self._encoding = encoding

    def _refuse(self, *_about: object) -> None:
        raise _Refused

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        if name == "row":
            self.rows.append(attributes)


def read(stream: BinaryIO, fields: Fields) -> Iterator[Record | Reject]:
    """Yield one item for each row; ``position`` is the row's number from 1.

    The text is the title and the body (HTML, its text taken), the id is ``Id``, the licence the
    SPDX name of ``ContentLicense``; all other attributes become metadata, ``Tags`` as a list.
    Behind a row that is no XML the reading goes on with the next line that begins one.
    """
    position = 0
    try:
        for position, row in enumerate(_rows(stream), start=1):
            if isinstance(row, Reject):
                yield row._replace(position=position)
            else:
                yield _item(row, position, fields)
    except DamagedInput as damage:
        yield Reject(position + 1, damage.reason, excerpt(damage.detail))


def _rows(stream: BinaryIO) -> Iterator[dict[str, str] | Reject]:
    """Yield the attributes of each row, or what is wrong with it."""
    parser, problem, line = _Parser(), None, b""
    for line in iter(partial(stream.readline, CHUNK), b""):
        begins_row = line.lstrip().startswith(b"<row")
        if problem is not None and not begins_row:
            continue
        if problem is not None:
            parser.restart()
        problem = parser.feed(line)
        if problem == "invalid_xml" and begins_row and not parser.clean and not parser.rows:
            if parser.since:  # it is what came before that has no end
                yield Reject(0, problem, excerpt(parser.since))
            parser.restart()
            problem = parser.feed(line)
        yield from parser.rows
        parser.rows.clear()
        if problem is not None:
            yield Reject(0, problem, excerpt(line))
        if problem == "xml_doctype":
            return
    if problem is None and not parser.clean and parser.feed(b"", last=True):
        yield Reject(0, "truncated_xml", excerpt(parser.since or line))


def _item(row: dict[str, str], position: int, fields: Fields) -> Record | Reject:
    """Item of one row; a row without a body (of the dump's other files) is a reject."""
    if "Body" not in row:
        return Reject(position, "no_text", excerpt(str(row)))
    try:
        _, text = html_text(row["Body"], main=False)
    except DamagedInput as damage:
        return Reject(position, damage.reason, excerpt(damage.detail))
    title = row.get("Title")
    rest: dict[str, Any] = {k: _value(k, v) for k, v in row.items() if k not in ("Id", "Body")}
    rest[fields.text] = f"{title}\n\n{text}" if title else text
    rest[fields.id] = row.get("Id")
    if "ContentLicense" in row:
        rest[fields.license] = _LICENSE.sub(r"CC-\1-\2", rest.pop("ContentLicense"))
    return to_record(rest, position, fields)


def _value(name: str, value: str) -> str | int | list[str]:
    if name == "Tags":  # <a><b> until 2023, |a|b| since
        return [tag for tag in re.split(r"[<>|]+", value) if tag]
    if name.endswith(("Id", "Count", "Score")) and _NUMBER.fullmatch(value):
        return int(value)
    return value
