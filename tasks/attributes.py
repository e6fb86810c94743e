"""What other people's taggers said of documents, as numbers that rules can be about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

Value = float | None
SPAN = 3
"""Parts of a span: start, end, value."""


def values(column: pl.Series, names: Sequence[str]) -> pl.DataFrame:
    """Return one Float64 column for each name, from JSON as the column ``attributes`` has it.

    ``pii.pii.email`` is the attribute ``pii.email``, or ``email`` in the object ``pii``, of the
    folder ``pii``. True is 1 and false 0; a list of Dolma's spans ``[start, end, value]`` counts as
    its largest value, an empty one as 0. Null where a document has no such attribute, or it is no
    number.
    """
    found: dict[str, list[Value]] = {name: [] for name in names}
    for body in column:
        row = None if body is None else orjson.loads(body)
        for name, into in found.items():
            into.append(_number(_reach(row, name)))
    return pl.DataFrame(found, schema=dict.fromkeys(names, pl.Float64))


def _reach(value: object, path: str) -> object:
    """What lies at a path whose parts may have dots in them: the longest name goes first."""
    if not isinstance(value, dict):
        return None
    if path in value:
        return value[path]
    cuts = [i for i, ch in enumerate(path) if ch == "."]
    for cut in reversed(cuts):
        inner = _reach(value.get(path[:cut]), path[cut + 1 :])
        if inner is not None:
            return inner
    return None


def _number(value: object) -> Value:
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, list):
        ends = [span[2] for span in value if isinstance(span, list) and len(span) == SPAN]
        numbers = [float(v) for v in ends if isinstance(v, int | float)]
        return max(numbers, default=0.0) if len(numbers) == len(value) else None
    return None
