"""Signals and thresholds to reasons, and clusters to train or validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from schemas import columns as c
from tasks.hashing import seeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.config import DedupConfig, GopherThresholds, SelectConfig

EMPTY = "empty"
TRAIN, VALID = "train", "valid"


def reasons(frame: pl.DataFrame, config: SelectConfig) -> pl.Series:
    """Return for each row the names of all rules it breaks, as list<string> (empty: none).

    Reads ``source``, ``origin``, ``n_bytes`` and the signals. An empty text (no word in it) breaks
    the rule ``empty`` whoever brought it; the other rules judge what ``apply_to`` and ``exempt``
    leave to them.
    """
    judged = ~pl.col(c.SOURCE).is_in(list(config.exempt))
    if config.apply_to == "replay":
        judged &= pl.col(c.ORIGIN) == "replay"
    rules = [(EMPTY, pl.col(c.GOPHER_WORD_COUNT) == 0)]
    rules += [(name, judged & broken) for name, broken in _rules(config)]
    named = [pl.when(broken).then(pl.lit(name)) for name, broken in rules]
    return frame.select(reasons=pl.concat_list(named).list.drop_nulls())["reasons"]


def _rules(config: SelectConfig) -> Iterator[tuple[str, pl.Expr]]:
    if config.languages:
        known = pl.col(c.LANG).is_in(list(config.languages))
        yield "language", ~(known & (pl.col(c.LANG_PROB) >= config.min_lang_prob))
    if config.gopher is not None:
        yield from _gopher(config.gopher)


def _gopher(t: GopherThresholds) -> Iterator[tuple[str, pl.Expr]]:
    words, length = pl.col(c.GOPHER_WORD_COUNT), pl.col(c.GOPHER_MEAN_WORD_LENGTH)
    yield c.GOPHER_WORD_COUNT, ~words.is_between(t.min_words, t.max_words)
    yield (
        c.GOPHER_MEAN_WORD_LENGTH,
        ~length.is_between(t.min_mean_word_length, t.max_mean_word_length),
    )
    symbols = pl.col(c.GOPHER_SYMBOL_TO_WORD_RATIO)
    yield c.GOPHER_SYMBOL_TO_WORD_RATIO, symbols > t.max_symbol_to_word_ratio
    yield c.GOPHER_BULLET_LINES, pl.col(c.GOPHER_BULLET_LINES) > t.max_bullet_lines
    yield c.GOPHER_ELLIPSIS_LINES, pl.col(c.GOPHER_ELLIPSIS_LINES) > t.max_ellipsis_lines
    letters = pl.col(c.GOPHER_ALPHABETIC_WORDS)
    yield c.GOPHER_ALPHABETIC_WORDS, letters < t.min_words_with_letter
    yield c.GOPHER_STOP_WORDS, pl.col(c.GOPHER_STOP_WORDS) < t.min_stop_words


def decide(
    frame: pl.DataFrame, *, select: SelectConfig, dedup: DedupConfig, seed: int
) -> pl.DataFrame:
    """Return the decision table, one row for each row of ``frame`` and in its order.

    Reads ``doc_id``, ``source``, ``broken_rules`` and what dedup found (``twin_kind, twin_row,
    cluster_row, similarity``). Duplicates are named before broken rules.
    """
    dropped_kinds = ["repeated_id"]
    dropped_kinds += ["exact_duplicate"] * dedup.exact + ["near_duplicate"] * dedup.near
    kind = pl.col(c.TWIN_KIND)
    counted = pl.when(kind.is_in(dropped_kinds)).then(kind)
    ids = frame[c.DOC_ID]
    decided = frame.select(
        pl.col(c.DOC_ID),
        pl.col(c.SOURCE),
        pl.concat_list(counted, pl.col(c.BROKEN)).list.drop_nulls().alias(c.DROP_REASONS),
        ids.gather(frame[c.TWIN_ROW]).alias(c.MATCHED_ID),
        kind.str.split("_").list.first().replace("repeated", "id").alias(c.LEVEL),
        pl.col(c.SIMILARITY),
        ids.gather(frame[c.CLUSTER_ROW]).alias(c.CLUSTER_ID),
    )
    decided = decided.with_columns(
        (pl.col(c.DROP_REASONS).list.len() == 0).alias(c.KEEP),
        pl.col(c.DROP_REASONS).list.first().alias(c.DROP_REASON),
        pl.lit(1.0).alias(c.WEIGHT),
    )
    decided = decided.with_columns(splits(decided, valid_share=select.valid_share, seed=seed))
    return decided.drop(c.SOURCE)


def splits(frame: pl.DataFrame, *, valid_share: float, seed: int) -> pl.Series:
    """Return ``train`` or ``valid`` for each row, the same for all rows of a cluster.

    Reads ``cluster_id``, ``source`` and ``keep``. A cluster is held out when its seeded hash lies
    below the share. A source that keeps two clusters or more and would hold out none gives up its
    cluster of the least hash, so that each can be validated, in a small run too.
    """
    hashes = seeded(frame[c.CLUSTER_ID], seed=seed, stage="split")
    held = hashes < np.uint64(min(valid_share * 2.0**64, 2.0**64 - 2.0**11))
    if valid_share > 0:
        kept = frame.select(c.SOURCE, c.KEEP).with_columns(hash=pl.Series(hashes)).filter(c.KEEP)
        for (_,), own in kept.partition_by(c.SOURCE, as_dict=True).items():
            values = own["hash"].unique().sort()
            if len(values) > 1 and not held[np.isin(hashes, values.to_numpy())].any():
                held |= hashes == values[0]
    return pl.Series(c.SPLIT, np.where(held, VALID, TRAIN))
