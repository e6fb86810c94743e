"""How unlike the replay new documents are: the order `dissimilar_first` of a mixture.

The **distance** of a document is Hellinger's between its words and those of the whole replay shard:
``sqrt(1 - sum(sqrt(p q)))``, with ``p`` and ``q`` the shares of each of 10,000 hashed words and
pairs of words: 0 where they are the same, 1 where they have none in common. A document without
words is as far as can be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from schemas import columns as c
from tasks import compiled, written
from tasks.mixture.order import DISTANCE
from tasks.replay import packed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from schemas.masking import MaskingConfig

KEY = (c.SHARD, c.ROW, c.START)


def measured(
    new: pl.DataFrame, replay: pl.DataFrame, out: str, *, masking: MaskingConfig | None = None
) -> pl.DataFrame:
    """Return ``new`` with its distances: an extra read of both sides' text, a shard at a time."""
    profile = np.zeros(packed.BUCKETS)
    for _, counts in _counts(replay, out, masking):
        profile += packed.sums(counts, packed.rows(counts))
    parts = [pl.DataFrame(schema={**{k: new.schema[k] for k in KEY}, DISTANCE: pl.Float64})]
    for places, counts in _counts(new, out, masking):
        parts.append(places.with_columns(pl.Series(DISTANCE, distances(counts, profile))))
    return new.join(pl.concat(parts), on=KEY, how="left", nulls_equal=True, maintain_order="left")


def distances(counts: packed.Packed, profile: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of each row of counts to a profile, which are counts in sum."""
    shares = np.sqrt(profile / max(1.0, profile.sum()))
    # The kernel sums roots of counts, each times what its bucket has here.
    direction = shares[:, None].astype(np.float32)
    common = compiled.load(packed.KERNEL).projected(*counts, packed.rows(counts), direction)[:, 0]
    alike = common / np.sqrt(np.maximum(packed.sizes(counts), 1))
    found: NDArray[np.float64] = np.sqrt(np.clip(1.0 - alike.astype(np.float64), 0.0, 1.0))
    return found


def _counts(
    frame: pl.DataFrame, out: str, masking: MaskingConfig | None
) -> Iterator[tuple[pl.DataFrame, packed.Packed]]:
    for (shard,), own in sorted(frame.partition_by(c.SHARD, as_dict=True).items()):
        places = own.select(*KEY, c.END)
        read = written.rows(out, str(shard), places, columns=[c.TEXT], masking=masking)
        for some, table, _ in read:
            yield some.select(KEY), packed.of(table.column(c.TEXT))
