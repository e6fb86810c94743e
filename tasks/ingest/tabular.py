"""CSV and TSV with a header: one record a row."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, BinaryIO

from tasks.ingest.fields import to_record, unique_names
from tasks.ingest.items import DamagedInput, Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.ingest.items import Fields

DELIMITERS = ",\t;"
MAX_FIELD_CHARS = 1 << 25
"""A longer field or line is rejected, so that a quote without its twin cannot fill the memory."""
MAX_ROW_CHARS = 1 << 26
"""A longer row, over however many lines, ends the reading: where the next one begins is unknown."""
MAX_COLUMNS = 10_000
_REASONS = {
    "field larger": "field_too_long",
    "unexpected end": "unclosed_quote",
    "line too long": "line_too_long",
}


def read(stream: BinaryIO, fields: Fields) -> Iterator[Record | Reject]:
    r"""Yield one item for each row; ``position`` is the row's number from 1, less the header.

    The first row names the columns. Of comma, tab and semicolon that one parts the fields which
    makes a column of the text field's name, or else the most columns. Fields with a delimiter, a
    newline or a quote in them stand in ``"`` (doubled inside), in TSV as well. Blank rows are
    passed over.
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
        self._text = io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="")
        self.last, self.pending = "", 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_FIELD_CHARS)
        if not line:
            raise StopIteration
        self.last = line[:1_000]
        self.pending += len(line)
        if len(line) == MAX_FIELD_CHARS and not line.endswith(("\r", "\n")):
            while (rest := self._text.readline(MAX_FIELD_CHARS)) and rest[-1] not in "\r\n":
                pass
            raise csv.Error("line too long")
        if self.pending > MAX_ROW_CHARS:
            raise DamagedInput("row_too_long", self.last)
        return line

    def close(self) -> None:
        """Let the stream go, which stays open."""
        self._text.detach()


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
    if len(names) > MAX_COLUMNS:
        raise csv.Error(f"{len(names)} columns")
    return unique_names(names), best


def _rows(lines: _Lines, delimiter: str) -> Iterator[list[str] | str]:
    """Yield the rows that are not blank; for one that cannot be read, the reason."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.pending = 0
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
        return Reject(position, "wrong_field_count", excerpt(" | ".join(row[:1_000])))
    item = to_record(dict(zip(header, row, strict=True)), position, fields)
    if isinstance(item, Reject) and item.reason == "lone_surrogate":  # how a bad byte was kept
        return Reject(position, "not_utf8", item.excerpt)
    return item
