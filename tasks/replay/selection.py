r"""Passages of a pool for a budget of tokens, by one of several arms. Seeded, whatever their order.

- ``random``: in the order that seed and key put them in.
- ``shares``: strata by their quotas (:mod:`tasks.replay.quotas`), at random within each.
- ``dsir``: importance resampling as published (arXiv 2302.03169): with counts ``x`` of hashed words
  and pairs of words, and their frequencies ``p`` in the target and ``q`` in the pool, the weight of
  a passage is ``exp(sum_v x_v (log(p_v + 1e-8) - log(q_v + 1e-8)))``; drawn without replacement, by
  the largest sums of its logarithm and Gumbel noise. (Words are those of :mod:`tasks.shingles`.)
- ``surrogate``: strata by their quotas, and within them what brings the shard's n-grams nearest to
  the target's:

  1. Cells are strata times five bins of length, whose limits are the fifths of the target's
     passages by tokens (a passage that is as long as a limit is in the lower bin).
  2. ``p`` are the target's frequencies, ``q = (p + the pool's) / 2``, and the shard begins with
     counts ``c = a q`` and ``n = a``.
  3. A stratum is drawn by what its quota is short of; then a passage of it that is not taken, which
     fixes the cell; then more of that cell, ``m`` in all.
  4. Of these the one is taken that has the largest ``g = (sum_v p_v log((c_v + x_v) / c_v) - log((n
     + |x|) / n)) / |x|``, the first of equals; its ``x`` is added to ``c``, and ``|x|``, the sum of
     its counts, to ``n``. One without n-grams is taken for lack of others only.

- ``self``: what the base model wrote itself (arXiv 2605.26097), in the order that seed and key put
  it in. It is drawn from ``generations`` in the place of the pool, and so are the report's figures.
- ``original``: passages of each source at the rate at which its makers took it (Dolma: 50 % of some
  sources, 200 % of others), for a pool that is the original itself. At a rate of 2.3 each passage
  is there twice, and three tenths of them, by seed and key, once more; all of these copies in the
  order that seed, key and the copy's number put them in.

Drawing ends before a passage that would carry the total as far past the budget as it is short of it
now, or farther. No passage is drawn twice, but for rates above 1; where the strata with a share, or
the copies, run dry, the shard is short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from schemas.errors import BudgetError
from tasks import compiled
from tasks.replay import order, packed, quotas
from tasks.replay.sides import checked, effective, tokens_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.replay.sides import Floats, Ints, Side, Strata

KERNEL: Final = "tasks.replay.selection_kernel"
RANDOM, SHARES, DSIR, SURROGATE, SELF, ORIGINAL = ARMS = (
    "random",
    "shares",
    "dsir",
    "surrogate",
    "self",
    "original",
)
SMOOTHING: Final = 1e-8
"""Added to frequencies, as the published program does."""
QUANTILES: Final = (0.2, 0.4, 0.6, 0.8)
BINS: Final = len(QUANTILES) + 1


class Settings(NamedTuple):
    """How passages are drawn, and by which seed.

    ``prior`` is ``a`` above, n-grams; ``tries`` is ``m``; ``clamp`` the most that is taken of a
    stratum's pool (:mod:`tasks.replay.quotas`).
    """

    seed: int = 0
    prior: float = 1_000.0
    tries: int = 8
    clamp: float = quotas.CLAMP


class Rates(NamedTuple):
    """The source of each passage of the pool, and how often each source's are taken."""

    sources: Ints
    rates: Floats


class Given(NamedTuple):
    """What an arm goes by, and what is reported on.

    ``random`` goes by nothing, ``dsir`` by the target, ``shares`` by strata, ``surrogate`` by both;
    ``self`` by the base model's own passages, ``original`` by rates.
    """

    target: Side | None = None
    strata: Strata | None = None
    generations: Side | None = None
    rates: Rates | None = None


class Report(NamedTuple):
    """What was drawn. Shares are of tokens; none where no strata, or no target, was given.

    - ``tokens`` of the ``budget``, and how many ``passages`` these are.
    - ``short``: tokens that the pool did not have.
    - ``n_eff``: effective number of documents (:func:`tasks.replay.sides.effective`).
    - ``uncovered``, ``clamp``: as :mod:`tasks.replay.quotas` says, of arms that go by quotas.
    - ``asked``, ``achieved``: of each stratum.
    - ``cells_target``, ``cells``: ``(strata, bins of length)``.
    """

    arm: str
    budget: int
    tokens: int
    passages: int
    short: int
    n_eff: float
    uncovered: float | None
    clamp: float | None
    asked: Floats | None
    achieved: Floats | None
    cells_target: Floats | None
    cells: Floats | None


class Selection(NamedTuple):
    """Places of the passages drawn, in drawing order, and the report.

    Places are in the pool, of the arm ``self`` among the generations.
    """

    chosen: Ints
    report: Report


