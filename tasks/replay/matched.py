r"""Strata without labels, of what in the pool is like the target: nearer shares, less foreign text.

Clusters (:mod:`tasks.replay.strata`) alone leave two things as they are in the pool: foreign text
that lies in a cluster of the target, and what part each source has in a cluster that it shares with
others. So passages of the pool are weighed, by what a sample of both sides says, and a part of them
is kept, by chance. Strata are clusters; what is not kept is in none that has a share.

1. **Clusters that are hardly the target's** are left out: those of which the target has less than
   :data:`RARE` of what the pool has, as shares of tokens. A stray passage of the target would draw
   foreign text there.
2. **Passages that are hardly like the target's** are left out. A logistic regression on points
   tells target from pool, both weighing as much (:func:`likened`); it is learnt five times, without
   a fifth of the documents of both, and says of that fifth how like the target each passage is. The
   limit is what :data:`UNLIKE` of the target's own passages are below.
3. **Weights** of the others are ``w = exp(slope x)``, where ``x`` is a passage's point beside a 1
   in the place of its cluster. The slope is the one at which the pool's mean of ``x``, by tokens
   and weight, is the target's: the least of ``log sum_i t_i exp(slope (x_i - mean)) + penalty / 2
   |slope|^2`` (:func:`balancing`; entropy balancing, Hainmueller 2012, with a penalty). What a
   source is shows in ``x`` nearly in a straight line (:mod:`tasks.replay.labels` tells sources
   apart by one), so equal means are nearly equal shares.
4. **Kept** is a passage with probability ``min(1, c w)``, where ``c`` is such that :data:`ROOM`
   budgets are kept, or all that is left. The chance is seed and key's.

On nine fresh cells of hidden originals (``make bench-hidden-original``) shares were .063 off in
total variation and 1.9 % of a shard was foreign, of a pool that is half foreign; by clusters alone
.099 and 5.8 %.

Both slopes are found by Newton's method, halving a step that does not help. The share of the target
whose clusters nothing was kept of is part of the uncovered share (:mod:`tasks.replay.quotas`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from tasks import compiled
from tasks.replay import features, order, strata
from tasks.replay.sides import Strata, tokens_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tasks.replay.features import Floats as Points
    from tasks.replay.sides import Floats, Ints, Keys, Side
    from tasks.replay.strata import Clusters

KERNEL: Final = "tasks.replay.matched_kernel"
CLUSTERS: Final = 32
RARE: Final = 0.3
UNLIKE: Final = 0.1
FOLDS: Final = 5
LIKENED_PENALTY: Final = 1e-4
BALANCING_PENALTY: Final = 1e-3
ROOM: Final = 5.0
CLAMP: Final = 0.6
"""For :class:`tasks.replay.selection.Settings`: what is kept is a choice already."""
ROUNDS: Final = 50
TOLERANCE: Final = 1e-9


class Likeness(NamedTuple):
    """What a sample of both sides says: who may be drawn, and how much each one weighs.

    - ``slopes``: of each fold's regression, ``(folds, directions + 1)``; the last is the bias.
    - ``limit``: below it a passage is hardly like the target.
    - ``common``: which clusters are the target's.
    - ``weights``: the slope of the weights, ``(directions + clusters)``.
    """

    clusters: Clusters
    slopes: Floats
    limit: float
    common: NDArray[np.bool_]
    weights: Floats


def matched(
    target: Side, pool: Side, *, budget: int, seed: int, clusters: int = CLUSTERS
) -> Strata:
    """Return strata for a budget of tokens; the last one is what is not kept, and has no share.

    ValueError for a side without passages.
    """
    found = fit(target, pool, seed=seed, clusters=clusters)
    return divided(found, target, pool, budget=budget, seed=seed)


def divided(found: Likeness, target: Side, pool: Side, *, budget: int, seed: int) -> Strata:
    """Return the strata that a likeness makes; its seed has to be the one it was fitted with."""
    shares, own = wanted(found, target)
    return Strata(drawable(found, pool, budget=budget, seed=seed), shares, own)


def wanted(found: Likeness, target: Side) -> tuple[Floats, Ints]:
    """Return the target's share of each stratum, and the stratum of each of its passages."""
    own, size = strata.assigned(found.clusters, target), len(found.common)
    tokens = tokens_by(own, target.tokens, size)
    return np.append(tokens / max(1.0, tokens.sum()), 0.0), own


