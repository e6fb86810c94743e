"""From a record's fields to a :class:`Record`: used by every reader of structured data."""

from __future__ import annotations

import base64
import reprlib
from typing import TYPE_CHECKING, Any

import orjson

from tasks.ingest.items import Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.ingest.items import Fields

EXACT_FLOATS = 2**53
_JSON = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
_SHORT = reprlib.Repr()  # takes its limits as arguments from Python 3.12 on only
_SHORT.maxdict, _SHORT.maxstring, _SHORT.maxother = 12, 40, 40


def to_record(row: Mapping[str, Any], position: int, fields: Fields) -> Record | Reject:
    """Take text, id, address and licence out of ``row``; what is left becomes metadata.

    A row whose text is missing, null or not a string is a reject. An empty text is a document:
    *decide* drops it by name. An address or licence that is no string stays in the metadata.
    """
    text = reach(row, fields.text)
    if isinstance(text, bytes):  # Parquet of older writers does not say that its bytes are text
        try:
            text = text.decode()
        except UnicodeDecodeError:
            return Reject(position, "not_utf8", excerpt(text))
    if not isinstance(text, str):
        return Reject(position, "no_text", excerpt(_SHORT.repr(dict(row))))
    own, url, license_ = reach(row, fields.id), reach(row, fields.url), reach(row, fields.license)
    taken = {fields.text, fields.id}
    if isinstance(url, str):
        taken.add(fields.url)
    if isinstance(license_, str):
        taken.add(fields.license)
    rest = {k: v for k, v in row.items() if k not in taken}
    if "." in fields.text and fields.text not in row:
        rest = _without(rest, fields.text)
    try:
        text.encode()
        metadata = orjson.dumps(rest, default=_plain, option=_JSON).decode() if rest else None
    except UnicodeEncodeError:
        return Reject(position, "lone_surrogate", excerpt(text))
    except TypeError as error:
        return Reject(position, "unfit_metadata", excerpt(f"{error}: {_SHORT.repr(rest)}"))
    return Record(
        position=position,
        text=text,
        record_id=_id(own),
        url=_string(url) or _string(reach(row, "metadata.url")),
        license=_string(license_),
        metadata=metadata,
    )


def reach(row: Mapping[str, Any], path: str) -> object:
    """Value of a field; ``a.b`` is the field of that name, else field ``b`` of the object ``a``."""
    if path in row:
        return row[path]
    head, _, tail = path.partition(".")
    inner = row.get(head)
    return reach(inner, tail) if tail and isinstance(inner, dict) else None


def _without(row: dict[str, Any], path: str) -> dict[str, Any]:
    """The row less the field that ``reach`` finds, so that a text is not kept twice."""
    if path in row:
        return {k: v for k, v in row.items() if k != path}
    head, _, tail = path.partition(".")
    return {**row, head: _without(row[head], tail)}


def _id(value: object) -> str | None:
    """A record's own id, if it has one.

    An empty id is none; so is a number that floats cannot tell from its neighbours, and NaN (a gap,
    to pandas).
    """
    rounded = isinstance(value, float) and not abs(value) < EXACT_FLOATS
    return None if value is None or value == "" or rounded else str(value)


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _plain(value: object) -> str:
    """What JSON has no notation for: bytes in base64, all else as Python prints it."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
