"""From a record's mapping of fields to a :class:`Record`: used by every reader of structured data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.ingest.items import Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.ingest.items import Fields


def to_record(row: Mapping[str, Any], position: int, fields: Fields) -> Record | Reject:
    """Take text, id, address and licence out of ``row``; what is left becomes metadata.

    A row whose text is missing, null or not a string is a reject. An empty text is a document:
    *decide* drops it by name.
    """
    text = reach(row, fields.text)
    if not isinstance(text, str):
        return Reject(position, "no_text", excerpt(repr(dict(row))))
    try:
        text.encode()
    except UnicodeEncodeError:
        return Reject(position, "lone_surrogate", excerpt(text))
    own = reach(row, fields.id)
    taken = {fields.text, fields.id, fields.url, fields.license}
    return Record(
        position=position,
        text=text,
        record_id=None if own is None or own == "" else str(own),
        url=_string(reach(row, fields.url)) or _string(reach(row, "metadata.url")),
        license=_string(reach(row, fields.license)),
        metadata={k: v for k, v in row.items() if k not in taken},
    )


def reach(row: Mapping[str, Any], path: str) -> object:
    """Value of a field; ``a.b`` is the field of that name, else field ``b`` of the object ``a``."""
    if path in row:
        return row[path]
    head, _, tail = path.partition(".")
    inner = row.get(head)
    return reach(inner, tail) if tail and isinstance(inner, dict) else None


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
