"""Which documents are the same: by id, by text, by MinHash. Decided on signals, without text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from schemas import columns as c
from tasks.hashing import seeded

if TYPE_CHECKING:
    from schemas.config import SignalsConfig

    Ints = np.ndarray[Any, np.dtype[np.int64]]
    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Sketches = np.ndarray[Any, np.dtype[np.uint32]]

REPEATED_ID, EXACT, NEAR = "repeated_id", "exact_duplicate", "near_duplicate"
CROWD: Final = 64
"""Most kept documents that one band key leads to.

Documents with a boilerplate in common share keys without being twins, and comparing each with all
would cost the square of their number. Twins meet in other bands too, those that their own words
decide, so that what this misses is rare."""


def rank(frame: pl.DataFrame, *, seed: int) -> pl.Series:
    """Return each row's place (0 first) in the order in which twins are preferred.

    Documents that break no rule first (those that do are dropped, and must not take others with
    them), then new data before replay (a replay shard must not repeat it), then a seeded hash of
    the id. Rows of one id: the longer text, then the digests, so that the order never depends on
    files, shards or workers.
    """
    keys = frame.select(
        broken_last=pl.col(c.BROKEN).list.len() > 0,
        new_first=pl.col(c.ORIGIN) != "new",
        hash=pl.Series(seeded(frame[c.DOC_ID], seed=seed, stage="dedup")),
        id=pl.col(c.DOC_ID),
        long_first=-pl.col(c.N_BYTES),
        text=pl.col(c.TEXT_HASH),
        digest=pl.col(c.DOCUMENT_DIGEST),
    )
    order = keys.select(pl.arg_sort_by(keys.columns, maintain_order=True)).to_series().to_numpy()
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return pl.Series(c.RANK, ranks)


def twins(frame: pl.DataFrame, *, signals: SignalsConfig, threshold: float) -> pl.DataFrame:
    """Return ``twin_kind, twin_row, similarity, cluster_row`` for each row of ``frame``.

    Reads ``doc_id, text_hash, gopher_word_count, minhash_bands, minhash_sketch, rank``.

    - ``twin_kind``: how the row's twin was found: ``repeated_id``, ``exact_duplicate``,
      ``near_duplicate``, or null for a row that is the best of its kind.
    - ``twin_row``: the best-ranked row with the same id, the same text, or the near twin.
    - ``cluster_row``: the row that stands for all its twins, where every chain ends (a row that
      repeats the text of a near-duplicate has that one as its twin and that one's twin here).
    - ``similarity``: estimated Jaccard similarity to ``cluster_row``, null for repeated ids.

    A near-duplicate's twin has no twin itself, and their similarity was compared with the
    threshold: no chains. Texts without a word have no twins.
    """
    rows = np.arange(frame.height)
    by_id = _first_of(frame, c.DOC_ID, rows)
    alive = frame[c.GOPHER_WORD_COUNT].ne_missing(0).to_numpy() & (by_id == rows)
    by_text = _first_of(frame, c.TEXT_HASH, np.flatnonzero(alive))
    unlike = np.flatnonzero(alive & (by_text == rows))
    permutations = signals.minhash_bands * signals.minhash_rows
    near, likeness = _near(frame, unlike, permutations=permutations, threshold=threshold)
    kinds = np.full(frame.height, None, dtype=object)
    kinds[near != rows], kinds[by_text != rows], kinds[by_id != rows] = NEAR, EXACT, REPEATED_ID
    twin = np.where(by_id != rows, by_id, np.where(by_text != rows, by_text, near))
    alone = pl.Series(twin == rows)
    similarity = pl.Series(likeness[by_text], dtype=pl.Float64)
    return pl.DataFrame(
        {
            c.TWIN_KIND: pl.Series(kinds.tolist(), dtype=pl.String),
            c.TWIN_ROW: pl.Series(twin, dtype=pl.Int64).set(alone, None),
            c.SIMILARITY: similarity.set(alone | pl.Series(by_id != rows), None),
            c.CLUSTER_ROW: pl.Series(near[by_text][by_id], dtype=pl.Int64),
        }
    )


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


def _near(
    frame: pl.DataFrame, rows: Ints, *, permutations: int, threshold: float
) -> tuple[Ints, Floats]:
    """For each row of the frame: its near twin's row (else its own), and their similarity (else 1).

    Rows are taken in rank order; each is compared with the kept ones that share a band with it, and
    joins the most similar if that reaches the threshold (the better-ranked of equals). A band key
    leads to its best-ranked :data:`CROWD` kept rows, so that the work grows with the documents.
    """
    twin, similarity = np.arange(frame.height), np.ones(frame.height)
    ordered = rows[np.argsort(frame[c.RANK].to_numpy()[rows], kind="stable")]
    places, keys = _shared_keys(frame[c.MINHASH_BANDS].gather(ordered))
    touched = ordered[places]
    sketches = _matrix(frame[c.MINHASH_SKETCH].gather(touched), permutations)
    kept: dict[int, list[int]] = {}
    for i, row in enumerate(touched):
        own = keys[i].tolist()
        others = sorted({other for key in own for other in kept.get(key, ())})
        if others:
            likeness = _likeness(sketches, i, others)
            best = int(np.argmax(likeness))
            if likeness[best] >= threshold:
                twin[row], similarity[row] = touched[others[best]], likeness[best]
                continue
        for key in own:
            crowd = kept.setdefault(key, [])
            if len(crowd) < CROWD:
                crowd.append(i)
    return twin, similarity


def _shared_keys(bands: pl.Series) -> tuple[Ints, list[np.ndarray[Any, np.dtype[np.uint64]]]]:
    """Rows with a band key that another row has too, and those keys; no other has a twin."""
    long = pl.DataFrame({c.ROW: np.arange(len(bands)), "key": bands}).explode("key").drop_nulls()
    shared = long.filter(pl.len().over("key") > 1)
    rows, starts = np.unique(shared[c.ROW].to_numpy(), return_index=True)
    # `explode` keeps the rows in order, so that the keys of each lie together.
    return rows, np.split(shared["key"].to_numpy(), starts[1:])


def _likeness(sketches: Sketches, one: int, others: list[int]) -> Floats:
    """Estimated Jaccard similarity of a sketch to others: the share of equal values."""
    equal: Floats = (sketches[others] == sketches[one]).mean(axis=1)
    return equal


def _matrix(sketches: pl.Series, permutations: int) -> Sketches:
    """Sketches as rows of 32-bit hash values."""
    values: Sketches = np.frombuffer(b"".join(sketches), dtype="<u4")
    return values.reshape(len(sketches), permutations)
