"""The share gate: whether kinds of text are as frequent in the shard as in the reference.

**Labels**: a classifier of the pool's sources (:mod:`tasks.replay.labels`), learnt on passages of
the pool; each passage of a side counts with the probabilities of its sources. Documents of the pool
that the shard or the random draw has passages of are left out, since a classifier is surer of what
it has seen; unless a source has fewer than ten others. **Clusters**: of both sides together
(:mod:`tasks.replay.strata`), one for each dozen effective documents of the smaller side, 8 to 64:
of many small ones chance hides what is apart.

Both in one space, whose directions are fitted on both sides and the pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from schemas.certificate import Figure, Gate, Share, rounded
from tasks.replay import features, labels, order, strata
from tasks.replay.certificate.differences import PERMUTATIONS, Difference, compared
from tasks.replay.certificate.texts import dealt
from tasks.replay.sides import effective

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tasks.replay.certificate.texts import How, Measured
    from tasks.replay.features import Floats as Points
    from tasks.replay.features import Space
    from tasks.replay.sides import Floats, Ints, Keys

LABELS, CLUSTERS = "labels", "clusters"
FEWEST: Final = 8
CLUSTERED: Final = 12
"""Effective documents of a side for each cluster."""
LEARNT: Final = 0.7


class Sides(NamedTuple):
    """What is compared, the random draw beside, and the pool whose sources are told apart."""

    shard: Measured
    reference: Measured
    random: Measured | None
    pool: Measured | None


class Judge(NamedTuple):
    """What tells kinds of text: a row of shares of each passage."""

    by: str
    names: tuple[str, ...]
    space: Space
    weights: Floats | None
    centres: Points | None
    accuracy: float | None


class Found(NamedTuple):
    """A gate, and the difference that it is of."""

    gate: Gate
    difference: Difference


def gates(sides: Sides, how: How) -> tuple[Found | None, Found, tuple[str, ...]]:
    """Return the gate by labels, where there are some to learn, that by clusters, and warnings."""
    tokens = min(how.most_tokens, sides.shard.tokens, sides.reference.tokens)
    rows = {
        number: dealt(side, tokens, seed=(how.seed, 100, number))[0]
        for number, side in enumerate(sides[:3])
        if side is not None
    }
    learnt, names, warnings = _learnt(sides, how)
    space = _space(sides, rows, learnt, how)
    both = [
        features.project(space, side.side.counts, rows[number])
        for number, side in enumerate((sides.shard, sides.reference))
    ]
    n_eff = min(_n_eff(side, rows[n]) for n, side in enumerate((sides.shard, sides.reference)))
    centres = strata.centres(np.concatenate(both), clusters_of(n_eff), seed=how.seed)
    clusters = Judge(CLUSTERS, (), space, None, centres, None)
    found = judged(clusters, sides, rows, how)
    if sides.pool is None or len(names) < 2:  # noqa: PLR2004  (one source is no choice)
        return None, found, warnings
    taught = _taught(space, sides.pool, learnt, names, how)
    return judged(taught, sides, rows, how), found, warnings


def clusters_of(n_eff: float) -> int:
    """Return how many clusters are made for so many effective documents of the smaller side."""
    return int(max(FEWEST, min(strata.CLUSTERS, n_eff // CLUSTERED)))


def judged(judge: Judge, sides: Sides, rows: dict[int, Ints], how: How) -> Found:
    """Compare rows of shard and reference, and of the random draw and the reference."""
    own = {
        number: by_document(side, rows[number], kinds(judge, side, rows[number]))
        for number, side in enumerate(sides[:3])
        if side is not None
    }
    found = compared(own[0], own[1], seed=(how.seed, 200))
    drawn = compared(own[2], own[1], seed=(how.seed, 201)) if 2 in own else None  # noqa: PLR2004
    parts = {number: some.sum(axis=0) / some.sum() for number, some in own.items()}
    by_labels = judge.by == LABELS
    gate = Gate(
        by="labels" if by_labels else "clusters",
        tokens=int(own[0].sum().round()),
        n_eff_shard=_n_eff(sides.shard, rows[0]),
        n_eff_reference=_n_eff(sides.reference, rows[1]),
        permutations=PERMUTATIONS,
        tv=Figure.of(found.tv, found.tv_mean, drawn and drawn.tv),
        corrected=rounded(found.corrected) or 0.0,
        corrected_random=rounded(drawn and drawn.corrected),
        chi2=Figure.of(found.chi2, found.chi2_mean, drawn and drawn.chi2),
        p=found.p_tv if by_labels else found.p_chi2,
        could_have_seen=rounded(found.could_have_seen) or 0.0,
        uncovered=Figure.of(found.uncovered, found.uncovered_mean, drawn and drawn.uncovered),
        accuracy=rounded(judge.accuracy),
        shares=tuple(_shares(judge, parts)),
    )
    return Found(gate, found)


def kinds(judge: Judge, side: Measured, rows: Ints) -> Floats:
    """Return the shares of each kind in some passages, ``(rows, kinds)``."""
    return told(judge, features.project(judge.space, side.side.counts, rows))


def told(judge: Judge, points: Points) -> Floats:
    """Return the shares of each kind in passages that are points."""
    if judge.weights is not None:
        return labels.posteriors(points, judge.weights)
    assert judge.centres is not None  # noqa: S101  (a judge has one or the other)
    return np.eye(len(judge.centres))[strata.nearest(points, judge.centres)[0]]


def by_document(side: Measured, rows: Ints, kinds: Floats) -> Floats:
    """Return the tokens of each kind by document, ``(documents, kinds)``."""
    _, owners = np.unique(side.side.documents[rows], return_inverse=True)
    return summed(owners, side.side.tokens[rows], kinds)


def summed(owners: Ints, tokens: Ints, kinds: Floats) -> Floats:
    """Return kinds, times tokens, in sum for each owner."""
    found = np.zeros((int(owners.max(initial=-1)) + 1, kinds.shape[1]))
    np.add.at(found, owners, kinds * tokens[:, None])
    return found


def _n_eff(side: Measured, rows: Ints) -> float:
    found = effective(side.side.documents[rows], side.side.tokens[rows])
    return rounded(found) or 0.0


def _shares(judge: Judge, parts: dict[int, Floats]) -> list[Share]:
    """Return shares of the sources, or of the clusters, the largest of the reference first."""
    found: list[Share] = []
    for kind in np.argsort(-parts[1], kind="stable").tolist():
        name = judge.names[kind] if judge.names else f"cluster {len(found) + 1}"
        shard, reference, drawn = (
            rounded(float(parts[n][kind])) if n in parts else None for n in range(3)
        )
        found.append(Share(name=name, reference=reference or 0.0, shard=shard or 0.0, random=drawn))
    return found


def _learnt(sides: Sides, how: How) -> tuple[Ints, tuple[str, ...], tuple[str, ...]]:
    """Return rows of the pool to learn from, the sources, and what has to be said of those."""
    pool = sides.pool
    if pool is None or pool.sources is None:
        return np.zeros(0, np.int64), (), ()
    used = [side.hashes for side in (sides.shard, sides.random) if side is not None]
    seen = np.isin(pool.side.documents, pool.side.documents[has(pool.hashes, np.concatenate(used))])
    names, numbers = np.unique(pool.sources, return_inverse=True)
    every, others = (_documents(pool, numbers, some) for some in (np.ones_like(seen), ~seen))
    enough, fresh = every >= labels.LEAST_DOCUMENTS, others >= labels.LEAST_DOCUMENTS
    rows = np.flatnonzero(enough[numbers] & (~seen | ~fresh[numbers]))
    rows = rows[order.order(pool.side.keys[rows], seed=how.seed, use=order.FIT)]
    told = tuple(map(str, names[enough]))
    warnings = _warnings(names[~enough].tolist(), names[enough & ~fresh].tolist())
    return rows[: features.MOST_FITTED], told, tuple(warnings)


def _documents(pool: Measured, numbers: Ints, some: NDArray[np.bool_]) -> Ints:
    """Return how many documents each source has, of some passages."""
    pairs = np.unique(np.column_stack([numbers, pool.side.documents])[some], axis=0)
    return np.bincount(pairs[:, 0], minlength=int(numbers.max()) + 1)


def _warnings(few: Sequence[str], stale: Sequence[str]) -> Iterator[str]:
    if few:
        yield (
            f"Not told apart, because the pool has fewer than {labels.LEAST_DOCUMENTS} documents "
            f"of each: {', '.join(few)}."
        )
    if stale:
        yield (
            "Learnt from documents that the shard or the random draw has, because the pool has few "
            f"others: {', '.join(stale)}."
        )


def has(keys: Keys, others: Keys) -> NDArray[np.bool_]:
    """Tell which keys are among others."""
    plain = np.dtype([("first", "u8"), ("second", "u8")])
    one, other = (np.ascontiguousarray(k).view(plain).ravel() for k in (keys, others))
    return np.isin(one, other)


def _space(sides: Sides, rows: dict[int, Ints], learnt: Ints, how: How) -> Space:
    """Return the space of both sides and the pool, up to some thousand passages of each."""
    parts = [
        (side.side.counts, rows[number][: features.MOST_FITTED])
        for number, side in enumerate((sides.shard, sides.reference))
    ]
    if sides.pool is not None and len(learnt):
        parts.append((sides.pool.side.counts, learnt))
    return features.fit(parts, seed=how.seed)


def _taught(space: Space, pool: Measured, rows: Ints, names: Sequence[str], how: How) -> Judge:
    """Return a classifier of sources, with what it is worth on documents that it has not seen."""
    assert pool.sources is not None  # noqa: S101  (there are names)
    sources = np.searchsorted(np.array(names), pool.sources[rows])
    documents = pool.side.documents[rows]
    chance = np.random.default_rng((how.seed, 300)).random(int(documents.max()) + 1)
    learns = chance[documents] < LEARNT
    points = features.project(space, pool.side.counts, rows)
    weights = labels.taught(points[learns], sources[learns], len(names))
    held = labels.posteriors(points[~learns], weights).argmax(axis=1)
    right = float((held == sources[~learns]).mean()) if len(held) else None
    return Judge(LABELS, tuple(names), space, weights, None, right)
