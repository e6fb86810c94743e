"""Rows of a run as they are written: whole documents, and passages of documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from tasks import kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.masking import MaskingConfig

    Counts = np.ndarray[Any, np.dtype[np.int64]]


def rows(
    out: str,
    shard: str,
    places: pl.DataFrame,
    *,
    columns: Sequence[str] | None = None,
    masking: MaskingConfig | None = None,
) -> Iterator[tuple[pl.DataFrame, pa.Table, Counts]]:
    """Yield what stands at some places of a documents shard, a batch after the other.

    ``places`` are kept rows: ``row``, and ``start`` and ``end`` of passages (null, or no such
    columns: the whole document); other columns come along. They come back in the order of row and
    start, each beside its documents row, whose ``text`` is that of the place. Documents are masked
    whole, and passages cut from what that leaves, so that no limit takes half of an address out
    of sight. What masks hid of a document, by kind, is counted at the first of its places.
    """
    if c.START not in places.columns:
        none = pl.lit(None, pl.Int64)
        places = places.with_columns(none.alias(c.START), none.alias(c.END))
    ordered = places.sort(c.ROW, c.START)
    names = None if columns is None else [*columns, *{c.SOURCE, c.TEXT} - set(columns)]
    wanted = ordered[c.ROW].unique().sort().to_list()
    for numbers, table in kept.rows_of(out, shard, wanted, columns=names):
        documents, counts = kept.masked(table, masking)
        own = ordered.filter(pl.col(c.ROW).is_between(numbers[0], numbers[-1]))
        at = np.searchsorted(numbers, own[c.ROW].to_numpy())
        first = np.append(-1, at[:-1]) != at
        yield own, _cut(documents.take(pa.array(at)), own), counts[at] * first[:, None]


def _cut(documents: pa.Table, places: pl.DataFrame) -> pa.Table:
    """Put a passage's text in the place of its document's."""
    if places[c.START].null_count() == places.height:
        return documents
    text, start = pl.Series(c.TEXT, documents.column(c.TEXT)), pl.col(c.START)
    passage = pl.col(c.TEXT).str.slice(start, pl.col(c.END) - start)
    whole = pl.when(start.is_null()).then(c.TEXT).otherwise(passage)
    found = places.select(c.START, c.END).with_columns(text).select(whole.alias(c.TEXT))
    where = documents.schema.get_field_index(c.TEXT)
    field = documents.schema.field(where)
    return documents.set_column(where, field, found.to_arrow().column(0).cast(field.type))