def select(
    arm: str,
    pool: Side,
    given: Given = Given(),  # noqa: B008  (it cannot change)
    *,
    budget: int,
    settings: Settings = Settings(),  # noqa: B008
) -> Selection:
    """Draw passages of the pool for a budget of tokens.

    The total is within one passage of the budget, or short of it by what the report says. Raises
    :class:`BudgetError` where the pool has nothing of what is asked for; ValueError for an unknown
    arm, and for one that lacks what it goes by.
    """
    drawing = _Drawing(checked(pool, "pool"), given, budget, settings)
    arms: dict[str, Callable[[_Drawing], tuple[Ints, quotas.Quotas | None]]] = {
        RANDOM: _random,
        SHARES: _shares,
        DSIR: _dsir,
        SURROGATE: _surrogate,
        SELF: _random,
        ORIGINAL: _original,
    }
    if arm not in arms:
        raise ValueError(f"arm {arm!r}: wanted one of {', '.join(arms)}")
    if arm == SELF:
        drawing = _of_itself(drawing)
        pool = drawing.pool
    if budget < 1 or settings.tries < 1:
        raise ValueError(f"{budget} tokens in {settings.tries} tries: wanted 1 or more of both")
    if not pool.size:
        raise _nothing("a pool without passages", budget)
    chosen, held = arms[arm](drawing)
    return Selection(chosen, _report(arm, drawing, chosen, held))


class _Drawing(NamedTuple):
    pool: Side
    given: Given
    budget: int
    settings: Settings


def up_to(tokens: Ints, budget: int) -> int:
    """Return how many passages are drawn, of some in drawing order."""
    after = np.cumsum(tokens)
    return int(np.searchsorted(2 * after - tokens, 2 * budget, side="left"))


def _random(drawing: _Drawing) -> tuple[Ints, None]:
    found = order.order(drawing.pool.keys, seed=drawing.settings.seed, use=order.DRAW)
    return found[: up_to(drawing.pool.tokens[found], drawing.budget)], None


def _of_itself(drawing: _Drawing) -> _Drawing:
    """Return a drawing from what the base model wrote. Strata are the pool's: there are none."""
    own = drawing.given.generations
    if own is None:
        raise ValueError(f"arm {SELF!r}: wanted generations of the base model")
    given = drawing.given._replace(strata=None)
    return drawing._replace(pool=checked(own, "generations"), given=given)


def _original(drawing: _Drawing) -> tuple[Ints, None]:
    pool, often = drawing.pool, copies(drawing)
    if not often.any():
        raise _nothing("a pool with nothing of the sources that have a rate", drawing.budget)
    ordered = order.by_key(pool.keys)
    rows = np.repeat(ordered, often[ordered])
    numbers = np.arange(len(rows)) - np.repeat(
        np.cumsum(often[ordered]) - often[ordered], often[ordered]
    )
    drawn = np.empty(len(rows), np.uint64)
    for number in range(int(often.max())):
        some = numbers == number
        use = order.COPIES + number
        drawn[some] = order.drawn(pool.keys[rows[some]], seed=drawing.settings.seed, use=use)
    found = rows[np.argsort(drawn, kind="stable")]  # of equals the first by key
    return found[: up_to(pool.tokens[found], drawing.budget)], None


def copies(drawing: _Drawing) -> Ints:
    """Return how often each passage may be taken, by its source's rate."""
    rates, pool = drawing.given.rates, drawing.pool
    if rates is None or len(rates.sources) != pool.size:
        raise ValueError(f"arm {ORIGINAL!r}: wanted the source of each of {pool.size} passages")
    if not (np.isfinite(rates.rates).all() and (rates.rates >= 0).all()):
        raise ValueError(f"rates {rates.rates.tolist()}: wanted numbers of 0 or more")
    own = rates.rates[rates.sources]
    whole = np.floor(own)
    chances = order.chances(pool.keys, seed=drawing.settings.seed, use=order.RATES)
    return (whole + (chances < own - whole)).astype(np.int64)


def _dsir(drawing: _Drawing) -> tuple[Ints, None]:
    pool, target = drawing.pool, _target(drawing, DSIR)
    logs = [np.log(frequencies(side) + SMOOTHING) for side in (target, pool)]
    weights = log_weights(pool, logs[0] - logs[1])
    chances = order.chances(pool.keys, seed=drawing.settings.seed, use=order.NOISE)
    noisy = weights - np.log(-np.log(chances))
    found = np.lexsort((pool.keys[:, 1], pool.keys[:, 0], -noisy))
    return found[: up_to(pool.tokens[found], drawing.budget)], None


def frequencies(side: Side) -> Floats:
    """Return the share of each bucket in all n-grams of a side."""
    # Whole numbers below 2^53: exact, in whatever order they are summed.
    found: Floats = packed.sums(side.counts, packed.rows(side.counts))
    return found / max(1.0, float(found.sum()))


def log_weights(pool: Side, by_bucket: Floats) -> Floats:
    """Return the sum of something by bucket over the n-grams of each passage."""
    rows = packed.rows(pool.counts)
    found: Floats = compiled.load(packed.KERNEL).dotted(*pool.counts, rows, by_bucket)
    return found


