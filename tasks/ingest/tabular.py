"""CSV and TSV with a header: one record a row."""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING, BinaryIO

from tasks.ingest.fields import to_record
from tasks.ingest.items import DamagedInput, Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.ingest.items import Fields

DELIMITERS = ",\t;"
MAX_FIELD_CHARS = 1 << 25
"""A longer field or line is rejected, so that a quote without its twin cannot fill the memory."""
UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_REASONS = {
    "field larger": "field_too_long",
    "unexpected end": "unclosed_quote",
    "line too long": "line_too_long",
}


def read(stream: BinaryIO, fields: Fields) -> Iterator[Record | Reject]:
    r"""Yield one item for each row; ``position`` is the row's number from 1, less the header.

    The first row names the columns. Of comma, tab and semicolon that one parts the fields which
    makes a column of the text field's name, or else the most columns. Fields with a delimiter, a
    newline or a quote in them stand in ``"`` (doubled inside), in TSV as well. UTF-8, or UTF-16
    with its mark; blank rows are passed over.
    """
    csv.field_size_limit(MAX_FIELD_CHARS)  # one for the whole process: csv knows no other
    lines = _Lines(stream)
    position = 0
    try:
        try:
            header, delimiter = _header(next(lines), fields.text)
        except StopIteration:
            return
        except csv.Error as error:
            yield Reject(1, "bad_header", excerpt(str(error)))
            return
        for position, row in enumerate(_rows(lines, delimiter), start=1):
            if isinstance(row, str):
                yield Reject(position, row, excerpt(lines.last))
            else:
                yield _item(row, header, position, fields)
    except DamagedInput as damage:
        yield Reject(position + 1, damage.reason, excerpt(damage.detail))
    finally:
        lines.close()


class _Lines:
    """The lines of a stream; raises ``csv.Error`` for one that is too long, and goes on behind."""

    def __init__(self, stream: BinaryIO) -> None:
        head = stream.read(2)
        encoding = "utf-16" if head in UTF16_BOMS else "utf-8-sig"
        errors = "replace" if head in UTF16_BOMS else "surrogateescape"
        source = io.BufferedReader(_Rejoined(head, stream), 1 << 18)
        self._text = io.TextIOWrapper(source, encoding, errors, newline="")
        self.last = ""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_FIELD_CHARS)
        if not line:
            raise StopIteration
        self.last = line[:1_000]
        if len(line) == MAX_FIELD_CHARS and not line.endswith(("\r", "\n")):
            while (rest := self._text.readline(MAX_FIELD_CHARS)) and rest[-1] not in "\r\n":
                pass
            raise csv.Error("line too long")
        return line

    def close(self) -> None:
        self._text.close()


class _Rejoined(io.RawIOBase):
    """A stream with the bytes put back that were read to see what it is; closing leaves it open."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        super().__init__()
        self._head = head
        self._read = getattr(stream, "read1", stream.read)  # hands over what it has before a break

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        data, self._head = self._head or self._read(len(buffer)), b""
        buffer[: len(data)] = data
        return len(data)


def _header(line: str, text_field: str) -> tuple[list[str], str]:
    """Names of the columns, and what parts them. A name that is missing or repeated gets a number.

    A name cannot run over several lines.
    """
    found = []
    for delimiter in DELIMITERS:
        try:
            found.append((next(csv.reader([line], delimiter=delimiter, strict=True)), delimiter))
        except (csv.Error, StopIteration):
            continue
    if not found:
        raise csv.Error(line)
    names, best = max(found, key=lambda f: (text_field in f[0], len(f[0])))
    unique: list[str] = []
    for number, name in enumerate(names, start=1):
        unique.append(name if name and name not in unique else f"{name or 'column'}_{number}")
    return unique, best


def _rows(lines: _Lines, delimiter: str) -> Iterator[list[str] | str]:
    """Yield the rows that are not blank; for one that cannot be read, the reason."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield next((r for words, r in _REASONS.items() if words in str(error)), "bad_quotes")
        else:
            if row:
                yield row


def _item(row: list[str], header: list[str], position: int, fields: Fields) -> Record | Reject:
    if len(row) != len(header):
        return Reject(position, "wrong_field_count", excerpt(" | ".join(row)))
    item = to_record(dict(zip(header, row, strict=True)), position, fields)
    if isinstance(item, Reject) and item.reason == "lone_surrogate":  # how a bad byte was kept
        return Reject(position, "not_utf8", item.excerpt)
    return item
