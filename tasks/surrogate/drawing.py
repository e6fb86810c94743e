"""Passages drawn from a pool: kinds of text, budgets in exact tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import polars as pl

from schemas import columns as c
from schemas.errors import BudgetError, ConfigError
from tasks.replay import generations, labels, matched, order, quotas, selection
from tasks.replay.sides import Side, Strata, effective

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tasks.replay.labels import Judged
    from tasks.replay.selection import Given, Report, Settings
    from tasks.replay.sides import Floats, Ints
    from tasks.surrogate.pool import Pool
    from tasks.surrogate.target import Guide

    Count = Callable[[pl.DataFrame], Ints]
    """Exact tokens of some places, in their order."""

SAMPLED: Final = 1_000
"""Passages that are counted exactly before the others are estimated by their bytes."""
MARGIN: Final = 1.02
"""How much more than estimated is drawn, so that it need not be drawn again."""
ROUNDS: Final = 6
MOST_LACKING: Final = 0.5
"""Of the target, what a pool may lack: of more, a shard would stand for something else."""


class Sized(NamedTuple):
    """How many bytes a token takes: of each source, and of all of them."""

    by_source: dict[str, float]
    overall: float

    def tokens(self, sources: pl.Series, n_bytes: Any) -> Ints:  # noqa: ANN401
        """Return estimates of tokens, 1 at least."""
        each = sources.replace_strict(
            list(self.by_source), list(self.by_source.values()), default=self.overall,
            return_dtype=pl.Float64,
        )  # fmt: skip
        found: Ints = np.maximum(1, np.ceil(n_bytes / each.to_numpy())).astype(np.int64)
        return found


class Kinds(NamedTuple):
    """Kinds of text: the target's share of each, and what tells a side's passages.

    ``names``: of sources, none of clusters. ``other``: the target's share of no source.
    ``accuracy``: of held-out passages of the pool, how many are given their own source.
    ``shares``: of the target's tokens. ``of``: the kind of each passage of a pool that so many
    tokens are drawn from. ``clamp``: the most that is drawn of what a pool has of a kind.
    """

    names: tuple[str, ...] | None
    shares: Floats
    target: Ints | None
    of: Callable[[Pool, Side, int], Ints]
    other: float = 0.0
    accuracy: float | None = None
    clamp: float = quotas.CLAMP


class Drawn(NamedTuple):
    """Rows of the pool's places in drawing order, with exact ``tokens``; and the report."""

    places: pl.DataFrame
    report: Report


def sized(pool: Pool, count: Count, *, seed: int) -> Sized:
    """Return how many bytes a token takes, by a seeded sample of the pool."""
    some = order.order(pool.keys, seed=seed, use=order.FIT)[:SAMPLED]
    places = pool.places[pl.Series(some, dtype=pl.UInt32)]
    told = places.with_columns(pl.Series(c.TOKENS, count(places)))
    ratio = pl.col(c.N_BYTES).sum() / pl.col(c.TOKENS).sum().clip(1)
    by_source = dict(told.group_by(c.SOURCE).agg(ratio).iter_rows())
    return Sized(by_source, float(told.select(ratio).item() or 1.0))


def side(pool: Pool, by: Sized) -> Side:
    """Return the pool as a side, with estimated tokens."""
    tokens = by.tokens(pool.places[c.SOURCE], pool.places[c.N_BYTES].to_numpy())
    return Side(pool.counts, pool.keys, pool.documents, tokens)


def guided(guide: Guide, by: Sized) -> Side:
    """Return the target as a side, with estimated tokens."""
    tokens = np.maximum(1, np.ceil(guide.n_bytes / by.overall)).astype(np.int64)
    return Side(guide.counts, guide.keys, guide.documents, tokens)


def kinds_by_source(target: Side, pool: Pool, own: Side, *, seed: int) -> Kinds:
    """Return kinds by the pool's sources. Raises :class:`ConfigError` where one is too small."""
    return _judged(target, pool, own, seed=seed)[0]


def kinds_of_generations(target: Side, pool: Pool, own: Side, *, seed: int) -> Kinds:
    """Return the same for what a model wrote, with shares that do not go by how long it was.

    Raises :class:`ConfigError` where nothing is to be said of the sources, and why.
    """
    kinds, given = _judged(target, pool, own, seed=seed)
    names = kinds.names or ()
    numbers = _numbers(pool, names)
    told = generations.told(target, own, numbers, names=names, seed=seed, given=given)
    if told.tokens is None:
        raise ConfigError(
            "replay.target.generations",
            got=f"generations that do not tell the sources apart ({told.standing.value})",
            wanted="ones that are like a mixture of them",
            way_out=told.says,
        )
    return kinds._replace(shares=told.tokens.shares, other=told.other)


