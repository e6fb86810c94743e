"""What is wrong with rows of a mixture, seen from the side of those who train on them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from schemas import columns as c
from schemas.mixture import LEARNED, NO_LOSS
from tasks.ragged import lists

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tasks.ragged import Lists

    Mask = NDArray[np.bool_]

FORBIDDEN: Final = (
    "position_ids", "image", "images", "prompt", "completion", "seq_lengths",
)  # fmt: skip
"""Columns that trainers take for something else than a mixture means by them."""
LONG, UNLEARNED, UNENDED, FOREIGN, UNEVEN, ODD, PADDED, EMPTY = (
    "no row is longer than {max_length:,} tokens",
    "every row has a token to learn",
    "every document ends with the end-of-text token {end_id}",
    "ids are below the vocabulary's size, {size:,}",
    "input_ids, attention_mask and labels are of one length",
    "labels are the ids, or -100 where nothing is learned",
    "nothing is learned of padding",
    "no row is without a token",
)


class Known(NamedTuple):
    """What rows are held against; None is not known, and not looked at."""

    max_length: int | None = None
    size: int | None = None
    end_id: int | None = None


def problems(table: pa.Table, known: Known) -> Iterator[tuple[str, Mask]]:
    """Yield each statement that is looked at, and which rows it does not hold of.

    Reads of ``input_ids, attention_mask, labels, tokens, supervised_tokens, ends, start`` what the
    table has. SchemaError where a list of tokens is missing.
    """
    names = set(table.column_names)
    if names.issuperset(LEARNED):
        yield from _of_ids(table, known)
        return
    if c.TOKENS in names:
        tokens = np.asarray(table.column(c.TOKENS))
        yield EMPTY, tokens == 0
        if known.max_length is not None:
            yield LONG.format(max_length=known.max_length), tokens > known.max_length
    if c.SUPERVISED in names:
        yield UNLEARNED, np.asarray(table.column(c.SUPERVISED)) == 0


def _of_ids(table: pa.Table, known: Known) -> Iterator[tuple[str, Mask]]:
    ids, mask, labels = (lists(table.column(name)) for name in LEARNED)
    lengths = np.diff(ids.offsets)
    uneven = (np.diff(mask.offsets) != lengths) | (np.diff(labels.offsets) != lengths)
    yield UNEVEN, uneven
    yield EMPTY, lengths == 0
    yield UNLEARNED, ~_any(labels, labels.values != NO_LOSS)
    if known.max_length is not None:
        yield LONG.format(max_length=known.max_length), lengths > known.max_length
    if known.size is not None:
        foreign = (ids.values < 0) | (ids.values >= known.size)
        yield FOREIGN.format(size=known.size), _any(ids, foreign)
    if uneven.any():  # what follows goes by places that all three share
        return
    learned, seen = labels.values != NO_LOSS, mask.values != 0
    yield ODD, _any(ids, learned & (labels.values != ids.values))
    yield PADDED, _any(ids, learned & ~seen)
    if known.end_id is not None:
        ends = seen & (ids.values == known.end_id)
        yield UNENDED.format(end_id=known.end_id), _unended(table, ids, ends, seen)


def _any(of: Lists, flags: Mask) -> Mask:
    """Return of each list whether a flag of it is set."""
    return _sums(of, flags) > 0


def _sums(of: Lists, flags: Mask) -> NDArray[np.int64]:
    before = np.append(0, np.cumsum(flags)).astype(np.int64)
    return np.diff(before[of.offsets])


def _unended(table: pa.Table, ids: Lists, ends: Mask, seen: Mask) -> Mask:
    """Return rows that have fewer ends than documents which end there.

    A packed row says so of each piece; else a row is a document, which ends with its last token
    that is no padding. A passage of a long document need not end.
    """
    if c.ENDS in table.column_names:
        pieces = lists(table.column(c.ENDS).cast(pa.list_(pa.int8())))
        return _sums(ids, ends) < _sums(pieces, pieces.values > 0)
    places = np.where(seen, np.arange(len(seen)), -1)
    last, filled = np.full(table.num_rows, -1), np.diff(ids.offsets) > 0
    if filled.any():
        last[filled] = np.maximum.reduceat(places, ids.offsets[:-1][filled])
    there = last >= 0
    missing = ~there
    missing[there] = ~ends[last[there]]
    if c.START in table.column_names:
        missing &= np.asarray(table.column(c.START).is_null())
    return missing


def unfit(schema: pa.Schema) -> list[str]:
    """Return columns that a trainer's own view must not have: by name, or because it is a text."""
    return [f.name for f in schema if f.name in FORBIDDEN or _is_text(f.type)]


def forbidden(schema: pa.Schema) -> list[str]:
    """Return columns that no view may have."""
    return [name for name in schema.names if name in FORBIDDEN]


def _is_text(kind: Any) -> bool:  # noqa: ANN401  (an Arrow type)
    return bool(pt.is_string(kind) or pt.is_large_string(kind))
