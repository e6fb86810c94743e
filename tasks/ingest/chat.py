"""Conversations: Alpaca, ShareGPT and OpenAI messages, as JSON lines or as one JSON array."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from tasks.ingest.fields import to_record
from tasks.ingest.items import DamagedInput, Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.ingest.items import Fields

BOM = b"\xef\xbb\xbf"
CHUNK = 1 << 18
MAX_ROW_BYTES = 1 << 26
"""A longer row is rejected, so that a line or an object without end cannot fill the memory."""
TEXT = "rendered conversation"
ROLES = {
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bing", "bard", "model"), "assistant"),
    "system": "system",
    **dict.fromkeys(("tool", "observation", "function_response"), "tool"),
}
CALLS = ("function_call", "tool_calls", "tool_call", "function")
TURN = ("from", "value", "role", "content")
_OUTSIDE = re.compile(rb'["{}\[\],]')
_INSIDE = re.compile(rb'["\\]')


class _Unfit(ValueError):  # noqa: N818  (it names what was read, not who erred)
    """A row that is no conversation; its message is the reason."""


def read(stream: BinaryIO, fields: Fields) -> Iterator[Record | Reject]:
    r"""Yield one item for each row; ``position`` is its line, or its place in the array, from 1.

    Alpaca: ``instruction`` and ``input`` (with a newline between) are the user's turn, ``output``
    the assistant's, after ``system`` and ``history``. ShareGPT: ``conversations`` of ``from`` and
    ``value``. OpenAI: ``messages`` of ``role`` and ``content`` (text, or parts of text). Each row
    says by its keys which it is. ``text`` is the turns as ``User: …``, ``Assistant: …``, a blank
    line between them; what else a row has becomes metadata, what else its turns have ``turns`` in
    it. Pairs of preferred answers and rows that call tools are rejected by name, and so is an empty
    turn (of the system: left out).
    """
    position, blank, named = 0, 0, replace(fields, text=TEXT)
    try:
        lines = iter(partial(stream.readline, MAX_ROW_BYTES), b"")
        first = next(lines, b"").removeprefix(BOM)
        while first and not first.strip():
            first, blank = next(lines, b""), blank + 1
        if first.lstrip().startswith(b"["):
            some = getattr(stream, "read1", stream.read)  # hands over what it has before a break
            rows = _elements(chain([first], iter(partial(some, CHUNK), b"")))
        else:
            rows = _lines(chain([first], lines), blank + 1)
        for position, row, problem in rows:
            bad = Reject(position, problem, excerpt(row)) if problem else None
            yield bad or _item(row, position, named)
    except DamagedInput as damage:
        yield Reject(position + 1, damage.reason, excerpt(damage.detail))


Row = tuple[int, bytes, str | None]
"""Position, bytes, and what is wrong with them."""


def _lines(lines: Iterator[bytes], position: int) -> Iterator[Row]:
    whole = True
    for line in lines:
        too_long = len(line) == MAX_ROW_BYTES and not line.endswith(b"\n")
        if whole and line.strip():
            yield position, line, "row_too_long" if too_long else None
        whole = not too_long
        position += whole


def _elements(chunks: Iterator[bytes]) -> Iterator[Row]:
    """Yield the elements of a JSON array, found by their brackets, so that one may be broken."""
    cutter, position = _Cutter(), 0
    for chunk in chunks:
        for element, too_long in cutter.feed(chunk):
            position += 1
            yield position, element, "row_too_long" if too_long else None
        if cutter.closed and cutter.rest.strip():
            break
    if cutter.rest.strip() or not cutter.closed:
        problem = "trailing_data" if cutter.closed else "truncated_array"
        yield position + 1, cutter.rest, problem


class _Cutter:
    """Cuts a JSON array, fed in chunks, at the commas between its elements."""

    def __init__(self) -> None:
        self.closed = False
        self._held: list[bytes] = []
        self._size = self._depth = self._ahead = 0
        self._inside = False

    @property
    def rest(self) -> bytes:
        """What the last element left over."""
        return b"".join(self._held)

    def feed(self, chunk: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield each element that ends in the chunk, and whether it is too long to be whole."""
        start, at = 0, self._ahead
        while not self.closed and (m := (_INSIDE if self._inside else _OUTSIDE).search(chunk, at)):
            at, sign = m.end(), m[0]
            if sign == b"\\":
                at += 1
            elif sign == b'"':
                self._inside = not self._inside
            elif sign in (b"[", b"{"):
                self._depth += 1
                start = at if self._depth == 1 else start
            elif sign in (b"]", b"}"):
                self._depth -= 1
            self.closed = self._depth <= 0
            if self.closed or (sign == b"," and self._depth == 1 and not self._inside):
                self._keep(chunk[start : at - 1])
                yield from self._element()
                start = at
        self._ahead = max(0, at - len(chunk))
        self._keep(chunk[start:])

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= MAX_ROW_BYTES:
            self._held.append(piece)

    def _element(self) -> Iterator[tuple[bytes, bool]]:
        element, too_long = self.rest.strip(), self._size > MAX_ROW_BYTES
        self._held.clear()
        self._size = 0
        if element or too_long:
            yield element, too_long


