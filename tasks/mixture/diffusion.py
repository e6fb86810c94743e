"""Which row of a mixture is replay and which is new: shares that hold at every moment. Pure.

**Error diffusion.** Shares of rows 0, 1, 2, … are added up, exactly, as fractions; row ``i`` is
replay where the sum passes a whole number: ``floor(A(i + 1)) > floor(A(i))``. With a share ``r``
for all rows, ``A(i) = i * r``. So any window of rows holds the sum of its shares to within less
than one row, and what stands before a row is known without walking there.

A **schedule** is a sequence of stretches of rows, over each of which the share is constant or
changes evenly: a ramp, an anneal at the end, a replay-heavy start, steps that decay.

**Strata** inside a side are more than two, and no order keeps every window of three or more to
within one row of its shares (but for few shares: Fraenkel's conjecture). Every prefix can be kept
to within one: :func:`strata`.
"""

from __future__ import annotations

import heapq
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from schemas.errors import BudgetError, ConfigError
from tasks.hashing import seeded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

EXACT = 2**62
"""Below this, sums are reckoned in int64; above, in Python's integers, which are exact too."""


class Stretch(NamedTuple):
    """Neighbouring rows, over which the share of replay goes evenly from ``first`` to ``last``."""

    rows: int
    first: Fraction
    last: Fraction

    def total(self, rows: int) -> Fraction:
        """Sum of the shares of the first ``rows`` rows, each that of the row's middle."""
        if not rows:
            return Fraction(0)
        return self.first * rows + (self.last - self.first) * Fraction(rows * rows, 2 * self.rows)


Schedule = tuple[Stretch, ...]


def written(share: float) -> Fraction:
    """Return the share that was meant: 1/20 for 0.05, which no binary number is."""
    return Fraction(repr(float(share)))


def constant(rows: int, share: Fraction) -> Schedule:
    """One share from the first row to the last."""
    return _checked(Stretch(rows, share, share))


def ramp(rows: int, first: Fraction, last: Fraction) -> Schedule:
    """A share that changes evenly from the first row to the last."""
    return _checked(Stretch(rows, first, last))


def anneal(rows: int, share: Fraction, last: Fraction, *, part: Fraction) -> Schedule:
    """One share, which over the final ``part`` of the rows changes evenly to ``last``."""
    end = _part(rows, part)
    return _checked(Stretch(rows - end, share, share), Stretch(end, share, last))


def heavy_start(rows: int, start: Fraction, share: Fraction, *, part: Fraction) -> Schedule:
    """Another share, ``start``, over the first ``part`` of the rows."""
    begin = _part(rows, part)
    return _checked(Stretch(begin, start, start), Stretch(rows - begin, share, share))


