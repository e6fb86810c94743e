"""Near-duplicates: documents that share a band key, verified by their sketches, in bounded memory.

Candidates are found a range of keys at a time (:func:`spans`): each range is a task of its own that
reads the keys of all documents and keeps those that lie in it. A key belongs to one band, so ranges
part bands too, and whatever the ranges, the pairs are the same.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import polars as pl

from schemas import columns as c
from tasks import compiled, sketches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schemas.config import SignalsConfig

    Ints = np.ndarray[Any, np.dtype[np.int64]]

KERNEL: Final = "tasks.dedup.kernel"
KEY_BYTES: Final = 100
"""Memory that a key of a range takes while it is sorted, beside a sketch, about."""
PAIR_BYTES: Final = 4
"""What a pair takes on disk, about: two were measured."""
PAIR: Final = {c.ROW: pl.Int64, c.TWIN_ROW: pl.Int64, c.SIMILARITY: pl.Float64}
ALL: Final = 1 << 64
MEMORY_BYTES: Final = 1_000_000_000
"""What a range may take where nobody says otherwise."""
Span = tuple[int, int]
"""Keys from the first up to, not including, the second."""


def spans(documents: int, signals: SignalsConfig, memory_bytes: int) -> list[Span]:
    """Part the keys into ranges that are each found in so much memory."""
    parts = max(1, -(-needed(documents, signals) // memory_bytes))
    limits = [ALL * i // parts for i in range(parts + 1)]
    return list(itertools.pairwise(limits))


def needed(documents: int, signals: SignalsConfig) -> int:
    """Return the bytes of memory that all keys take in one range, if every one were shared."""
    size = signals.minhash_bands * signals.minhash_rows
    return documents * signals.minhash_bands * (KEY_BYTES + size)


def pairs_bytes(documents: int, signals: SignalsConfig) -> int:
    """Return the bytes on disk that pairs take at most: where all documents have many twins."""
    twins = signals.minhash_bands * compiled.load(KERNEL).ENOUGH
    return int(documents * twins * PAIR_BYTES)


def pairs(
    signals: pl.LazyFrame, ranks: Ints, span: Span, *, config: SignalsConfig, threshold: float
) -> pl.DataFrame:
    """Return pairs that share a key in a range and are alike: ``row, twin_row, similarity``.

    ``signals`` has ``row, minhash_bands, minhash_sketch``; ``ranks`` holds, by row, the place in
    which a document is preferred, and -1 for those that take no part. The twin is preferred to the
    row. Similarities are estimated, and reach the threshold.
    """
    keys, rows = _keys(signals, ranks, span)
    touched, members = np.unique(rows, return_inverse=True)
    if not len(touched):
        return pl.DataFrame(schema=PAIR)
    size = config.minhash_bands * config.minhash_rows
    matrix, least = _sketches(signals, touched, size), _least(size, threshold)
    kernel = compiled.load(KERNEL)
    found, _ = kernel.pairs(keys, members, matrix, config.minhash_rows, least)
    return _similar(np.asarray(found), touched, size)


class Sets(NamedTuple):
    """Which rows are compared across sets: by row its place, -1 for none, and the set's number.

    Places go by set first. ``most``: so many are found for a row and another set in a range.
    """

    ranks: Ints
    sets: Ints
    most: int


def across(
    signals: pl.LazyFrame, among: Sets, span: Span, *, config: SignalsConfig, threshold: float
) -> pl.DataFrame:
    """Return pairs of different sets that share a key in a range and are alike.

    As :func:`pairs`; but the twin is one of another set's likest to the row, among those that it is
    compared with, and a pair may come both ways round.
    """
    keys, rows = _keys(signals, among.ranks, span)
    ends = np.append(np.flatnonzero(keys[1:] != keys[:-1]), len(keys) - 1)[: len(keys)]
    begins = np.append(0, ends[:-1] + 1)[: len(ends)]
    mixed = among.sets[rows[begins]] != among.sets[rows[ends]]
    wanted = np.repeat(mixed, ends - begins + 1)
    touched, members = np.unique(rows[wanted], return_inverse=True)
    if not len(touched):
        return pl.DataFrame(schema=PAIR)
    size = config.minhash_bands * config.minhash_rows
    matrix = _sketches(signals, touched, size)
    limits = (config.minhash_rows, _least(size, threshold), among.most)
    kernel = compiled.load(KERNEL)
    found, _ = kernel.across(keys[wanted], members, among.sets[touched], matrix, limits)
    return _similar(np.asarray(found), touched, size).unique()


def _filling(size: int) -> int:
    """Zeros that fill a sketch up to a multiple of eight bytes; they are equal in any two."""
    return -size % 8


def _least(size: int, threshold: float) -> int:
    """Return how many bytes of two filled-up sketches are equal at the threshold."""
    return int(np.searchsorted(sketches.likeness(size), threshold)) + _filling(size)


def _similar(found: Ints, rows: Ints, size: int) -> pl.DataFrame:
    """Return what a kernel found by the documents' own rows."""
    row, twin, equal = found.T
    similarity = sketches.likeness(size)[equal - _filling(size)]
    named = {c.ROW: rows[row], c.TWIN_ROW: rows[twin], c.SIMILARITY: similarity}
    return pl.DataFrame(named, schema=PAIR)


