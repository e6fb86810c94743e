"""Which documents are the same: by id, by text, by MinHash. Decided on signals, without text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from schemas import columns as c
from tasks.hashing import seeded

if TYPE_CHECKING:
    from schemas.config import SignalsConfig

    Ints = np.ndarray[Any, np.dtype[np.int64]]

REPEATED_ID, EXACT, NEAR = "repeated_id", "exact_duplicate", "near_duplicate"
RANK, ELIGIBLE = "rank", "eligible"
TWIN, TWIN_KIND, CLUSTER = "twin_row", "twin_kind", "cluster_row"
ALONE = -1


def rank(frame: pl.DataFrame, *, seed: int) -> pl.Series:
    """Return each row's place (0 first) in the order in which twins are preferred.

    New data before replay (a replay shard must not repeat it), documents that break no rule before
    others, then a seeded hash of the id. Rows of one id: the longer text, then the digests, so that
    the order never depends on files, shards or workers.
    """
    keys = frame.select(
        new_last=pl.col(c.ORIGIN) != "new",
        broken_last=pl.col(c.BROKEN).list.len() > 0,
        hash=pl.Series(seeded(frame[c.DOC_ID], seed=seed, stage="dedup")),
        id=pl.col(c.DOC_ID),
        short_last=-pl.col(c.N_BYTES),
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
    ``twin_row`` is the row of the preferred document this one repeats (null: none), ``twin_kind``
    how it was found, ``cluster_row`` the row that stands for all its twins. A near-duplicate's twin
    is one that has no twin itself, and their estimated Jaccard similarity was checked: no chains.
    Texts without a word have no twins.
    """
    rows = np.arange(frame.height)
    by_id = _first_of(frame, c.DOC_ID, rows)
    alive = (frame[c.GOPHER_WORD_COUNT] > 0).to_numpy() & (by_id == rows)
    by_text = _first_of(frame, c.TEXT_HASH, np.flatnonzero(alive))
    unlike = np.flatnonzero(alive & (by_text == rows))
    near, similarity = _near(frame, unlike, signals=signals, threshold=threshold)
    cluster = near[by_text][by_id]
    kinds = np.full(frame.height, None, dtype=object)
    kinds[near != rows], kinds[by_text != rows], kinds[by_id != rows] = NEAR, EXACT, REPEATED_ID
    twin = np.where(by_id != rows, by_id, cluster)
    return pl.DataFrame(
        {
            c.TWIN_KIND: pl.Series(kinds.tolist(), dtype=pl.String),
            c.TWIN_ROW: pl.Series(twin).set(pl.Series(twin == rows), None),
            c.SIMILARITY: pl.Series(similarity[by_text]).set(
                pl.Series((by_id != rows) | (twin == rows)), None
            ),
            c.CLUSTER_ROW: cluster,
        }
    )


def _first_of(frame: pl.DataFrame, column: str, rows: Ints) -> Ints:
    """For each row: the best-ranked of ``rows`` with the same value; others stand for themselves."""
    best = (
        frame.select(column, c.RANK)[rows]
        .with_columns(pl.Series("row", rows))
        .select(pl.col("row").sort_by(c.RANK).first().over(column))
    )
    firsts = np.arange(frame.height)
    firsts[rows] = best.to_series().to_numpy()
    return firsts


def _near(
    frame: pl.DataFrame, rows: Ints, *, signals: SignalsConfig, threshold: float
) -> tuple[Ints, np.ndarray[Any, np.dtype[np.float64]]]:
    """For each row of the frame: its near twin's row (else its own), and their similarity (else 1).

    Rows are taken in rank order; each is compared with the kept ones that share a band with it, and
    joins the most similar if that reaches the threshold (the better-ranked of equals).
    """
    twin, similarity = np.arange(frame.height), np.ones(frame.height)
    ordered = rows[np.argsort(frame[c.RANK].to_numpy()[rows], kind="stable")]
    touched = ordered[_shares_a_band(frame[c.MINHASH_BANDS].gather(ordered))]
    if len(touched) == 0:
        return twin, similarity
    sketches = _matrix(frame[c.MINHASH_SKETCH].gather(touched))
    index = _BandIndex(signals)
    for place, row in enumerate(touched):
        others = index.candidates(sketches[place])
        if others:
            likeness = (sketches[others] == sketches[place]).mean(axis=1)
            best = int(np.argmax(likeness))
            if likeness[best] >= threshold:
                twin[row], similarity[row] = touched[others[best]], likeness[best]
                continue
        index.add(place, sketches[place])
    return twin, similarity


def _shares_a_band(bands: pl.Series) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether a row has a band key that another row has too; only those need the index."""
    long = pl.DataFrame({"row": np.arange(len(bands)), "key": bands}).explode("key").drop_nulls()
    shared = long.filter(pl.len().over("key") > 1)["row"].unique()
    found = np.zeros(len(bands), dtype=bool)
    found[shared.to_numpy()] = True
    return found


def _matrix(sketches: pl.Series) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Sketches as rows of 32-bit hash values."""
    return np.frombuffer(b"".join(sketches), dtype="<u4").reshape(len(sketches), -1)


class _BandIndex:
    """Kept sketches in datasketch's MinHash LSH, under their place in the rank order."""

    def __init__(self, signals: SignalsConfig) -> None:
        from datasketch import MinHash, MinHashLSH

        self._minhash = MinHash
        shape = (signals.minhash_bands, signals.minhash_rows)
        self._permutations = MinHash(num_perm=shape[0] * shape[1], scheme="affine32").permutations
        self._lsh = MinHashLSH(num_perm=shape[0] * shape[1], params=shape)

    def candidates(self, sketch: np.ndarray[Any, np.dtype[np.uint32]]) -> list[int]:
        """Places, best first, that share a band with ``sketch``."""
        return sorted(self._lsh.query(self._wrap(sketch)))

    def add(self, place: int, sketch: np.ndarray[Any, np.dtype[np.uint32]]) -> None:
        """Keep a sketch."""
        self._lsh.insert(place, self._wrap(sketch), check_duplication=False)

    def _wrap(self, sketch: np.ndarray[Any, np.dtype[np.uint32]]) -> Any:  # noqa: ANN401
        return self._minhash(
            hashvalues=sketch, permutations=self._permutations, scheme="affine32"
        )
