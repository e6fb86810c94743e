"""Which documents of an index are like given ones: of the same text, or near by MinHash.

The index is streamed, a part after the other: of each, Polars picks the rows that share a text hash
or a band key with what is asked, and their sketches are compared. Memory is that of so many asked
rows, of a part's candidates, and of what was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from schemas import columns as c
from schemas.levels import EXACT, LEVELS, NEAR
from tasks import sketches, storage
from tasks.index import folder as files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.index import Index, Piece

    Ints = np.ndarray[Any, np.dtype[np.int64]]

ASKED_ROWS: Final = 1 << 17
"""Asked rows that are looked up in one pass over the index."""
PAIRS: Final = 1 << 20
"""Candidate pairs that are gathered at a time, about; of one asked row it may be more."""
COMPARED: Final = 1 << 16
"""Pairs whose sketches are in memory side by side."""
FOUND: Final[dict[str, pl.DataType]] = {
    c.ROW: pl.Int64(),
    c.MATCHED_ID: pl.String(),
    c.LEVEL: pl.String(),
    c.SIMILARITY: pl.Float64(),
}
ASKED: Final[dict[str, pl.DataType]] = {
    c.ROW: pl.Int64(),
    c.TEXT_HASH: pl.String(),
    c.MINHASH_BANDS: pl.List(pl.UInt64),
    c.MINHASH_SKETCH: pl.Binary(),
}
_KEY, _ONE, _OTHER, _PAIRS = "key", "one", "other", "pairs"


def matches(
    location: str, signals: pl.LazyFrame | pl.DataFrame, *, threshold: float
) -> pl.DataFrame:
    """Return ``row, matched_id, level, similarity``: of each row the best match first.

    ``signals`` has ``row, text_hash, minhash_bands, minhash_sketch``, made with the index's
    settings (:func:`tasks.index.check_settings`). ``level`` is ``exact`` for the same text
    (``similarity`` 1), and ``near`` for documents that share a band key and whose similarity, as
    estimated from the sketches, reaches the threshold. Equals come in the order of their ids.
    Raises :class:`ManifestError` for a damaged index.
    """
    index = files.read(location)
    deleted = files.deleted(location, index)
    found = [pl.DataFrame(schema=FOUND)]
    for asked in _slices(signals.lazy()):
        keys = _keys(asked, _ONE)
        for part in index.parts:
            some = _alike(location, part, asked, keys).join(deleted, on=c.DOC_ID, how="anti")
            found += [_exact(asked, some), *_near(asked, keys, some, index, threshold)]
    every = pl.concat(found)
    order = [pl.col(c.ROW), pl.col(c.LEVEL) != LEVELS[EXACT], -pl.col(c.SIMILARITY)]
    return every.sort(*order, pl.col(c.MATCHED_ID))


def _slices(signals: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    typed = signals.select(pl.col(name).cast(kind) for name, kind in ASKED.items())
    height = int(typed.select(pl.len()).collect().item())
    for start in range(0, height, ASKED_ROWS):
        yield typed.slice(start, ASKED_ROWS).collect(engine="streaming")


def _keys(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return each band key of some rows beside the row's place."""
    placed = rows.with_row_index(name).select(name, pl.col(c.MINHASH_BANDS).alias(_KEY))
    return placed.explode(_KEY).drop_nulls()


def _alike(location: str, part: Piece, asked: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a part that share a key or a text with any asked one."""
    at = storage.join(location, part.file)
    rows = storage.scan([at], row_column=c.ROW)
    of_key = rows.select(c.ROW, pl.col(c.MINHASH_BANDS).alias(_KEY)).explode(_KEY)
    by_key = of_key.join(keys.lazy(), on=_KEY, how="semi").select(c.ROW)
    by_text = rows.select(c.ROW, c.TEXT_HASH).join(asked.lazy(), on=c.TEXT_HASH, how="semi")
    wanted = pl.concat([by_key, by_text.select(c.ROW)]).unique()
    names = (c.DOC_ID, c.TEXT_HASH, c.MINHASH_BANDS, c.MINHASH_SKETCH)
    with files.damage(at):
        return (
            rows.join(wanted, on=c.ROW, how="semi")
            .select(pl.col(n).cast(ASKED.get(n, pl.String())) for n in names)
            .collect(engine="streaming")
        )


def _exact(asked: pl.DataFrame, some: pl.DataFrame) -> pl.DataFrame:
    met = asked.select(c.ROW, c.TEXT_HASH).join(some, on=c.TEXT_HASH)
    return met.select(
        c.ROW,
        pl.col(c.DOC_ID).alias(c.MATCHED_ID),
        pl.lit(LEVELS[EXACT]).alias(c.LEVEL),
        pl.lit(1.0).alias(c.SIMILARITY),
    )


def _near(
    asked: pl.DataFrame, keys: pl.DataFrame, some: pl.DataFrame, index: Index, threshold: float
) -> Iterator[pl.DataFrame]:
    """Yield what is near, a run of asked rows after the other."""
    size = index.settings.minhash_bands * index.settings.minhash_rows
    likeness = sketches.likeness(size)
    least = int(np.searchsorted(likeness, threshold))
    ones, others = (_matrix(frame, size) for frame in (asked, some))
    texts = [frame[c.TEXT_HASH] for frame in (asked, some)]
    for pairs in _pairs(keys, _keys(some, _OTHER)):
        one, other = (pairs[name].to_numpy().astype(np.int64) for name in (_ONE, _OTHER))
        equal = _equal(ones, others, one, other)
        near = (equal >= least) & (texts[0][one] != texts[1][other]).to_numpy()
        yield pl.DataFrame(
            {
                c.ROW: asked[c.ROW][one[near]],
                c.MATCHED_ID: some[c.DOC_ID][other[near]],
                c.LEVEL: pl.repeat(LEVELS[NEAR], int(near.sum()), dtype=pl.String, eager=True),
                c.SIMILARITY: likeness[equal[near]],
            },
            schema=FOUND,
        )


def _pairs(keys: pl.DataFrame, others: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the places of rows that share a key, each pair once, about PAIRS at a time."""
    often = others.group_by(_KEY).agg(pl.len().cast(pl.Int64).alias(_PAIRS))
    costs = keys.join(often, on=_KEY).group_by(_ONE).agg(pl.col(_PAIRS).sum()).sort(_ONE)
    runs = costs.select(_ONE, run=(pl.col(_PAIRS).cum_sum() - 1) // PAIRS)
    for run in runs.partition_by("run", maintain_order=True):
        met = keys.join(run.select(_ONE), on=_ONE, how="semi").join(others, on=_KEY)
        yield met.select(_ONE, _OTHER).unique(maintain_order=False)


def _matrix(rows: pl.DataFrame, size: int) -> sketches.Sketches:
    """Return sketches as rows of bytes; those of rows without one are never looked at."""
    return sketches.matrix(rows[c.MINHASH_SKETCH].fill_null(bytes(size)), size)


def _equal(ones: sketches.Sketches, others: sketches.Sketches, one: Ints, other: Ints) -> Ints:
    """Count the bytes that each pair's sketches have in common."""
    equal = np.zeros(len(one), np.int64)
    for start in range(0, len(one), COMPARED):
        some = slice(start, start + COMPARED)
        equal[some] = np.count_nonzero(ones[one[some]] == others[other[some]], axis=1)
    return equal
