"""Which documents are the same: by id, address, text and MinHash. Decided without text.

1. :func:`rank`: which of several is kept (:mod:`tasks.dedup.order`).
2. :func:`exact`: equal ids, addresses and texts (:mod:`tasks.dedup.exact`).
3. :func:`pairs`: near-duplicates, a range of band keys at a time, verified
   (:mod:`tasks.dedup.near`), and :func:`settle`: who goes for whom.
4. :func:`twins`: all of it as one answer for each document.
5. Of what is left, what means the same by embeddings (:mod:`tasks.dedup.semantic`).
6. Lines, paragraphs and runs of words that those who stay have in common
   (:mod:`tasks.dedup.pieces`).

:func:`across` finds near-duplicates of different sets: :mod:`tasks.overlap`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from schemas import columns as c
from schemas.levels import EXACT, INDEXED, NEAR, REPEATED_ID, REPEATED_URL
from tasks.dedup.exact import exact
from tasks.dedup.near import (
    MEMORY_BYTES,
    PAIR,
    Sets,
    Span,
    across,
    needed,
    pairs,
    pairs_bytes,
    settle,
    spans,
)
from tasks.dedup.order import rank

if TYPE_CHECKING:
    from schemas.config import DedupConfig

    Ints = np.ndarray[Any, np.dtype[np.int64]]

__all__ = [
    "MEMORY_BYTES",
    "PAIR",
    "Sets",
    "Span",
    "across",
    "exact",
    "joined",
    "needed",
    "pairs",
    "pairs_bytes",
    "rank",
    "reads",
    "settle",
    "spans",
    "taking_part",
    "twins",
]


def reads(config: DedupConfig) -> list[str]:
    """Return the columns that :func:`rank` and :func:`exact` read, but for broken rules."""
    names = [c.DOC_ID, c.SOURCE, c.RECIPE_SOURCE, c.ORIGIN, c.N_BYTES, c.TEXT_HASH]
    names += [c.DOCUMENT_DIGEST, c.GOPHER_WORD_COUNT, *[c.ADDRESS] * config.urls]
    return list(dict.fromkeys([*names, *filter(None, [config.quality_signal])]))


def taking_part(state: pl.DataFrame) -> Ints:
    """Return the ranks of the rows that are compared for near-duplicates; -1 for the others."""
    ranks: Ints = np.where(state[c.COMPARED].to_numpy(), state[c.RANK].to_numpy(), -1)
    return ranks


def twins(
    found: pl.DataFrame, near: pl.DataFrame, known: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return how each row is settled; the columns are told below.

    ``found`` is what :func:`exact` found, ``near`` what :func:`settle` did, ``known`` the documents
    that an index has (``row, matched_id, similarity``).

    - ``twin_kind``: how the row's twin was found: ``indexed_duplicate``, ``repeated_id``,
      ``repeated_url``, ``exact_duplicate``, ``near_duplicate``, or null for a row that is the best
      of its kind.
    - ``twin_row``: the best-ranked row with the same id, address or text, or the near twin.
    - ``cluster_row``: the row that stands for all its twins, where every chain ends (a row that
      repeats the text of a near-duplicate has that one as its twin and that one's twin here).
    - ``similarity``: Jaccard similarity to ``cluster_row``, null for repeated ids and addresses;
      of what an index has, to that document.
    - ``stands_row``: the same as ``cluster_row``; :func:`joined` goes on from there.
    - ``indexed_id``: the document of an index, which no row stands for; null for all others.

    A near-duplicate's twin has no twin itself, and their similarity was compared with the
    threshold: no chains. Texts without a word have no twins.
    """
    rows = np.arange(found.height)
    by_near, likeness = rows.copy(), np.ones(found.height)
    by_near[near[c.ROW].to_numpy()] = near[c.TWIN_ROW].to_numpy()
    likeness[near[c.ROW].to_numpy()] = near[c.SIMILARITY].to_numpy()
    names = (c.ID_ROW, c.ADDRESS_ROW, c.TEXT_ROW)
    by_id, by_address, by_text = (found[name].to_numpy() for name in names)
    kinds, twin = np.full(found.height, None, dtype=object), rows.copy()
    levels = ((NEAR, by_near), (EXACT, by_text), (REPEATED_URL, by_address), (REPEATED_ID, by_id))
    for kind, by in levels:
        kinds[by != rows] = kind
        twin = np.where(by != rows, by, twin)
    alike = pl.Series((twin != rows) & (by_id == rows) & (by_address == rows))
    answer = pl.DataFrame(
        {
            c.TWIN_KIND: pl.Series(kinds.tolist(), dtype=pl.String),
            c.TWIN_ROW: pl.Series(twin, dtype=pl.Int64).set(pl.Series(twin == rows), None),
            c.SIMILARITY: pl.Series(likeness[by_text], dtype=pl.Float64).set(~alike, None),
            c.CLUSTER_ROW: pl.Series(by_near[by_text][by_address][by_id], dtype=pl.Int64),
        }
    )
    return _with_known(answer.with_columns(answer[c.CLUSTER_ROW].alias(c.STANDS_ROW)), known)


def _with_known(answer: pl.DataFrame, known: pl.DataFrame | None) -> pl.DataFrame:
    ids = pl.Series(c.INDEXED_ID, [None] * answer.height, pl.String)
    if known is None or known.is_empty():
        return answer.hstack([ids])
    rows = known[c.ROW].to_numpy()
    kinds, alike = answer[c.TWIN_KIND], answer[c.SIMILARITY]
    return answer.with_columns(
        kinds.scatter(rows, [INDEXED] * len(rows)),
        alike.scatter(rows, known[c.SIMILARITY]),
        ids.scatter(rows, known[c.MATCHED_ID]),
    )


def joined(twins: pl.DataFrame, found: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Return :func:`twins` with what goes for another reason (``row, twin_row, similarity``).

    ``stands_row`` is then where every chain of twins ends, these included.
    """
    if found.is_empty():
        return twins
    rows, others = found[c.ROW].to_numpy(), found[c.TWIN_ROW].to_numpy()
    stands = twins[c.STANDS_ROW].to_numpy().copy()
    stands[rows] = others
    while (stands[stands] != stands).any():  # a twin is preferred to its own: there are no rings
        stands = stands[stands]
    return twins.with_columns(
        twins[c.TWIN_KIND].scatter(rows, [kind] * len(rows)),
        twins[c.TWIN_ROW].scatter(rows, others),
        twins[c.SIMILARITY].scatter(rows, found[c.SIMILARITY]),
        pl.Series(c.STANDS_ROW, stands, pl.Int64),
    )
