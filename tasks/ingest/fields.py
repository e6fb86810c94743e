"""From a record's fields to a :class:`Record`: used by every reader of structured data."""

from __future__ import annotations

import base64
import functools
import reprlib
from typing import TYPE_CHECKING, Any

import orjson

from schemas.sources import is_fit_name
from tasks.ingest.items import Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.ingest.items import Fields

EXACT_FLOATS = 2**53
_JSON = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
_fits = functools.lru_cache(maxsize=4_096)(is_fit_name)
_TRUE = {"true", "1", "yes", "y"}
_SHORT = reprlib.Repr()  # takes its limits as arguments from Python 3.12 on only
_SHORT.maxdict, _SHORT.maxstring, _SHORT.maxother = 12, 40, 40


def to_record(
    row: Mapping[str, Any], position: int, fields: Fields, *, checked: bool = False
) -> Record | Reject:
    """Take text, id, address and licence out of ``row``; what is left becomes metadata.

    A row whose text is missing, null or not a string is a reject. An empty text is a document:
    *decide* drops it by name. An address or licence that is no string stays in the metadata.
    Strings that are ``checked`` are known to be without lone surrogates.
    """
    text = row.get(fields.text)
    if not isinstance(text, str):
        text = _text(row, position, fields)
        if isinstance(text, Reject):
            return text
    own, (url, license_, rest) = own_id(reach(row, fields.id)), _taken_apart(row, fields)
    try:
        if not checked:
            _check_encodable(text, own, url, license_)
        metadata = orjson.dumps(rest, default=_plain, option=_JSON).decode() if rest else None
    except UnicodeEncodeError:
        return Reject(position, "lone_surrogate", excerpt(text))
    except TypeError as error:
        reason = "lone_surrogate" if "surrogates" in str(error) else "unfit_metadata"
        return Reject(position, reason, excerpt(f"{error}: {_shown(rest)}"))
    if not url and rest:
        url = _string(reach(row, "metadata.url"))
    record = Record(position, text, own, url, license_, metadata)
    if fields.opt_out is None and fields.source is None:
        return record
    return _with_flags(record, row, fields)


def _taken_apart(
    row: Mapping[str, Any], fields: Fields
) -> tuple[str | None, str | None, dict[str, Any]]:
    """Address, licence, and what is left of a row without them, its text and its id."""
    rest = dict(row)
    rest.pop(fields.text, None)
    rest.pop(fields.id, None)
    if "." in fields.text and fields.text not in row:
        rest = _without(rest, fields.text)
    url, license_ = reach(row, fields.url), _license(reach(row, fields.license))
    if isinstance(url, str):
        rest.pop(fields.url, None)
    if isinstance(license_, str):
        rest.pop(fields.license, None)
    return _string(url), _string(license_), rest


def _with_flags(record: Record, row: Mapping[str, Any], fields: Fields) -> Record | Reject:
    """The record with what only some sources are asked for: opt-out, and a source of its own."""
    source = None if fields.source is None else reach(row, fields.source) or None
    if source is not None and not (isinstance(source, str) and _fits(source)):
        return Reject(record.position, "unfit_source", excerpt(_shown(source)))
    opt_out = fields.opt_out is not None and _is_true(reach(row, fields.opt_out))
    return record._replace(source=source, opt_out=opt_out)


def _text(row: Mapping[str, Any], position: int, fields: Fields) -> str | Reject:
    text = reach(row, fields.text)
    if isinstance(text, bytes):  # Parquet of older writers does not say that its bytes are text
        try:
            return text.decode()
        except UnicodeDecodeError:
            return Reject(position, "not_utf8", excerpt(text))
    if not isinstance(text, str):
        return Reject(position, "no_text", excerpt(_shown(dict(row))))
    return text


def unique_names(names: Sequence[str]) -> list[str]:
    """Names of a table's columns; one that is missing or repeated gets the column's number."""
    given, found = set(names), dict[str, None]()
    for number, name in enumerate(names, start=1):
        unique = name
        if not name or name in found:
            unique = f"{name or 'column'}_{number}"
            while unique in given or unique in found:
                unique += "_"
        found[unique] = None
    return list(found)


def _check_encodable(*values: object) -> None:
    for value in values:
        if isinstance(value, str) and not value.isascii():
            value.encode()


def _is_true(value: object) -> bool:
    """Whether a flag is set, in the spellings of JSON, CSV and Parquet."""
    return value.strip().lower() in _TRUE if isinstance(value, str) else bool(value)


def reach(row: Mapping[str, Any], path: str) -> object:
    """Value of a field; ``a.b`` is the field of that name, else field ``b`` of the object ``a``."""
    if (value := row.get(path)) is not None or "." not in path or path in row:
        return value
    head, _, tail = path.partition(".")
    inner = row.get(head)
    return reach(inner, tail) if tail and isinstance(inner, dict) else None


def _without(row: dict[str, Any], path: str) -> dict[str, Any]:
    """The row less the field that ``reach`` finds, so that a text is not kept twice."""
    if path in row:
        return {k: v for k, v in row.items() if k != path}
    head, _, tail = path.partition(".")
    return {**row, head: _without(row[head], tail)}


def _license(value: object) -> object:
    """A licence that is a list of names, as code corpora have it, as one expression: all apply."""
    if isinstance(value, list) and value and all(isinstance(v, str) and v for v in value):
        return " AND ".join(f"({v})" if len(value) > 1 and " OR " in v else v for v in value)
    return value


def own_id(value: object) -> str | None:
    """A record's own id, if it has one.

    An empty id is none; so is a number that floats cannot tell from its neighbours, and NaN (a gap,
    to pandas).
    """
    if isinstance(value, str):
        return value or None
    rounded = isinstance(value, float) and not abs(value) < EXACT_FLOATS
    if value is None or rounded:
        return None
    try:
        return str(value)
    except ValueError:  # Python prints no numbers of thousands of digits, in base ten
        return hex(value) if isinstance(value, int) else None


def _shown(value: object) -> str:
    try:
        return _SHORT.repr(value)
    except ValueError:  # as in own_id
        return "a number of thousands of digits"


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _plain(value: object) -> str:
    """What JSON has no notation for: bytes in base64, all else as Python prints it."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
