"""Which of several twins is kept: a rule that does not know of files, shards and workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from schemas import columns as c
from tasks.hashing import seeded

if TYPE_CHECKING:
    from schemas.config import DedupConfig


def rank(frame: pl.DataFrame, config: DedupConfig, *, seed: int) -> pl.Series:
    """Return each row's place (0 first) in the order in which twins are preferred.

    1. Documents that break no rule: those that do are dropped, and must not take others with them.
    2. New data before replay: a replay shard must not repeat it.
    3. Sources in the order of ``source_priority``, then all others.
    4. The higher value of the signal ``quality``, where one is named, or with ``-`` before it the
       lower one; none comes last.
    5. The longer text.
    6. A seeded hash of the id; for rows of one id the digests of text and document.
    """
    priority = list(config.source_priority)
    places = [
        pl.col(name).replace_strict(priority, range(len(priority)), default=len(priority))
        for name in ((c.SOURCE, c.RECIPE_SOURCE) if priority else ())
    ]
    sign = 1.0 if (config.quality or "").startswith("-") else -1.0
    named = filter(None, [config.quality_signal])
    quality = [sign * pl.col(name).cast(pl.Float64) for name in named]
    keys = frame.select(
        pl.min_horizontal(*places).alias("source") if places else pl.lit(0).alias("source"),
        *[value.fill_nan(None).alias("quality") for value in quality],
        broken_last=pl.col(c.BROKEN).list.len() > 0,
        new_first=pl.col(c.ORIGIN) != "new",
        long_first=-pl.col(c.N_BYTES),
        hash=pl.Series(seeded(frame[c.DOC_ID], seed=seed, stage="dedup")),
        id=pl.col(c.DOC_ID),
        text=pl.col(c.TEXT_HASH),
        digest=pl.col(c.DOCUMENT_DIGEST),
    )
    names = ["broken_last", "new_first", "source", *["quality"] * len(quality)]
    names += ["long_first", "hash", "id", "text", "digest"]
    order = keys.select(pl.arg_sort_by(names, nulls_last=True, maintain_order=True))
    ranks = np.empty(frame.height, dtype=np.int64)
    ranks[order.to_series().to_numpy()] = np.arange(frame.height)
    return pl.Series(c.RANK, ranks)
