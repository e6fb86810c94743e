"""JSON lines: one object a line, plain or compressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import orjson

from tasks.ingest.fields import to_record
from tasks.ingest.items import DamagedInput, Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.ingest.items import Fields

BOM = b"\xef\xbb\xbf"


def read(stream: BinaryIO, fields: Fields) -> Iterator[Record | Reject]:
    """Yield one item for each line that is not blank; ``position`` is the line's number from 1.

    A stream that breaks off yields what came before and one reject for the rest.
    """
    position = 0
    try:
        for line in stream:
            position += 1
            content = line.removeprefix(BOM) if position == 1 else line
            if content.strip():
                yield _parse(content, position, fields)
    except DamagedInput as damage:
        yield Reject(position + 1, damage.reason, excerpt(damage.detail))


def _parse(line: bytes, position: int, fields: Fields) -> Record | Reject:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Reject(position, _reason(line, error), excerpt(line))
    if not isinstance(row, dict):
        return Reject(position, "not_an_object", excerpt(line))
    return to_record(row, position, fields)


def _reason(line: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        line.decode()
    except UnicodeDecodeError:
        return "not_utf8"
    return "lone_surrogate" if "surrogate" in str(error) else "invalid_json"
