"""JSON lines: one object a line, plain or compressed."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import orjson

from tasks.ingest.fields import to_record
from tasks.ingest.items import DamagedInput, Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.ingest.items import Fields

BOM = b"\xef\xbb\xbf"
MAX_LINE_BYTES = 1 << 27
"""A longer line is rejected, so that a file without newlines cannot fill the memory."""


def read(stream: BinaryIO, fields: Fields) -> Iterator[Record | Reject]:
    r"""Yield one item for each line that is not blank; ``position`` is the line's number from 1.

    Lines end with ``\n`` or ``\r\n``, or all of them with ``\r``. A stream that breaks off
    yields what came before and one reject for the rest.
    """
    position = 0
    try:
        for line in iter(partial(stream.readline, MAX_LINE_BYTES), b""):
            position += 1
            content = line.removeprefix(BOM) if position == 1 else line
            if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                _skip_line(stream)
                yield Reject(position, "line_too_long", excerpt(content))
            elif content.strip():
                for item in _parse(content, position, fields):
                    position = item.position
                    yield item
    except DamagedInput as damage:
        yield Reject(position + 1, damage.reason, excerpt(damage.detail))


def _skip_line(stream: BinaryIO) -> None:
    while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
        pass


def _parse(line: bytes, position: int, fields: Fields) -> list[Record | Reject]:
    r"""The line's item; or those of its parts, where a file ends its lines with ``\r`` alone."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return _parse_odd(line, error, position, fields)
    return [_item(row, line, position, fields)]


def _item(row: object, line: bytes, position: int, fields: Fields) -> Record | Reject:
    if not isinstance(row, dict):
        return Reject(position, "not_an_object", excerpt(line))
    return to_record(row, position, fields, checked=True)  # orjson takes no lone surrogates


def _parse_odd(
    line: bytes, error: orjson.JSONDecodeError, position: int, fields: Fields
) -> list[Record | Reject]:
    parts = line.rstrip(b"\r\n").split(b"\r")  # inside of JSON's strings it is always escaped
    if len(parts) > 1:
        return [
            item
            for number, part in enumerate(parts, start=position)
            if part.strip()
            for item in _parse(part, number, fields)
        ]
    if b"NaN" in line or b"Infinity" in line:  # Python's json writes them, though JSON has none
        try:
            plain = json.dumps(json.loads(line, parse_constant=lambda _: None))
            return [_item(orjson.loads(plain), line, position, fields)]
        except orjson.JSONDecodeError as again:
            error = again
        except (ValueError, RecursionError):
            pass
    return [Reject(position, _reason(line, error), excerpt(line))]


def _reason(line: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        line.decode()
    except UnicodeDecodeError:
        return "not_utf8"
    return "lone_surrogate" if "surrogate" in str(error) else "invalid_json"
