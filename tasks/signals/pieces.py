"""Lines, paragraphs, and anchors of runs of words: what documents are found to share parts by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from schemas import columns as c
from schemas.signals import PIECE
from tasks import compiled
from tasks import pieces as mechanism

if TYPE_CHECKING:
    from schemas.config import SignalsConfig

KERNEL: Final = "tasks.pieces.kernel"
VERSION: Final = "pieces-1"


def pieces(documents: pa.Table, config: SignalsConfig) -> pa.Array:
    """Return the pieces of each document: a list of ``hash, start, end, kind`` (:data:`PIECE`).

    ``start`` and ``end`` are bytes of its text. Null where the recipe asks for none, and for
    conversations, whose text says the same as their ``messages``.
    """
    wanted = (config.line_words, config.paragraph_words, config.substring_words)
    kind = pa.list_(pa.field("item", PIECE, nullable=False))
    if not any(wanted):
        return pa.nulls(documents.num_rows, kind)
    lines, paragraphs, words = (number or 0 for number in wanted)
    whole = documents.column(c.MESSAGES).is_valid().to_numpy()
    hashes, places, firsts = compiled.load(KERNEL).pieces(
        *compiled.buffers(documents.column(c.TEXT).combine_chunks()),
        whole,
        mechanism.kinds_in_blocks(),
        (lines, paragraphs),
        (mechanism.anchor_width(words), words),
    )
    columns = [hashes, *(np.ascontiguousarray(places[:, i]) for i in range(3))]
    parts = [
        pa.array(column).cast(field.type) for column, field in zip(columns, PIECE, strict=True)
    ]
    items = pa.StructArray.from_arrays(parts, fields=list(PIECE))
    return pa.ListArray.from_arrays(pa.array(firsts), items, type=kind, mask=pa.array(whole))