def drawable(found: Likeness, pool: Side, *, budget: int, seed: int) -> Ints:
    """Return the stratum of each passage of a pool; of what is not kept for a budget, the last."""
    of_pool, logs = weighed(found, pool, seed=seed)
    kept = thinned(logs, pool, most=ROOM * budget, seed=seed)
    return np.where(kept, of_pool, len(found.common))


def fit(target: Side, pool: Side, *, seed: int, clusters: int = CLUSTERS) -> Likeness:
    """Return what a sample of some thousand passages of each side says."""
    groups = strata.fit(target, pool, seed=seed, clusters=clusters)
    sides = (target, pool)
    rows = [features.sample(side.keys, seed=seed) for side in sides]
    points = [features.project(groups.space, s.counts, r) for s, r in zip(sides, rows, strict=True)]
    tokens = [side.tokens[r] for side, r in zip(sides, rows, strict=True)]
    own = [strata.nearest(part, groups.centres)[0] for part in points]
    folds = [folded(side.keys[r], seed) for side, r in zip(sides, rows, strict=True)]
    slopes = _slopes(points, folds)
    limit = float(np.quantile(scores(points[0], folds[0], slopes), UNLIKE, method="lower"))
    size = len(groups.centres)
    parts = [tokens_by(o, t, size) / max(1.0, t.sum()) for o, t in zip(own, tokens, strict=True)]
    common = (parts[0] > 0) & (parts[0] >= RARE * parts[1])
    usable = common[own[1]] & (scores(points[1], folds[1], slopes) >= limit)
    beside = [_beside(p, o, size) for p, o in zip(points, own, strict=True)]
    mean = compiled.load(KERNEL).moments(beside[0], tokens[0] / max(1, tokens[0].sum()))[0]
    weights = balancing(
        beside[1][usable], tokens[1][usable].astype(np.float64), mean, BALANCING_PENALTY
    )
    return Likeness(groups, slopes, limit, common, weights)


def _slopes(points: list[Points], folds: list[Ints]) -> Floats:
    """Return the slope of each fold, learnt on all others."""
    found = []
    for fold in range(FOLDS):
        parts = [part[own != fold] for part, own in zip(points, folds, strict=True)]
        of_target, of_pool = map(_with_bias, parts)
        found.append(likened(of_target, of_pool, LIKENED_PENALTY))
    return np.array(found)


def _with_bias(points: Points) -> NDArray[np.float64]:
    return np.column_stack([points.astype(np.float64), np.ones(len(points))])


def _beside(points: Points, own: Ints, size: int) -> NDArray[np.float64]:
    """Return points with a 1 in the place of their cluster."""
    found = np.zeros((len(points), points.shape[1] + size))
    found[:, : points.shape[1]] = points
    found[np.arange(len(points)), points.shape[1] + own] = 1.0
    return found


def folded(keys: Keys, seed: int) -> Ints:
    """Return the fold of each passage: that of its document."""
    documents = np.column_stack([keys[:, 0], np.zeros(len(keys), np.uint64)])
    return (order.chances(documents, seed=seed, use=order.FOLDS) * FOLDS).astype(np.int64)


def scores(points: Points, folds: Ints, slopes: Floats) -> Floats:
    """Return how like the target passages are: log-odds, by the slope of each one's fold."""
    kernel, found = compiled.load(KERNEL), np.zeros(len(points))
    for fold in range(len(slopes)):
        own = folds == fold
        found[own] = kernel.products(points[own], slopes[fold, :-1]) + slopes[fold, -1]
    return found


def weighed(found: Likeness, pool: Side, *, seed: int) -> tuple[Ints, Floats]:
    """Return cluster and logarithm of the weight of each passage; -inf of one that is left out."""
    kernel, directions = compiled.load(KERNEL), found.clusters.centres.shape[1]
    clusters, logs = [np.zeros(0, np.int64)], [np.zeros(0)]
    folds, start = folded(pool.keys, seed), 0
    for points in features.batches(found.clusters.space, pool.counts):
        own = strata.nearest(points, found.clusters.centres)[0]
        like = scores(points, folds[start : start + len(points)], found.slopes)
        weight = kernel.products(points, found.weights[:directions])
        weight += found.weights[directions:][own]
        clusters.append(own)
        logs.append(np.where(found.common[own] & (like >= found.limit), weight, -np.inf))
        start += len(points)
    return np.concatenate(clusters), np.concatenate(logs)


