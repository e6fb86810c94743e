"""What documents have of eval items: the rows of words that some item has too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from schemas.signals import EVAL_GRAM
from tasks import compiled

if TYPE_CHECKING:
    from tasks.evals.index import Index

VERSION: Final = "evals-1"
KIND: Final = pa.list_(pa.field("item", EVAL_GRAM, nullable=False))


def evals(texts: pa.ChunkedArray, index: Index | None) -> pa.ChunkedArray:
    """Return of each text a list of ``gram, word, start, end``; null without an index."""
    if index is None:
        return pa.chunked_array([pa.nulls(len(texts), KIND)])
    return pa.chunked_array([_found(chunk, index) for chunk in compiled.chunks(texts)], KIND)


def _found(texts: pa.LargeStringArray, index: Index) -> pa.Array:
    *columns, firsts = index.find(texts)
    items = pa.StructArray.from_arrays(
        [pa.array(column) for column in columns], fields=list(EVAL_GRAM)
    )
    return pa.ListArray.from_arrays(pa.array(firsts, pa.int32()), items, type=KIND)