def _keys(signals: pl.LazyFrame, ranks: Ints, span: Span) -> tuple[Any, Ints]:
    """Return the keys of a range that documents share, sorted, and whose they are, best first."""
    low, high = (pl.lit(limit, pl.UInt64) for limit in (span[0], span[1] - 1))
    found = (
        signals.select(pl.col(c.ROW).cast(pl.Int64), key=c.MINHASH_BANDS)
        .explode("key")
        .filter(pl.col("key").is_between(low, high))
        .collect(engine="streaming")
    )
    found = found.with_columns(rank=ranks[found[c.ROW].to_numpy()]).filter(pl.col("rank") >= 0)
    found = found.sort("key", "rank")
    keys = found["key"].to_numpy()
    alike = keys[1:] == keys[:-1]
    shared = np.zeros(len(keys), np.bool_)
    shared[1:] |= alike
    shared[:-1] |= alike
    return keys[shared], found[c.ROW].to_numpy()[shared]


def _sketches(signals: pl.LazyFrame, rows: Ints, size: int) -> sketches.Sketches:
    """Return the sketches of some rows, filled up with zeros to a multiple of eight bytes."""
    wanted = pl.LazyFrame({c.ROW: rows})
    found = (
        signals.select(pl.col(c.ROW).cast(pl.Int64), c.MINHASH_SKETCH)
        .join(wanted, on=c.ROW, how="semi")
        .collect(engine="streaming")
        .sort(c.ROW)
    )
    matrix = np.zeros((len(rows), size + _filling(size)), np.uint8)
    matrix[:, :size] = sketches.matrix(found[c.MINHASH_SKETCH], size)
    return matrix


def settle(parts: Callable[[], Iterable[pl.DataFrame]], ranks: Ints) -> pl.DataFrame:
    """Return who goes and for whom: ``row, twin_row, similarity``, in the order of rows.

    In the order in which documents are preferred, each goes whose pairs hold one that is kept: for
    the likest of these, of equals for the one that is preferred. So no twin has a twin itself.

    ``parts`` gives the pairs part by part, and is called twice; a pair may come more than once.
    What stays in memory of a pair is 12 bytes: of many alike, each may have dozens.
    """
    kernel, number = compiled.load(KERNEL), np.int32 if len(ranks) < 1 << 31 else np.int64
    counts = np.zeros(len(ranks), np.int64)
    for part in parts():
        counts += np.bincount(part[c.ROW].to_numpy(), minlength=len(ranks))
    rows, ends = np.flatnonzero(counts), np.cumsum(counts) - counts
    twins, alike = np.empty(counts.sum(), number), np.empty(counts.sum(), np.float64)
    for part in parts():
        kernel.gather(*(part[name].to_numpy() for name in PAIR), ends, twins, alike)
    taken = np.full(len(ranks), -1, np.int64)
    kernel.settle(rows[np.argsort(ranks[rows])], ranks, ends, twins, alike, taken)
    gone = np.flatnonzero(taken >= 0)
    found = {c.ROW: gone, c.TWIN_ROW: twins[taken[gone]], c.SIMILARITY: alike[taken[gone]]}
    return pl.DataFrame(found, schema=PAIR)
