"""Lines, paragraphs and runs of words that documents have in common: who keeps them.

Found a range of hashes at a time (:func:`shared`), as near-duplicates are; then one look at all
that are shared, in the order in which documents are preferred (:func:`remove`).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from schemas import columns as c
from tasks import compiled
from tasks.dedup.near import ALL
from tasks.pieces import ANCHOR, LINE, PARAGRAPH, anchor_width

if TYPE_CHECKING:
    from schemas.config import DedupConfig, SignalsConfig
    from tasks.dedup.near import Span

    Ints = np.ndarray[Any, np.dtype[np.int64]]

KERNEL: Final = "tasks.dedup.pieces_kernel"
PIECE_BYTES: Final = 120
"""Memory that a piece takes while those of a range are sorted, about."""
SETTLED_BYTES: Final = 200
"""Memory that a piece of several documents takes while it is settled who keeps it, about: 195 were
measured of 4 million."""
DISK_BYTES: Final = 9
"""What a piece of several documents takes on disk, about: 8.8 were measured of the 173,605 lines,
paragraphs, anchors and runs that 728 software licences share."""
HASH, START, END, KIND = "hash", c.START, c.END, "kind"
SHARED: Final[dict[str, pl.DataType]] = {
    HASH: pl.UInt64(),
    c.ROW: pl.Int64(),
    START: pl.Int32(),
    END: pl.Int32(),
    KIND: pl.Int8(),
}
REMOVED: Final[dict[str, pl.DataType]] = {
    c.ROW: pl.Int64(),
    START: pl.Int64(),
    END: pl.Int64(),
    KIND: pl.Int8(),
    c.TWIN_ROW: pl.Int64(),
}
GONE: Final[dict[str, pl.DataType]] = {
    c.ROW: pl.Int64(),
    c.TWIN_ROW: pl.Int64(),
    c.SIMILARITY: pl.Float64(),
}


def kinds(signals: SignalsConfig, config: DedupConfig) -> list[int]:
    """Return which kinds of pieces are measured, and go where another document has them."""
    asked = (
        (LINE, config.lines and signals.line_words),
        (PARAGRAPH, config.paragraphs and signals.paragraph_words),
        (ANCHOR, config.substrings and signals.substring_words),
    )
    return [kind for kind, wanted in asked if wanted]


def runs(anchors: int, words: int) -> int:
    """Return how many runs of so many words hold so many anchors, about: as they lie in a text."""
    within = words - anchor_width(words) + 1
    return anchors * (within + 1) // 2


def ranges(pieces: int, memory_bytes: int) -> list[Span]:
    """Part the hashes into ranges in which so many pieces are sorted in so much memory."""
    parts = max(1, -(-pieces * PIECE_BYTES // memory_bytes))
    return list(itertools.pairwise(ALL * i // parts for i in range(parts + 1)))


def shared(pieces: pl.LazyFrame, ranks: Ints, span: Span, kinds: list[int]) -> pl.DataFrame:
    """Return the pieces of some kinds, of a range of hashes, that two documents have, or more.

    ``pieces`` has ``row, pieces``; ``ranks`` holds -1 for rows that take no part.
    """
    low, high = (pl.lit(limit, pl.UInt64) for limit in (span[0], span[1] - 1))
    found = (
        pieces.select(pl.col(c.ROW).cast(pl.Int64), c.PIECES)
        .explode(c.PIECES)
        .drop_nulls()
        .unnest(c.PIECES)
        .filter(pl.col(HASH).is_between(low, high) & pl.col(KIND).is_in(kinds))
        .select(*SHARED)
        .collect(engine="streaming")
    )
    return of_several(found.filter(pl.Series(ranks[found[c.ROW].to_numpy()] >= 0)))


def outside(pieces: pl.DataFrame, cuts: pl.DataFrame) -> pl.DataFrame:
    """Return the pieces that have no byte in common with what their document loses (``cuts``).

    ``cuts`` (``row, start, end``) stand in order and apart.
    """
    if cuts.is_empty():
        return pieces
    own, touched = pieces.filter(pl.col(c.ROW).is_in(cuts[c.ROW].implode())), []
    limits = {row: part for (row,), part in cuts.partition_by(c.ROW, as_dict=True).items()}
    for (row,), some in own.partition_by(c.ROW, as_dict=True).items():
        starts, ends = (limits[row][name].to_numpy() for name in (START, END))
        # The first one that ends behind the piece's start must not begin before its end.
        next_ = np.searchsorted(ends, some[START].to_numpy(), side="right")
        begins = np.append(starts, np.iinfo(np.int64).max)[next_]
        touched.append(some.filter(pl.Series(begins < some[END].to_numpy())))
    return pieces.join(pl.concat([pieces.clear(), *touched]), on=list(SHARED), how="anti")


def of_several(pieces: pl.DataFrame) -> pl.DataFrame:
    """Return the pieces whose hash two documents have, or more."""
    ordered = pieces.sort(HASH, c.ROW, START)
    hashes, rows = ordered[HASH].to_numpy(), ordered[c.ROW].to_numpy()
    begins = np.flatnonzero(np.r_[True, hashes[1:] != hashes[:-1]][: len(hashes)])
    ends = np.r_[begins[1:], len(hashes)].astype(np.int64)[: len(begins)]
    several = rows[begins] != rows[ends - 1]
    return ordered.filter(pl.Series(np.repeat(several, ends - begins)))


def remove(
    pieces: pl.DataFrame, ranks: Ints, sizes: Ints, whole: np.ndarray[Any, Any], *, most: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what is removed, and who goes as a whole.

    ``pieces`` are those that :func:`shared` found; ``ranks``, ``sizes`` (bytes) and ``whole`` are
    of all documents. In the order in which they are preferred, each loses the pieces that one
    before it has kept, or goes if that is more than ``most`` of its bytes. So what is removed can
    be read in the document that it is removed for, as that is written.

    Removed: ``row, start, end, kind, twin_row``, in the order of rows, without overlap. Gone:
    ``row, twin_row, similarity``: the one that most of it went for, and the share of its bytes
    that it has in common with others.
    """
    taking = pieces.filter(pl.Series(ranks[pieces[c.ROW].to_numpy()] >= 0))
    if taking.is_empty():
        return pl.DataFrame(schema=REMOVED), pl.DataFrame(schema=GONE)
    taking = taking.with_columns(rank=ranks[taking[c.ROW].to_numpy()])
    taking = taking.sort("rank", START, -pl.col(END).cast(pl.Int64), KIND)
    _, groups = np.unique(taking[HASH].to_numpy(), return_inverse=True)
    rows = taking[c.ROW].to_numpy()
    firsts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1], True])
    documents = rows[firsts[:-1]]
    told = np.column_stack([groups, taking[START].to_numpy(), taking[END].to_numpy()])
    kernel = compiled.load(KERNEL)
    taken, gone, shares = kernel.settle(
        told.astype(np.int64, copy=False),
        firsts,
        sizes[documents],
        whole[documents],
        int(groups.max()) + 1,
        most,
    )
    lose = np.flatnonzero(taken >= 0)
    numbers = np.searchsorted(firsts, lose, side="right") - 1
    spans = [numbers, told[lose, 1:], taking[KIND].to_numpy()[lose], taken[lose]]
    joined = kernel.join(np.column_stack(spans).astype(np.int64, copy=False))
    joined[:, 0], joined[:, 4] = documents[joined[:, 0]], documents[joined[:, 4]]
    left = np.flatnonzero(gone >= 0)
    lost = (documents[left], documents[gone[left]], shares[left])
    removed = pl.DataFrame(joined, schema=list(REMOVED), orient="row").cast(pl.Schema(REMOVED))
    return removed.sort(c.ROW, START), pl.DataFrame(dict(zip(GONE, lost, strict=True)), schema=GONE)


def emptied(removed: pl.DataFrame, rows: Ints) -> pl.DataFrame:
    """Return for whom documents go that would be left without a word: as :func:`remove` does.

    It is the one that most of each is removed for. The share is 1: of all that is no white space.
    """
    size = (pl.col(END) - pl.col(START)).sum()
    taken = removed.filter(pl.col(c.ROW).is_in(rows)).group_by(c.ROW, c.TWIN_ROW).agg(size)
    best = taken.sort(END, c.TWIN_ROW, descending=[True, False]).unique(c.ROW, keep="first")
    return best.sort(c.ROW).select(c.ROW, c.TWIN_ROW, pl.lit(1.0).alias(c.SIMILARITY))
