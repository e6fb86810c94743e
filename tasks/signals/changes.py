"""What normalisation changed in each text, as figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from schemas.normalisation import KINDS

if TYPE_CHECKING:
    import pyarrow as pa


def changes(column: pa.ChunkedArray) -> pl.DataFrame:
    """Read ``documents.changes``: one row a text, a column a kind of change, never null.

    ``normalise_<kind>``: characters of the text before normalisation that were removed or replaced
    for this reason (see :data:`schemas.normalisation.KINDS`); 0 where none was.
    """
    counts = pl.Struct(dict.fromkeys(KINDS, pl.Int64))
    if column.null_count == len(column):  # nothing to read: so it is in most batches
        found = pl.DataFrame({kind: pl.zeros(len(column), pl.Int64, eager=True) for kind in KINDS})
    else:
        text = pl.Series("changes", column, dtype=pl.String)
        found = text.str.json_decode(counts).struct.unnest().fill_null(0)
    return found.rename({kind: f"normalise_{kind}" for kind in KINDS})
