r"""Strata by source: the target's share of each source of the pool, without labels on the target.

**Classifier**: multinomial logistic regression on points (:mod:`tasks.replay.features`), learnt on
seven tenths of the documents of a sample of the pool: the weights of the least ``sum_i -log
p(s_i|i) / n + penalty / 2 |w|^2``, by steps down the gradient with momentum (Nesterov 1983). Of 15
sources it was right about 89 to 92 % of passages, linear discriminants on points about 87 to 90 %,
naive Bayes on the counts about 80 to 84 %; and its shares of a hidden mixture were nearest.

**Shares** (Saerens, Latinne and Decaestecker 2002): from equal ones, ``a_s <- sum_i w_i p(s|i)
(a_s / pi_s) / [sum_s' p(s'|i) (a_s' / pi_s') + a_o r_i]`` until they stay, where ``w_i`` are the
target's tokens, 1 in all, and ``pi_s`` the sources' shares of the passages learnt from.

**Other**, ``a_o``: what no source explains. A passage's *fit* is how much better the n-grams of its
likeliest source explain it than the pool's mean does, for each n-gram; to those of a source,
:data:`SMOOTHING` of the mean are added. Of held-out passages of a source, a twentieth fits worse
than some limit; ``r_i`` is 20 below the limit of its likeliest source, and 0
above it, and ``a_o`` is found like the others. So it takes what fits badly more often than the
pool's own passages do. It is a warning light: sources that others resemble hide in these, and of
a target of a dozen documents it says nothing.

A step of the shares is defined here in plain Python (:func:`step`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from schemas.errors import ConfigError
from tasks import compiled
from tasks.replay import features, order, packed, strata
from tasks.replay.sides import Strata, checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.replay.features import Floats as Points
    from tasks.replay.sides import Floats, Ints, Side

KERNEL: Final = "tasks.replay.labels_kernel"
LEARNT: Final = 0.7
PENALTY: Final = 1e-5
STEP: Final = 2.0
"""Of a step down the gradient: points and the 1 beside them curve it by no more than 1 / 2 each."""
STEPS: Final = 400
SMOOTHING: Final = 200.0
BADLY: Final = 0.05
ROUNDS: Final = 1_000
TOLERANCE: Final = 1e-7
LEAST_DOCUMENTS: Final = 10
BEGUN_OTHER: Final = 0.05


class Labelled(NamedTuple):
    """Strata by source, and what they rest on.

    - ``other``: the target's share that no source explains.
    - ``accuracy``: of held-out passages of the pool, how many the classifier is right about.
    """

    strata: Strata
    other: float
    accuracy: float


class Judged(NamedTuple):
    """What a classifier that was taught on the pool says of the target's passages.

    - ``own``: their places, in the order of their keys; the other arrays are in this order.
    - ``given``: the probability of each source, ``(passages, sources)``.
    - ``badly``: ``r_i`` above.
    - ``prior``: ``pi`` above.
    - ``accuracy``: of held-out passages of the pool, how many it is right about.
    """

    own: Ints
    given: Floats
    badly: Floats
    prior: Floats
    accuracy: float


def labelled(
    target: Side, pool: Side, sources: Ints, *, names: Sequence[str], seed: int
) -> Labelled:
    """Return strata by source, ``sources`` being the number of each passage's among ``names``.

    Raises :class:`ConfigError` for a source of fewer than ten documents; ValueError for a target
    without passages.
    """
    return divided(judged(target, pool, sources, names=names, seed=seed), target, sources)


def divided(told: Judged, target: Side, sources: Ints) -> Labelled:
    """Return the strata that a classifier's judgement makes; ``sources`` are the pool's."""
    weights = target.tokens[told.own]
    shares, other = estimated(told.given, told.prior, weights, told.badly)
    found = np.empty(target.size, np.int64)
    found[told.own] = (told.given * shares / told.prior).argmax(axis=1)
    return Labelled(Strata(sources, shares, found), other, told.accuracy)


def judged(target: Side, pool: Side, sources: Ints, *, names: Sequence[str], seed: int) -> Judged:
    """Teach a classifier on the pool and ask it about the target. Raises as :func:`labelled`."""
    checked(target, "target")
    if not target.size:
        raise ValueError("a target without passages: wanted some")
    _check(checked(pool, "pool"), sources, names)
    order.by_key(pool.keys)
    space = strata.spaced(target, pool, seed=seed)
    rows = features.sample(pool.keys, seed=seed)  # in an order that is not the caller's
    documents = np.column_stack([pool.keys[rows, 0], np.zeros(len(rows), np.uint64)])
    learns = order.chances(documents, seed=seed, use=order.FOLDS) < LEARNT
    learnt, known, own = rows[learns], rows[~learns], order.by_key(target.keys)
    for part in (learnt, known):
        counts = np.bincount(sources[part], minlength=len(names))
        if not counts.all():
            raise _few(names, counts, "passages to learn from, or held out,")
    prior = np.bincount(sources[learnt], minlength=len(names)) / len(learnt)
    weights = taught(features.project(space, pool.counts, learnt), sources[learnt], len(names))
    given = posteriors(features.project(space, target.counts, own), weights)
    held = posteriors(features.project(space, pool.counts, known), weights)
    badly = _badly((target, own), (pool, learnt, known), sources, given.argmax(axis=1))
    right = float((held.argmax(axis=1) == sources[known]).mean())
    return Judged(own, given, badly, prior, right)


def taught(points: Points, sources: Ints, size: int) -> Floats:
    """Return the weights of each direction and source; the last row is the biases."""
    slopes = compiled.load(KERNEL).slopes
    found = ahead = np.zeros((points.shape[1] + 1, size))
    for number in range(STEPS):
        slope = slopes(points, ahead, sources) / len(points) + PENALTY * ahead
        before, found = found, ahead - STEP * slope
        ahead = found + number / (number + 3) * (found - before)
    return found


def posteriors(points: Points, weights: Floats) -> Floats:
    """Return the probability of each source, ``(passages, sources)``."""
    found: Floats = compiled.load(KERNEL).posteriors(points, weights)
    return found


def _badly(
    target: tuple[Side, Ints], pool: tuple[Side, Ints, Ints], sources: Ints, likeliest: Ints
) -> Floats:
    """Return ``r`` of each passage of the target."""
    (side, own), (other, learnt, known) = target, pool
    size = int(sources.max()) + 1
    sums = [packed.sums(other.counts, learnt[sources[learnt] == s]) for s in range(size)]
    every: Any = sum(sums) + 0.5
    mean = every / every.sum()
    found = np.zeros(len(own))
    for s in range(size):
        smooth = sums[s] + SMOOTHING * mean
        better = np.log(smooth / smooth.sum()) - np.log(mean)
        mine = likeliest == s
        limit = np.quantile(_fits(other, known[sources[known] == s], better), BADLY)
        found[mine] = (_fits(side, own[mine], better) < limit) / BADLY
    return found


def _fits(side: Side, rows: Ints, better: Floats) -> Floats:
    """Return the mean of something by bucket over the n-grams of each of some passages."""
    found: Floats = compiled.load(packed.KERNEL).dotted(*side.counts, rows, better)
    return found / np.maximum(1, packed.sizes(side.counts)[rows])


def _check(pool: Side, sources: Ints, names: Sequence[str]) -> None:
    if len(sources) != pool.size or len(names) < 1 or sources.max(initial=0) >= len(names):
        raise ValueError(f"{len(sources)} sources of {pool.size} passages: wanted one of each")
    pairs = np.unique(np.column_stack([sources, pool.documents]), axis=0)
    counts = np.bincount(pairs[:, 0], minlength=len(names))
    if counts.min() < LEAST_DOCUMENTS:
        raise _few(names, counts, "documents")


def _few(names: Sequence[str], counts: Ints, what: str) -> ConfigError:
    least = int(counts.argmin())
    return ConfigError(
        "replay",
        got=f"{counts[least]} {what} of source {names[least]!r}",
        wanted=f"{LEAST_DOCUMENTS} documents or more of each, to learn what they are like",
        way_out="Add documents to it, leave it out, or take strata without labels.",
    )


def estimated(
    given: Floats, prior: Floats, weights: NDArray[Any], badly: Floats
) -> tuple[Floats, float]:
    """Return the share of each source and of what is other, by the definition above.

    ``given`` are probabilities, ``badly`` is ``r`` above, ``weights`` are tokens.
    """
    ratios = np.column_stack([given / prior, badly])
    parts = weights / weights.sum()
    shares = np.append(np.full(len(prior), (1 - BEGUN_OTHER) / len(prior)), BEGUN_OTHER)
    for _ in range(ROUNDS):
        owned = shares * ratios
        now = parts @ (owned / owned.sum(axis=1, keepdims=True))
        moved, shares = np.abs(now - shares).sum(), now
        if moved < TOLERANCE:
            break
    return shares[:-1], float(shares[-1])


def step(
    shares: Sequence[float],
    given: Sequence[Sequence[float]],
    prior: Sequence[float],
    weights: Sequence[float],
    badly: Sequence[float],
) -> list[float]:
    """Return the next shares, that of what is other at last, by the definition above."""
    found = [0.0] * len(shares)
    for row, weight, r in zip(given, weights, badly, strict=True):
        owned = [a * p / pi for a, p, pi in zip(shares, row, prior, strict=False)]
        owned.append(shares[-1] * r)
        for s, own in enumerate(owned):
            found[s] += weight / sum(weights) * own / sum(owned)
    return found
