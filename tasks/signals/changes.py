"""What normalisation changed in each text, as figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import orjson
import polars as pl

from schemas.normalisation import KINDS

if TYPE_CHECKING:
    import pyarrow as pa


PLACES: Final = {kind: place for place, kind in enumerate(KINDS)}


def changes(column: pa.ChunkedArray) -> pl.DataFrame:
    """Read ``documents.changes``: one row a text, a column a kind of change, never null.

    ``normalise_<kind>``: characters of the text before normalisation that were removed or replaced
    for this reason (see :data:`schemas.normalisation.KINDS`); 0 where none was.
    """
    counts = np.zeros((len(KINDS), len(column)), np.int64)
    # Most texts are not changed: to read what there is takes less time than to look at all of them.
    for row in np.flatnonzero(column.is_valid().to_numpy()).tolist():
        for kind, count in orjson.loads(column[row].as_py()).items():
            counts[PLACES[kind], row] = count
    return pl.DataFrame({f"normalise_{kind}": counts[place] for kind, place in PLACES.items()})