def _shares(drawing: _Drawing) -> tuple[Ints, quotas.Quotas]:
    held = _quotas(drawing, SHARES)
    return _greedy(drawing, held, np.zeros(drawing.pool.size, np.int64), tries=1), held


def _surrogate(drawing: _Drawing) -> tuple[Ints, quotas.Quotas]:
    limits = bins(_target(drawing, SURROGATE))
    held = _quotas(drawing, SURROGATE)
    lengths = np.searchsorted(limits, drawing.pool.tokens, side="left")
    return _greedy(drawing, held, lengths, tries=drawing.settings.tries), held


def bins(target: Side) -> Floats:
    """Return the limits between bins of length, tokens."""
    if not target.size:
        raise ValueError("a target without passages: wanted some")
    found: Floats = np.quantile(target.tokens, QUANTILES, method="inverted_cdf").astype(np.float64)
    return found


def _greedy(drawing: _Drawing, held: quotas.Quotas, lengths: Ints, *, tries: int) -> Ints:
    pool, target, strata = drawing.pool, drawing.given.target, drawing.given.strata
    assert strata is not None  # noqa: S101  (there are no quotas without)
    ordered = order.by_key(pool.keys)
    cells = strata.pool * BINS + lengths
    members = ordered[np.argsort(cells[ordered], kind="stable")]
    sizes = np.bincount(cells, minlength=BINS * len(held.tokens))
    wanted = frequencies(target if target is not None and tries > 1 else pool)
    begun = drawing.settings.prior * (wanted + frequencies(pool)) / 2 if tries > 1 else wanted
    found: Ints = compiled.load(KERNEL).greedy(
        tuple(pool.counts),
        pool.tokens.astype(np.int64),
        (members, np.append(0, np.cumsum(sizes)), BINS),
        (held.tokens, drawing.budget),
        (wanted, begun, drawing.settings.prior),
        (np.uint64(order.salt(drawing.settings.seed, order.DRAW)), tries),
    )
    return found


def _quotas(drawing: _Drawing, arm: str) -> quotas.Quotas:
    strata, pool = drawing.given.strata, drawing.pool
    if strata is None or len(strata.pool) != pool.size:
        raise ValueError(f"arm {arm!r}: wanted a stratum for each of {pool.size} passages")
    have = tokens_by(strata.pool, pool.tokens, len(strata.shares))
    if len(have) > len(strata.shares):
        raise ValueError(f"{len(have)} strata: wanted a share for each, not {len(strata.shares)}")
    held = quotas.quotas(strata.shares, have, drawing.budget, clamp=drawing.settings.clamp)
    if not held.tokens.any():
        raise _nothing("a pool with nothing of the strata that have a share", drawing.budget)
    return held


def _target(drawing: _Drawing, arm: str) -> Side:
    if drawing.given.target is None:
        raise ValueError(f"arm {arm!r}: wanted a target")
    return checked(drawing.given.target, "target")


def _nothing(got: str, budget: int) -> BudgetError:
    return BudgetError(
        "replay",
        got=got,
        wanted=f"passages for {budget:,} tokens",
        way_out="Add sources to the pool that are like the target.",
    )


def _report(arm: str, drawing: _Drawing, chosen: Ints, held: quotas.Quotas | None) -> Report:
    pool, target, strata = drawing.pool, drawing.given.target, drawing.given.strata
    tokens = int(pool.tokens[chosen].sum())
    asked = achieved = wanted = cells = None
    if strata is not None:
        asked = strata.shares
        achieved = tokens_by(strata.pool[chosen], pool.tokens[chosen], len(asked))
        achieved = achieved / max(1, tokens)
    if strata is not None and strata.target is not None and target is not None:
        limits, size = bins(target), len(strata.shares)
        every = np.arange(target.size)
        wanted = _cells(target, strata.target, limits, every, size)
        cells = _cells(pool, strata.pool, limits, chosen, size)
    return Report(
        arm=arm,
        budget=drawing.budget,
        tokens=tokens,
        passages=len(chosen),
        short=0 if _usable(arm, drawing, held) > len(chosen) else max(0, drawing.budget - tokens),
        n_eff=effective(pool.documents[chosen], pool.tokens[chosen]),
        uncovered=None if held is None else held.uncovered,
        clamp=None if held is None else held.clamp,
        asked=asked,
        achieved=achieved,
        cells_target=wanted,
        cells=cells,
    )


def _usable(arm: str, drawing: _Drawing, held: quotas.Quotas | None) -> int:
    """Return how many passages of the pool may be drawn."""
    strata = drawing.given.strata
    if arm == ORIGINAL:
        return int(copies(drawing).sum())
    if held is None or strata is None:
        return drawing.pool.size
    return int((held.tokens[strata.pool] > 0).sum())


def _cells(side: Side, strata: Ints, limits: Floats, rows: Ints, size: int) -> Floats:
    """Return the share of each cell in the tokens of some passages."""
    tokens = side.tokens[rows]
    lengths = np.searchsorted(limits, tokens, side="left")
    found = tokens_by(strata[rows] * BINS + lengths, tokens, size * BINS).reshape(size, BINS)
    return found / max(1.0, float(found.sum()))
