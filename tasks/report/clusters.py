"""What duplicates cost each source, by level, and how large their clusters are."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from schemas import columns as c
from schemas.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SIZES: Final = (2, 3, 5, 10, 20, 50, 100, 1_000, 10_000, 100_000)
"""Where a group of cluster sizes begins; the last one has no end."""
LARGEST: Final = 10
NAMED: Final = 3
"""Sources of a large cluster that are named."""
CLOSE: Final = 0.5
"""Of the share at which a run stops: sources that lose more than that to duplicates are named."""
_LEVEL = "duplicate"


def clusters(
    frame: pl.DataFrame, decisions: pl.DataFrame, *, watched: Mapping[str, int], most: float
) -> dict[str, Any]:
    """Return what the manifest holds of duplicates.

    ``frame`` has ``source, recipe_source`` beside ``decisions``, row by row. ``watched``: columns
    that name sources, and from how many documents on one is watched; ``most``: the share of
    documents at which a run stops.
    """
    joined = frame.select(c.SOURCE, c.RECIPE_SOURCE).hstack(
        decisions.select(c.DOC_ID, c.KEEP, c.CLUSTER_ID, _level())
    )
    return {
        "sources": _by_level(joined, c.SOURCE),
        "close": _close(joined, watched, most),
        "stops_at": most,
        **_clusters(joined),
    }


def _level() -> pl.Expr:
    """The level at which a document is dropped as a duplicate, whatever else it is dropped for."""
    reasons = pl.col(c.DROP_REASONS)
    named = (
        pl.when(reasons.list.contains(reason)).then(pl.lit(level))
        for reason, level in LEVELS.items()
    )
    return pl.coalesce(*named).alias(_LEVEL)


def _by_level(joined: pl.DataFrame, column: str) -> dict[str, dict[str, Any]]:
    levels = [(pl.col(_LEVEL) == level).sum().alias(level) for level in LEVELS.values()]
    counts = joined.group_by(column).agg(pl.len().alias("documents"), *levels).sort(column)
    return {
        name: {
            "documents": documents,
            "dropped": {level: n for level, n in zip(LEVELS.values(), dropped, strict=True) if n},
        }
        for name, documents, *dropped in counts.iter_rows()
    }


def _close(
    joined: pl.DataFrame, watched: Mapping[str, int], most: float
) -> dict[str, dict[str, Any]]:
    """Sources that lose more to duplicates than a part of what would stop the run."""
    found = {}
    for column, fewest in watched.items():
        for name, counts in _by_level(joined, column).items():
            lost = sum(counts["dropped"].values())
            if counts["documents"] >= fewest and lost > CLOSE * most * counts["documents"]:
                found[name] = counts
    return dict(sorted(found.items()))


def _clusters(joined: pl.DataFrame) -> dict[str, Any]:
    """How many clusters of each size there are, and the largest ones."""
    sizes = joined.group_by(c.CLUSTER_ID).agg(pl.len().alias("documents"))
    several = sizes.filter(pl.col("documents") > 1)
    largest = several.sort("documents", c.CLUSTER_ID, descending=[True, False]).head(LARGEST)
    members = joined.join(largest, on=c.CLUSTER_ID, how="semi")
    return {
        "sizes": list(_histogram(several["documents"])),
        "largest": [_told(members, *both) for both in largest.iter_rows()],
    }


def _histogram(sizes: pl.Series) -> Iterator[dict[str, int | None]]:
    for least, after in pairwise((*SIZES, None)):
        inside = sizes.filter((sizes >= least) & (sizes < after if after else sizes >= least))
        if len(inside):
            last = None if after is None else after - 1
            documents = int(inside.sum())
            yield {"from": least, "to": last, "clusters": len(inside), "documents": documents}


def _told(members: pl.DataFrame, cluster_id: str, documents: int) -> dict[str, Any]:
    own = members.filter(pl.col(c.CLUSTER_ID) == cluster_id)
    counts = own.group_by(c.SOURCE).len().sort("len", c.SOURCE, descending=[True, False])
    stands = own.filter(c.KEEP, pl.col(c.DOC_ID) == cluster_id).height > 0
    return {
        "cluster_id": cluster_id,
        "documents": documents,
        "kept": int(own[c.KEEP].sum()),
        "stands": stands,
        "sources": dict(counts.head(NAMED).iter_rows()),
        "other_sources": max(0, counts.height - NAMED),
    }
