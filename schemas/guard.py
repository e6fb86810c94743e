"""What the guard leaves out of replay and mixture, and why."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from schemas import columns as c
from schemas.levels import EVAL_ITEM

GUARD: Final = "guard"
"""Key of the mixture's details: what the guard's manifest says."""
IN_NEW: Final = "in_new_data"
IN_TRAINING: Final = "in_training"
REASONS: Final = {
    EVAL_ITEM: "has an item of an evaluation set",
    IN_NEW: "is replay, and new data has it",
    IN_TRAINING: "is held out, and training has it",
}
"""Why a document is left out, in words."""
LEFT_OUT_BY: Final = "left out by the guard"
"""How a note begins that says so of a document."""
LEFT_OUT: Final = pa.schema(
    [
        pa.field(c.DOC_ID, pa.string(), nullable=False),
        pa.field(c.SOURCE, pa.string(), nullable=False),
        pa.field(c.ORIGIN, pa.string(), nullable=False),
        pa.field(c.SPLIT, pa.string(), nullable=False),
        pa.field(c.REASON, pa.string(), nullable=False),
        pa.field(c.MATCHED_SOURCE, pa.string(), nullable=False),
        pa.field(c.MATCHED_ID, pa.string(), nullable=False),
        pa.field(c.LEVEL, pa.string(), nullable=False),
        pa.field(c.SIMILARITY, pa.float64(), nullable=False),
        pa.field(c.N_BYTES, pa.int64(), nullable=False),
        pa.field(c.TOKENS_EST, pa.int64()),
        pa.field(c.SHARD, pa.string(), nullable=False),
        pa.field(c.ROW, pa.int64(), nullable=False),
    ]
)
"""Kept documents that no budget sees, each with what it is left out for (of several the likest).

``matched_source`` and ``matched_id`` are another document's source and id, or an evaluation set and
the record and field of its item; ``level`` is ``exact``, ``near`` or ``eval_item``. ``similarity``
is Jaccard's, or the share of the item's words that the document has. ``shard`` and ``row`` say
where in ``documents/`` it stands, which no digest covers.
"""