def _judged(target: Side, pool: Pool, own: Side, *, seed: int) -> tuple[Kinds, Judged]:
    """Return kinds by source, and what the classifier that they are from says of the target."""
    sources = sorted(pool.places[c.SOURCE].unique())
    numbers = _numbers(pool, sources)
    given = labels.judged(target, own, numbers, names=sources, seed=seed)
    found = labels.divided(given, target, numbers)
    kinds = Kinds(
        names=tuple(sources),
        shares=found.strata.shares,
        target=found.strata.target,
        of=lambda pool, _side, _budget: _numbers(pool, sources),
        other=found.other,
        accuracy=found.accuracy,
    )
    return kinds, given


def kinds_of_shares(shares: Mapping[str, float]) -> Kinds:
    """Return kinds by source whose shares are given."""
    names, given = tuple(shares), np.array(list(shares.values()), np.float64)
    of = lambda pool, _side, _budget: _numbers(pool, names)  # noqa: E731
    return Kinds(names, given / given.sum(), None, of)


def kinds_by_cluster(target: Side, own: Side, *, seed: int) -> Kinds:
    """Return kinds by clusters of what in the pool is like the target."""
    found = matched.fit(target, own, seed=seed)
    shares, of_target = matched.wanted(found, target)
    of = lambda _, side, budget: matched.drawable(found, side, budget=budget, seed=seed)  # noqa: E731
    return Kinds(None, shares, of_target, of, clamp=matched.CLAMP)


def _numbers(pool: Pool, sources: Sequence[str]) -> Ints:
    column = pool.places[c.SOURCE]
    unknown = sorted(set(column.unique()) - set(sources))
    if unknown:
        raise ConfigError(
            "replay",
            got=f"documents of {unknown[0]!r} in the pool",
            wanted=f"sources that have a share: {', '.join(sources)}",
            way_out="Give it a share, of 0 if none of it is wanted.",
        )
    found = column.replace_strict(list(sources), range(len(sources)), return_dtype=pl.Int64)
    return found.to_numpy()


def draw(  # noqa: PLR0913  (what is drawn from, and how)
    pool: Pool,
    own: Side,
    given: Given,
    *,
    arm: str,
    budget: int,
    settings: Settings,
    count: Count,
) -> Drawn:
    """Draw for a budget of exact tokens; within one passage of it, or all that there is.

    Drawn by estimates, counted exactly in drawing order, and drawn again for more where these came
    to less.
    """
    wanted, known = budget * MARGIN, _Known(pool, count)
    for _ in range(ROUNDS):
        found = selection.select(arm, own, given, budget=round(wanted), settings=settings)
        tokens = known.tokens(found.chosen)
        total = int(tokens.sum())
        if total >= budget or found.report.short or not total:
            break
        wanted *= MARGIN * budget / total
    last = selection.up_to(tokens, budget)
    rows = found.chosen[:last]
    places = pool.places[pl.Series(rows, dtype=pl.UInt32)]
    report = found.report._replace(
        budget=budget,
        tokens=int(tokens[:last].sum()),
        passages=last,
        short=max(0, budget - total) if found.report.short else 0,
        n_eff=effective(own.documents[rows], tokens[:last]),
    )
    return Drawn(places.with_columns(pl.Series(c.TOKENS, tokens[:last])), report)


class _Known:
    """Exact tokens of passages, each counted once."""

    def __init__(self, pool: Pool, count: Count) -> None:
        self._pool, self._count = pool, count
        self._found = np.full(pool.places.height, -1, np.int64)

    def tokens(self, rows: Ints) -> Ints:
        missing = rows[self._found[rows] < 0]
        if len(missing):
            places = self._pool.places[pl.Series(missing, dtype=pl.UInt32)]
            self._found[missing] = self._count(places)
        found: Ints = self._found[rows]
        return found


def check(report: Report, *, other: float = 0.0) -> None:
    """Raise :class:`BudgetError` for a shard that falls short, or of a pool that is not like it.

    ``other``: the target's share that is like no source of the pool. Where an arm goes by quotas,
    it is a part of what is uncovered: the sources' shares are of all of the target. So is what is
    missing of the budget, which a pool that is small but like the target may be short of.
    """
    lacking = other if report.short else max(report.uncovered or 0.0, other)
    if lacking > MOST_LACKING:
        raise BudgetError(
            "replay.target",
            got=f"a pool that has next to nothing of {lacking:.0%} of the target",
            wanted="one in which most of it has its like",
            way_out="Add sources of its kinds of text and its languages.",
        )
    if report.short:
        raise BudgetError(
            "replay",
            got=f"{report.tokens:,} tokens of the kinds of text that are wanted, after dedup and "
            "selection",
            wanted=f"{report.budget:,}",
            way_out="Lower the replay share or target, add sources that are like the target, or "
            "raise replay.pool_factor and replay.pool_passages.",
        )


def strata_of(kinds: Kinds | None, pool: Pool, own: Side, *, budget: int) -> Strata | None:
    """Return the strata of a pool, for a budget of tokens, and of the target."""
    if kinds is None:
        return None
    return Strata(kinds.of(pool, own, budget), kinds.shares, kinds.target)
