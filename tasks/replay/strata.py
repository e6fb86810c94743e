"""Strata without labels: clusters of target and pool together, and the target's share of each.

**Clusters**: k-means on the points (:mod:`tasks.replay.features`) of the target and of a seeded
sample of the pool, some thousand of each. On the target alone, foreign text of the pool would lie
in one of its clusters too. Centres begin as k-means++ draws them (Arthur and Vassilvitskii 2007);
then each is put in the middle of the points that are nearest to it, until that changes little
(Lloyd). A centre that no point is nearest to goes to the point that is farthest from its own.

**Stratum** of a passage: the nearest centre, the first of equals. **Share** of a stratum: that of
the target's tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from tasks import compiled
from tasks.replay import features, order
from tasks.replay.sides import Strata, checked, tokens_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.replay.features import Floats, Space
    from tasks.replay.packed import Packed
    from tasks.replay.sides import Ints, Side

KERNEL: Final = "tasks.replay.strata_kernel"
CLUSTERS: Final = 64
"""From 16 to 256 the shards were as good."""
ROUNDS: Final = 50
TOLERANCE: Final = 1e-4
"""The mean squared distance of a point to its centre falls by less than this part of it: enough."""


class Clusters(NamedTuple):
    """Where passages lie, and the centres, ``(clusters, directions)``."""

    space: Space
    centres: Floats


def clustered(target: Side, pool: Side, *, seed: int, clusters: int = CLUSTERS) -> Strata:
    """Return the strata of target and pool. ValueError for a side without passages."""
    found = fit(target, pool, seed=seed, clusters=clusters)
    own = assigned(found, target)
    tokens = tokens_by(own, target.tokens, len(found.centres))
    return Strata(assigned(found, pool), tokens / max(1.0, tokens.sum()), own)


def fit(target: Side, pool: Side, *, seed: int, clusters: int = CLUSTERS) -> Clusters:
    """Return clusters of both; fewer, where there are not as many different points."""
    space = spaced(target, pool, seed=seed)
    parts = [features.project(space, *part) for part in _sampled(target, pool, seed)]
    return Clusters(space, centres(np.concatenate(parts), clusters, seed=seed))


def spaced(target: Side, pool: Side, *, seed: int) -> Space:
    """Return the space of both. ValueError for a side without passages."""
    sides = [checked(target, "target"), checked(pool, "pool")]
    if not all(side.size for side in sides):
        raise ValueError(f"{target.size} and {pool.size} passages: wanted some in target and pool")
    return features.fit(_sampled(target, pool, seed), seed=seed)


def _sampled(target: Side, pool: Side, seed: int) -> list[tuple[Packed, Ints]]:
    sides = (target, pool)
    return [(side.counts, features.sample(side.keys, seed=seed)) for side in sides]


def assigned(clusters: Clusters, side: Side) -> Ints:
    """Return the stratum of each passage; points are made some thousand at a time."""
    parts = [
        nearest(part, clusters.centres)[0] for part in features.batches(clusters.space, side.counts)
    ]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def nearest(points: Floats, centres: Floats) -> tuple[Ints, NDArray[np.float64]]:
    """Return the nearest centre of each point, and the squared distance to it."""
    across = np.ascontiguousarray(centres.T)
    halves = (np.square(centres.astype(np.float64)).sum(axis=1) / 2).astype(np.float32)
    found: tuple[Ints, NDArray[np.float64]] = compiled.load(KERNEL).nearest(points, across, halves)
    return found


def centres(points: Floats, clusters: int, *, seed: int) -> Floats:
    """Return centres of points, by the definition above; the order of points must be fixed."""
    found = _first(points, clusters, np.random.default_rng([seed, order.CENTRES]))
    before = np.inf
    for _ in range(ROUNDS):
        own, away = nearest(points, found)
        sums, sizes = compiled.load(KERNEL).summed(points, own, len(found))
        found = (sums / np.maximum(sizes, 1)[:, None]).astype(np.float32)
        for empty in np.flatnonzero(sizes == 0).tolist():
            farthest = int(away.argmax())
            found[empty], away[farthest] = points[farthest], 0.0
        now = float(away.mean())
        if before - now <= TOLERANCE * now and sizes.all():
            break
        before = now
    return found


def _first(points: Floats, clusters: int, chance: np.random.Generator) -> Floats:
    """Draw points that are far from those drawn before: with the square of the distance."""
    chosen = [int(chance.integers(len(points)))]
    away = nearest(points, points[chosen])[1]
    while len(chosen) < clusters and away.sum() > 0:
        cumulative = np.cumsum(away)
        at = int(np.searchsorted(cumulative, chance.random() * cumulative[-1], side="right"))
        chosen.append(min(at, len(points) - 1))
        away = np.minimum(away, nearest(points, points[chosen[-1:]])[1])
    return points[chosen].copy()
