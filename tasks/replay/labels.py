r"""Strata by source: the target's share of each source of the pool, without labels on the target.

**Classifier**: multinomial naive Bayes on hashed words and pairs of words, learnt on seven tenths
of the pool's documents. ``theta_s`` are a source's frequencies, with :data:`SMOOTHING` n-grams of
the pool's mean added; a passage's score for it is the mean of ``log theta_s`` over its n-grams,
times a factor that gives the least log loss on the other documents, because n-grams are not
independent: without it nearly all probabilities are 0 or 1. With the sources' shares of passages
``pi_s`` as prior, ``p(s|i)`` follows. It is learnt in closed form, in one pass. (Linear
discriminants on points were right a little more often, for 84 % of the passages of 15 sources
against 83 %, but their shares of a hidden mixture were farther off, .06 against .02.)

**Shares** (Saerens, Latinne and Decaestecker 2002): from equal ones, ``a_s <- sum_i w_i p(s|i)
(a_s / pi_s) / [sum_s' p(s'|i) (a_s' / pi_s') + a_o r_i]`` until they stay, where ``w_i`` are the
target's tokens, 1 in all.

**Other**, ``a_o``: what no source explains. A passage's *fit* is how much better its likeliest
source explains it than the pool's mean does, for each n-gram. Of held-out passages of a source, a
twentieth fits worse than some limit; ``r_i`` is 20 below the limit of its likeliest source, and 0
above it, and ``a_o`` is found like the others. So it takes what fits badly more often than the
pool's own passages do. It is a warning light: sources that others resemble hide in these, and of
a target of a dozen documents it says nothing.

Defined here in plain Python (:func:`step`); the kernels of :mod:`tasks.replay.packed` sum and dot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from schemas.errors import ConfigError
from tasks import compiled
from tasks.replay import order, packed
from tasks.replay.sides import Strata, checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.replay.sides import Floats, Ints, Side

LEARNT: Final = 0.7
SMOOTHING: Final = 200.0
FACTORS: Final = np.geomspace(0.1, 300.0, 80)
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


class _Model(NamedTuple):
    logs: list[Floats]
    mean: Floats
    prior: Floats


def labelled(
    target: Side, pool: Side, sources: Ints, *, names: Sequence[str], seed: int
) -> Labelled:
    """Return strata by source, ``sources`` being the number of each passage's among ``names``.

    Raises :class:`ConfigError` for a source of fewer than ten documents; ValueError for a target
    without passages.
    """
    checked(target, "target")
    if not target.size:
        raise ValueError("a target without passages: wanted some")
    _check(checked(pool, "pool"), sources, names)
    rows = order.by_key(pool.keys)  # sums are in an order that is not the caller's
    documents = np.column_stack([pool.keys[rows, 0], np.zeros(pool.size, np.uint64)])
    learns = order.chances(documents, seed=seed, use=order.FOLDS) < LEARNT
    model = _learnt(pool, sources, rows[learns], len(names))
    known, own = rows[~learns], order.by_key(target.keys)
    right = sources[known]
    held, fits = _scores(model, pool, known)
    factor = _factor(held, right, model.prior)
    scores, target_fits = _scores(model, target, own)
    given = posteriors(scores, factor, model.prior)
    limits = [
        np.quantile(fits[right == s, s], BADLY) for s in range(len(names)) if (right == s).any()
    ]
    if len(limits) < len(names):
        raise _few(names, np.bincount(right, minlength=len(names)), "held-out passages")
    likeliest = given.argmax(axis=1)
    badly = target_fits[np.arange(len(own)), likeliest] < np.array(limits)[likeliest]
    shares, other = estimated(given, model.prior, target.tokens[own], badly / BADLY)
    strata = np.empty(target.size, np.int64)
    strata[own] = (given * shares / model.prior).argmax(axis=1)
    accuracy = float((posteriors(held, factor, model.prior).argmax(axis=1) == right).mean())
    return Labelled(Strata(sources, shares, strata), other, accuracy)


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


def _learnt(pool: Side, sources: Ints, rows: Ints, size: int) -> _Model:
    sums = [packed.sums(pool.counts, rows[sources[rows] == s]) for s in range(size)]
    every = sum(sums) + 0.5
    mean = every / every.sum()
    smooth = [own + SMOOTHING * mean for own in sums]
    numbers = np.bincount(sources[rows], minlength=size) + 1.0
    logs = [np.log(own / own.sum()) for own in smooth]
    return _Model(logs, np.log(mean), numbers / numbers.sum())


def _scores(model: _Model, side: Side, rows: Ints) -> tuple[Floats, Floats]:
    """Return the mean of ``log theta_s`` of each row and source, and that less the pool's mean."""
    kernel = compiled.load(packed.KERNEL)
    sizes = np.maximum(1, packed.sizes(side.counts)[rows])
    every: Any = [
        kernel.dotted(*side.counts, rows, logs) / sizes for logs in (*model.logs, model.mean)
    ]
    scores = np.stack(every[:-1], axis=1)
    return scores, scores - every[-1][:, None]


def posteriors(scores: Floats, factor: float, prior: Floats) -> Floats:
    """Return the probability of each source, ``(passages, sources)``."""
    logits = factor * scores + np.log(prior)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Floats = odds / odds.sum(axis=1, keepdims=True)
    return found


def _factor(scores: Floats, sources: Ints, prior: Floats) -> float:
    """Return the factor of the least log loss."""
    rows = np.arange(len(sources))
    losses = [
        -np.log(np.maximum(1e-300, posteriors(scores, factor, prior)[rows, sources])).mean()
        for factor in FACTORS
    ]
    return float(FACTORS[int(np.argmin(losses))])


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