def _item(line: bytes, position: int, fields: Fields) -> Record | Reject:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return Reject(position, "invalid_json", excerpt(line))
    if not isinstance(row, dict):
        return Reject(position, "not_an_object", excerpt(line))
    try:
        messages, rest = _messages(row)
    except _Unfit as reason:
        return Reject(position, str(reason), excerpt(line))
    text = "\n\n".join(f"{m['role'].capitalize()}: {m['content']}" for m in messages)
    found = to_record({**rest, TEXT: text}, position, fields)
    return found if isinstance(found, Reject) else found._replace(messages=messages)


def _messages(row: dict[str, Any]) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """The conversation of a row, and the fields that were no part of it."""
    rest = dict(row)
    if any(key in row for key in ("chosen", "rejected", "chosen_messages", "rejected_messages")):
        raise _Unfit("preference_pair")
    if "messages" in row or "conversations" in row:
        turns = rest.pop("messages" if "messages" in row else "conversations")
        if not isinstance(turns, list):
            raise _Unfit("no_turns")
        found = [_turn(turn) for turn in turns]
        more = [{k: v for k, v in turn.items() if k not in TURN} for turn in turns]
        rest |= {"turns": more} if any(more) else {}
    elif "instruction" in row:
        found = _alpaca(rest)
    else:
        raise _Unfit("unknown_layout")
    if isinstance(row.get("system"), str):
        found.insert(0, {"role": "system", "content": rest.pop("system")})
    found = [m for m in found if m["role"] != "system" or m["content"].strip()]
    if not any(m["role"] != "system" for m in found):
        raise _Unfit("no_turns")
    if any(not m["content"].strip() for m in found):
        raise _Unfit("empty_turn")
    return found, rest


def _turn(turn: object) -> dict[str, str]:
    if not isinstance(turn, dict):
        raise _Unfit("bad_turn")
    role = turn.get("from", turn.get("role"))
    content = turn.get("value", turn.get("content"))
    if role in CALLS or any(turn.get(key) for key in CALLS):
        raise _Unfit("tool_calls")
    if not isinstance(role, str) or content is None:
        raise _Unfit("missing_key")
    if role.lower() not in ROLES:
        raise _Unfit("unknown_role")
    return {"role": ROLES[role.lower()], "content": _content(content)}


def _content(content: object) -> str:
    """A turn's text, whole or in parts; a part that is no text (image, reasoning) is unfit."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise _Unfit("unsupported_content")
    texts = []
    for part in content:
        text = part.get("text", part.get("value")) if isinstance(part, dict) else None
        if not isinstance(text, str) or part.get("type") != "text":
            calls = isinstance(part, dict) and part.get("type") in CALLS
            raise _Unfit("tool_calls" if calls else "unsupported_content")
        texts.append(text)
    return "".join(texts)


def _alpaca(rest: dict[str, Any]) -> list[dict[str, str]]:
    """The turns of an Alpaca row, whose fields are taken out of ``rest``."""
    if "output" not in rest:
        raise _Unfit("missing_key")
    turns: list[object] = []
    history = rest.pop("history", None) or []
    for pair in history if isinstance(history, list) else [history]:
        if not isinstance(pair, list) or len(pair) != 2:  # noqa: PLR2004  (question and answer)
            raise _Unfit("bad_history")
        turns += [_of("user", pair[0]), _of("assistant", pair[1])]
    asked = [rest.pop("instruction"), rest.pop("input", None) or ""]
    if not all(isinstance(part, str) for part in asked):
        raise _Unfit("missing_key")
    turns += [_of("user", "\n".join(filter(None, asked))), _of("assistant", rest.pop("output"))]
    return [_turn(turn) for turn in turns]


def _of(role: str, content: object) -> dict[str, object]:
    return {"role": role, "content": content}