def decay(rows: int, share: Fraction, factor: Fraction, *, steps: int) -> Schedule:
    """Steps of as many rows as each other, give or take one, each with ``factor`` times the share.

    The mix-review of He et al. ("Analyzing the Forgetting Problem in Pretrain-Finetuning of
    Open-domain Dialogue Response Models", EACL 2021), where a step is an epoch.
    """
    if steps < 1:
        raise ConfigError(
            "schedule", got=f"{steps} steps", wanted="1 or more", way_out="Ask for a step an epoch."
        )
    ends = [rows * step // steps for step in range(steps + 1)]
    shares = [share * factor**step for step in range(steps)]
    return _checked(
        *(Stretch(ends[i + 1] - ends[i], own, own) for i, own in enumerate(shares)),
    )


def _part(rows: int, part: Fraction) -> int:
    if not 0 <= part <= 1:
        raise ConfigError(
            "schedule",
            got=f"{float(part):g} as the part of the rows with another share",
            wanted="a number from 0 to 1",
            way_out="Say 0.1 for a tenth of the rows.",
        )
    return math.floor(rows * part)


def _checked(*stretches: Stretch) -> Schedule:
    """Without stretches that have no rows; ConfigError for shares below 0 or above 1."""
    for stretch in stretches:
        for share in (stretch.first, stretch.last):
            if not 0 <= share <= 1:
                raise ConfigError(
                    "schedule",
                    got=f"a replay share of {float(share):g}",
                    wanted="shares from 0 to 1 at every row",
                    way_out="Change what the schedule begins or ends with.",
                )
    return tuple(stretch for stretch in stretches if stretch.rows > 0)


def n_rows(schedule: Schedule) -> int:
    """Rows of all stretches."""
    return sum(stretch.rows for stretch in schedule)


def is_replay(schedule: Schedule, start: int = 0, stop: int | None = None) -> NDArray[np.bool_]:
    """Tell of each row from ``start`` up to but without ``stop`` whether it is replay."""
    stop = n_rows(schedule) if stop is None else stop
    parts = [np.zeros(0, dtype=bool)]
    before, total = 0, Fraction(0)
    for stretch in schedule:
        first, last = max(start - before, 0), min(stop - before, stretch.rows)
        if first < last:
            parts.append(np.diff(_floors(stretch, first, last, total)) > 0)
        before += stretch.rows
        total += stretch.total(stretch.rows)
    return np.concatenate(parts)


def _floors(stretch: Stretch, first: int, last: int, base: Fraction) -> Any:  # noqa: ANN401
    """Whole part of ``base`` and the shares before each row from ``first`` to ``last``, both in."""
    base -= math.floor(base)
    if stretch.first == stretch.last:  # one share: no need for the square of a row's number
        square, line = Fraction(0), stretch.first
    else:
        square, line = (stretch.last - stretch.first) / (2 * stretch.rows), stretch.first
    below = math.lcm(square.denominator, line.denominator, base.denominator)
    a, b, c = (int(part * below) for part in (square, line, base))
    exact = max(abs(a) * last * last + b * last + c, below) < EXACT
    rows = np.arange(first, last + 1, dtype=np.int64 if exact else object)
    return (rows * (a * rows + b) + c) // below


def strata(counts: Sequence[int]) -> Numbers:
    """Which stratum each row of a side is of, when stratum ``s`` has ``counts[s]`` of its rows.

    Of ``n`` strata that have rows, each is in every prefix within 1 - 1 / (2n - 2) rows of its
    share, which is the best that can be promised (Tijdeman, "The chairman assignment problem",
    Discrete Mathematics 32, 1980): so windows are within less than 2 rows, and of two strata within
    1. Time grows with the rows times log n.
    """
    own = [s for s, count in enumerate(counts) if count]
    total = sum(counts)
    if len(own) == 1:
        return np.full(total, own[0], dtype=np.int64)
    slack = 2 * len(own) - 2
    # A row's turn is from when its stratum is 1 / slack behind, to when it is 1 - 1 / slack behind.
    turns = [_turns(s, counts[s], total, slack) for s in own]
    waiting = [(*next(turn), place) for place, turn in enumerate(turns)]
    heapq.heapify(waiting)
    ready: list[tuple[int, int, int]] = []
    order = np.empty(total, dtype=np.int64)
    for row in range(total):
        while waiting and waiting[0][0] <= row:
            _, due, s, place = heapq.heappop(waiting)
            heapq.heappush(ready, (due, s, place))
        _, order[row], place = heapq.heappop(ready)
        if following := next(turns[place], None):
            heapq.heappush(waiting, (*following, place))
    return order


def _turns(stratum: int, count: int, total: int, slack: int) -> Iterator[tuple[int, int, int]]:
    """For each row of a stratum: where it may stand at the earliest, at the latest, the stratum."""
    per = slack * count
    for k in range(count):
        yield -(-(k * slack + 1) * total // per) - 1, ((k + 1) * slack - 1) * total // per, stratum


def ordered(
    ids: Sequence[str],
    *,
    seed: int,
    epoch: int = 0,
    distances: NDArray[np.float64] | None = None,
) -> Numbers:
    """Places of the rows of one side in the order in which they come: by seeded hash, then id.

    The same for any order of ``ids``; another one each epoch. With ``distances`` to the replay
    profile the most dissimilar come first, and only those as far as each other by hash.
    """
    order = seeded(ids, seed=seed, stage=f"mixture order of epoch {epoch}")
    names = np.unique(np.array(ids, dtype=object), return_inverse=True)[1] if len(ids) else order
    by = (names, order) if distances is None else (names, order, -distances)
    return np.lexsort(by).astype(np.int64)


def merged(is_replay: NDArray[np.bool_], replay: Numbers, new: Numbers) -> Numbers:
    """Lay the rows of both sides out as a schedule says; each keeps its order.

    BudgetError where a side has fewer rows than asked for; rows that are left over stay out.
    """
    wanted = int(is_replay.sum())
    for side, have, need in (
        ("replay", len(replay), wanted),
        ("new", len(new), len(is_replay) - wanted),
    ):
        if have < need:
            rows = _fitting(is_replay if side == "replay" else ~is_replay, have)
            raise BudgetError(
                "schedule",
                got=f"{have:,} {side} rows",
                wanted=f"{need:,} for {len(is_replay):,} rows in all",
                way_out=f"With this schedule {rows:,} rows would fit: ask for fewer tokens, "
                f"another share, or add {side} documents.",
            )
    answer = np.empty(len(is_replay), dtype=np.int64)
    answer[is_replay] = replay[:wanted]
    answer[~is_replay] = new[: len(is_replay) - wanted]
    return answer


def _fitting(is_own: NDArray[np.bool_], have: int) -> int:
    """Rows up to the first one for which none is left."""
    return int(np.flatnonzero(is_own)[have])