def thinned(logs: Floats, pool: Side, *, most: float, seed: int) -> NDArray[np.bool_]:
    """Return which passages are kept, of weights that are ``exp(logs)``: so many tokens or all."""
    rows = order.by_key(pool.keys)  # sums are taken in an order that is not the caller's
    rows = rows[np.isfinite(logs[rows])]
    kept = np.zeros(len(logs), np.bool_)
    if not len(rows):
        return kept
    chances = kept_with(np.exp(logs[rows] - logs[rows].max()), pool.tokens[rows], most)
    drawn = order.chances(pool.keys[rows], seed=seed, use=order.KEPT)
    kept[rows[drawn < chances]] = True
    return kept


def kept_with(weights: Floats, tokens: Ints, most: float) -> Floats:
    """Return ``min(1, c w)`` for the ``c`` that keeps so many tokens; 1 where there are no more."""
    if tokens.sum() <= most:
        return np.ones(len(weights))
    # With the k largest weights at 1, c is what is left of the tokens for what is left of the
    # weight; the first k is right after which no weight is above 1 / c.
    falling = np.argsort(-weights, kind="stable")
    w, t = weights[falling], tokens[falling].astype(np.float64)
    full = np.append(0.0, np.cumsum(t)[:-1])
    rest = np.cumsum((w * t)[::-1])[::-1]
    c = (most - full) / np.maximum(rest, np.finfo(float).tiny)
    at = int(np.argmax(c * w <= 1))
    found: Floats = np.minimum(1.0, c[at] * weights)
    return found


def likened(target: Any, pool: Any, penalty: float) -> Floats:  # noqa: ANN401  (arrays)
    """Return the slope of the log-odds that a row is of the target; the last column is a bias's.

    The least of the mean ``-log p`` of both sides' rows, each side weighing half, and ``penalty / 2
    |slope|^2`` without the bias.
    """
    kernel, rows = compiled.load(KERNEL), np.concatenate([target, pool])
    signs = np.repeat([1.0, -1.0], [len(target), len(pool)])
    parts = np.repeat(
        [0.5 / max(1, len(target)), 0.5 / max(1, len(pool))], [len(target), len(pool)]
    )
    ridge = np.full(rows.shape[1], penalty)
    ridge[-1] = 1e-12  # as good as none, and the step has a length where there is one side only

    def at(slope: Floats) -> tuple[float, Any]:
        margins = signs * kernel.products(rows, slope)
        value = parts @ np.logaddexp(0.0, -margins) + ridge @ np.square(slope) / 2

        def bent() -> tuple[Floats, Floats]:
            wrong = np.exp(-np.logaddexp(0.0, margins))
            first = kernel.moments(rows, -parts * signs * wrong)[0] + ridge * slope
            return first, kernel.moments(rows, parts * wrong * (1 - wrong))[1] + np.diag(ridge)

        return float(value), bent

    return _least(at, rows.shape[1])


def balancing(rows: Any, tokens: Floats, mean: Floats, penalty: float) -> Floats:  # noqa: ANN401
    """Return the slope at which rows, by tokens and ``exp(slope x)``, have nearly a mean."""
    if not len(rows):
        return np.zeros(len(mean))
    kernel, apart, logs = compiled.load(KERNEL), rows - mean, np.log(np.maximum(tokens, 1e-300))

    def at(slope: Floats) -> tuple[float, Any]:
        some = logs + kernel.products(apart, slope)
        top = some.max()
        value = top + np.log(np.exp(some - top).sum()) + penalty / 2 * slope @ slope

        def bent() -> tuple[Floats, Floats]:
            parts = np.exp(some - value + penalty / 2 * slope @ slope)
            first, second = kernel.moments(apart, parts)
            ridge = penalty * np.eye(len(slope))
            return first + penalty * slope, second - np.outer(first, first) + ridge

        return float(value), bent

    return _least(at, len(mean))


def _least(at: Callable[[Floats], tuple[float, Any]], width: int) -> Floats:
    """Return where a convex function is least, by Newton's method from zeros."""
    found = np.zeros(width)
    value, bent = at(found)
    for _ in range(ROUNDS):
        first, second = bent()
        step, size = np.linalg.solve(second, first), 1.0
        ahead, there = at(found - step)
        while ahead > value and size > TOLERANCE:
            size /= 2
            ahead, there = at(found - size * step)
        if not value - ahead > TOLERANCE * abs(value):
            break
        found, value, bent = found - size * step, ahead, there
    return found
