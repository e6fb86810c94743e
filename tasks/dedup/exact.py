"""Documents that are the same to the letter: by id, by address, by text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from schemas import columns as c

if TYPE_CHECKING:
    from schemas.config import DedupConfig

    Ints = np.ndarray[Any, np.dtype[np.int64]]


def exact(frame: pl.DataFrame, config: DedupConfig, *, known: Ints | None = None) -> pl.DataFrame:
    """Return ``id_row, address_row, text_row`` for each row, and whether it has near twins.

    Each is the best-ranked row with the same id; among those, with the same address (where the
    recipe asks); and among those, with the same text: the row itself where it is that one.
    ``compared`` is true for rows that are all three, and have a word. ``known`` are rows that an
    index has: they go for that, stand for nobody and are compared with nobody.

    Reads ``doc_id, text_hash, gopher_word_count, rank``, and ``address`` for addresses.
    """
    rows = np.arange(frame.height)
    new = np.ones(frame.height, np.bool_)
    new[[] if known is None else known] = False
    by_id = _first_of(frame, c.DOC_ID, np.flatnonzero(new))
    alive = frame[c.GOPHER_WORD_COUNT].ne_missing(0).to_numpy() & new & (by_id == rows)
    by_address = rows
    if config.urls:
        named = frame[c.ADDRESS].is_not_null().to_numpy()
        by_address = _first_of(frame, c.ADDRESS, np.flatnonzero(alive & named))
        alive &= by_address == rows
    by_text = _first_of(frame, c.TEXT_HASH, np.flatnonzero(alive))
    found = {c.ID_ROW: by_id, c.ADDRESS_ROW: by_address, c.TEXT_ROW: by_text}
    return pl.DataFrame(found).with_columns(pl.Series(c.COMPARED, alive & (by_text == rows)))


def _first_of(frame: pl.DataFrame, column: str, rows: Ints) -> Ints:
    """For each row: the best-ranked of ``rows`` with its value; others stand for themselves."""
    best = (
        frame.select(column, c.RANK)[rows]
        .with_columns(pl.Series(c.ROW, rows))
        .select(pl.col(c.ROW).sort_by(c.RANK).first().over(column))
    )
    firsts = np.arange(frame.height)
    firsts[rows] = best.to_series().to_numpy()
    return firsts
