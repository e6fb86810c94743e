"""YAML front matter of texts whose format does not know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = "front_matter"


def without_front_matter(text: str) -> tuple[dict[str, Any] | None, str]:
    """Take front matter off the text; None where there is none that JSON could keep."""
    if not text.startswith("---"):
        return None, text
    from tasks.ingest.markup import split_front_matter

    front, rest = split_front_matter(text)
    if rest == text:
        return None, text
    try:
        kept = orjson.loads(_dumped(front))
    except TypeError:  # numbers beyond 64 bits, half a surrogate pair
        return None, text
    return kept, rest


def with_front_matter(metadata: str | None, fronts: Sequence[dict[str, Any]]) -> str | None:
    """Return a record's metadata (JSON) with its front matter under ``front_matter``.

    A list where several stood on top of each other; a field of that name the record has stays as it
    is, and the front matter goes to ``front_matter_`` then.
    """
    if not fronts:
        return metadata
    row = orjson.loads(metadata) if metadata else {}
    key = KEY
    while key in row:
        key += "_"
    return _dumped({**row, key: fronts[0] if len(fronts) == 1 else list(fronts)}).decode()


def _dumped(value: object) -> bytes:
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(value, default=str, option=options)
