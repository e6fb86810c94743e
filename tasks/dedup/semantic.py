"""Documents that mean the same, by embeddings: who goes, and for whom. Needs faiss, loaded late.

Documents are taken in the order in which they are preferred, a block after the other. Those of a
block are looked for among the kept ones so far, by faiss; then among themselves. So no pairs are
gathered, however many documents mean the same, and the answer is that of
:func:`tasks.dedup.near.settle` over all pairs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats = np.ndarray[Any, np.dtype[np.float32]]
Wide = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

EXACT: Final = 200_000
"""Documents up to which all are compared with all that are kept; beyond, with those of the nearest
cells only (an inverted file, Jégou et al. 2011, in faiss: IndexIVFFlat)."""
BLOCK: Final = 1_024
NEIGHBOURS: Final = 16
"""Kept documents that faiss names for each: the likest of them is taken by its exact cosine."""
SLACK: Final = 1e-4
"""How far below the threshold a cosine of 32-bit sums is looked at again."""
DIGITS: Final = 6
"""Places of a cosine: numbers of 32 bits tell no more."""
SEED: Final = 1
PER_CELL: Final = 64
"""Vectors for each cell that its centre is learnt from."""
PROBED: Final = 32
"""One cell of so many is looked into, and no fewer than this number of cells."""


def settle(unit: Floats, threshold: float) -> tuple[Ints, Ints, Wide]:
    """Return who goes, for whom, and their cosine, all but the last as places in ``unit``.

    Its rows have length 1 and are preferred from the first to the last. In this order each goes
    that has a kept one at the threshold: for the likest, of equals for the one that is preferred.
    So nobody goes for somebody who goes.
    """
    import faiss

    faiss.omp_set_num_threads(1)  # of this thread: sums must not depend on how they are parted
    index = _index(unit)
    kept, found = np.empty(len(unit), np.int64), []
    n_kept = 0
    for start in range(0, len(unit), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(unit)))
        one, other = _among(index, unit, rows, kept[:n_kept], threshold)
        gone, twins, cosines = _best(unit, one, other, threshold)
        taken = _settle_block(unit, rows, (gone, twins, cosines), threshold)
        found.append(taken)
        left = np.setdiff1d(rows, taken[0])
        index.add(unit[left])
        kept[n_kept : n_kept + len(left)] = left
        n_kept += len(left)
    nothing = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    one, other, cosine = (np.concatenate(parts) for parts in zip(nothing, *found, strict=True))
    return one, other, cosine


def _index(unit: Floats) -> Any:  # noqa: ANN401  (faiss has no types)
    """Make an empty index: exact, or of cells that some of the vectors tell."""
    import faiss

    width = unit.shape[1]
    if len(unit) <= EXACT:
        return faiss.IndexFlatIP(width)
    cells = 4 * math.isqrt(len(unit))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, cells, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed, index.cp.spherical = SEED, True
    index.nprobe = min(cells, max(PROBED, cells // PROBED))
    step = max(1, len(unit) // (PER_CELL * cells))
    index.train(np.ascontiguousarray(unit[::step]))
    return index


def _among(
    index: Any,  # noqa: ANN401  (faiss has no types)
    unit: Floats,
    rows: Ints,
    kept: Ints,
    threshold: float,
) -> tuple[Ints, Ints]:
    """Return pairs of a block's rows and kept ones that may reach the threshold."""
    if not len(kept):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    near, places = index.search(unit[rows], min(NEIGHBOURS, len(kept)))
    at, which = np.nonzero((near >= threshold - SLACK) & (places >= 0))
    return rows[at], kept[places[at, which]]


def _cosines(unit: Floats, one: Ints, other: Ints) -> Wide:
    """Cosine of each pair, from sums of 64 bits: the same in whatever company it is reckoned."""
    found = np.empty(len(one))
    for start in range(0, len(one), BLOCK):
        some = slice(start, start + BLOCK)
        left, right = unit[one[some]].astype(np.float64), unit[other[some]].astype(np.float64)
        lengths = np.sqrt((left * left).sum(axis=1) * (right * right).sum(axis=1))
        found[some] = (left * right).sum(axis=1) / lengths
    rounded: Wide = np.clip(found, -1.0, 1.0).round(DIGITS)
    return rounded


def _best(unit: Floats, one: Ints, other: Ints, threshold: float) -> tuple[Ints, Ints, Wide]:
    """Of pairs that reach the threshold the likest of each row, of equals the preferred one."""
    cosine = _cosines(unit, one, other)
    order = np.lexsort((other, -cosine, one))
    order = order[cosine[order] >= threshold]
    _, first = np.unique(one[order], return_index=True)
    best = order[first]
    return one[best], other[best], cosine[best]


def _settle_block(
    unit: Floats, rows: Ints, before: tuple[Ints, Ints, Wide], threshold: float
) -> tuple[Ints, Ints, Wide]:
    """Settle a block: ``before`` is whom of earlier blocks each of its rows goes for."""
    taken = {int(a): (int(b), float(s)) for a, b, s in zip(*before, strict=True)}
    own = unit[rows]
    for at, later in _later(own, threshold):
        if int(rows[at]) in taken:
            continue
        # It is kept: all behind it that are like it go, for it where none likeer was found.
        one = rows[later]
        cosines = _cosines(unit, one, np.full(len(one), rows[at]))
        for row, cosine in zip(one.tolist(), cosines.tolist(), strict=True):
            if cosine >= threshold and cosine > taken.get(row, (0, -1.0))[1]:
                taken[row] = (int(rows[at]), cosine)
    gone = np.array(sorted(taken), np.int64)
    twins = np.array([taken[row][0] for row in gone.tolist()], np.int64)
    return gone, twins, np.array([taken[row][1] for row in gone.tolist()], np.float64)


def _later(own: Floats, threshold: float) -> Iterator[tuple[int, Ints]]:
    """Yield each row of a block that has some behind it which may be like it, and these."""
    alike = np.triu(own @ own.T >= threshold - SLACK, k=1)
    for at in np.flatnonzero(alike.any(axis=1)).tolist():
        yield at, np.flatnonzero(alike[at])
