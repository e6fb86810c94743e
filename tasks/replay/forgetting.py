"""How much is forgotten by share of replay: the published curve, and one fitted to pilots.

``F(r) = f0 / (1 + (r / k)^c)`` is what the old loss rises by at a share of replay ``r``, in nats a
token; the new loss pays ``-q log(1 - r)`` for it. The published curves are fits of that form to
table 2 of Ibrahim et al. (arXiv 2403.08763): 12 points of one model of 405 million parameters, six
of a weak shift (Pile to SlimPajama), six of a strong one (Pile to German). Rises are counted over
the loss of training on both from scratch, 2.17.

With pilots it is counted over the base's own old loss where that is given; else over the loss that
the curve ends at, which is then fitted too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from schemas.advice import Curve, Shift
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from schemas.advice import Pilot

    Floats = NDArray[np.float64]

LEAST_PILOTS: Final = 3
UNION_LOSS: Final = 2.17
"""Old loss of 600 billion tokens of both, from scratch (arXiv 2403.08763, table 2)."""
TABLE: Final = {
    Shift.WEAK: ((0, 2.44, 2.50), (0.005, 2.27, 2.50), (0.01, 2.26, 2.50), (0.05, 2.23, 2.51),
                 (0.1, 2.21, 2.51), (0.5, 2.16, 2.54)),
    Shift.LANGUAGE: ((0, 3.56, 1.11), (0.01, 2.83, 1.12), (0.05, 2.57, 1.12), (0.1, 2.46, 1.13),
                     (0.25, 2.33, 1.16), (0.5, 2.24, 1.22)),
}  # fmt: skip
"""Share of replay, old and new loss (arXiv 2403.08763, table 2)."""
BASIS: Final = "six points of one model (405M), arXiv 2403.08763, table 2"
SHAPE: Final = 0.55
"""Exponent that is taken where pilots are too few to tell it: between the two published ones."""
BOUNDS: Final = ((1e-5, 0.2), (1.0, 3.0))
"""Of k and c."""
STARTS: Final = ((0.002, 0.5), (0.01, 0.5), (0.05, 1.0), (0.2, 1.5))


def published() -> dict[Shift, Curve]:
    """Return the curves of the published table, as they have been fitted once."""
    return {
        Shift.WEAK: Curve(
            name="published, weak shift (Pile to SlimPajama)",
            f0=0.27, k=0.0022, c=0.51, cost=0.059, over=UNION_LOSS, points=6, error=0.013,
            basis=BASIS, lowest=0.005, highest=0.5,
        ),
        Shift.LANGUAGE: Curve(
            name="published, another language (Pile to German)",
            f0=1.39, k=0.0092, c=0.60, cost=0.162, over=UNION_LOSS, points=6, error=0.025,
            basis=BASIS, lowest=0.01, highest=0.5,
        ),
    }  # fmt: skip


class Fit(NamedTuple):
    """A curve, and how many of its numbers were free."""

    curve: Curve
    free: int


def fitted(pilots: Sequence[Pilot], *, base_loss: float | None = None, name: str = "pilots") -> Fit:
    """Return the curve through pilots.

    ``base_loss``: old loss of the base before training. With it f0, k and c are free, without it
    also the loss that the curve ends at; c only with more pilots than that. ConfigError for fewer
    than three different shares, or none above 0.
    """
    shares = np.array([one.replay_share for one in pilots])
    if len(set(shares.tolist())) < LEAST_PILOTS or not shares.any():
        raise ConfigError(
            "--pilots",
            got=f"{len(set(shares.tolist()))} different shares of replay",
            wanted=f"{LEAST_PILOTS} or more, such as 0, 1 % and 10 %",
            way_out="Train another short pilot, on about 5 % of the budget.",
        )
    old = np.array([one.old_loss for one in pilots])
    floats = base_loss is None
    n_free = 2 + floats
    shaped = len(set(shares.tolist())) > n_free
    k, c, f0, over = _best(shares, old, base_loss, shaped=shaped)
    off = over + f0 / (1 + (shares / k) ** c) - old
    free = n_free + shaped
    curve = Curve(
        name=name,
        f0=f0,
        k=k,
        c=c,
        cost=_cost(pilots),
        over=over,
        points=len(pilots),
        error=float(np.sqrt((off**2).mean())) if len(pilots) > free else None,
        basis=f"{len(pilots)} pilots of your own" + ("" if shaped else f", with c = {SHAPE}"),
        lowest=float(shares[shares > 0].min()),
        highest=float(shares.max()),
    )
    return Fit(curve, free)


def _best(
    shares: Floats, old: Floats, base_loss: float | None, *, shaped: bool
) -> tuple[float, float, float, float]:
    """Return k, c, f0 and the loss that rises are over, of the least sum of squares.

    k and c are looked for, from several places; the others follow from them (they are linear).
    """
    from scipy.optimize import least_squares

    def off(logs: Floats) -> Floats:
        k, c = np.exp(logs[0]), np.exp(logs[1]) if shaped else SHAPE
        f0, over = _linear(shares, old, base_loss, (float(k), float(c)))
        return np.asarray(over + f0 / (1 + (shares / k) ** c) - old)

    low, high = np.log([b[: 1 + shaped] for b in (BOUNDS[0], BOUNDS[1])])
    tries = [
        least_squares(off, np.log(start[: 1 + shaped]), bounds=(low, high)) for start in STARTS
    ]
    best = min(tries, key=lambda one: float(one.cost))
    k, c = float(np.exp(best.x[0])), float(np.exp(best.x[1])) if shaped else SHAPE
    f0, over = _linear(shares, old, base_loss, (k, c))
    return k, c, f0, over


def _linear(
    shares: Floats, old: Floats, base_loss: float | None, shape: tuple[float, float]
) -> tuple[float, float]:
    """Return f0, 0 or more, and the loss that rises are over, for a given k and c."""
    kept = 1 / (1 + (shares / shape[0]) ** shape[1])
    if base_loss is not None:
        return max(0.0, float(kept @ (old - base_loss) / (kept @ kept))), base_loss
    f0, over = np.polyfit(kept, old, 1)
    return (float(f0), float(over)) if f0 > 0 else (0.0, float(old.mean()))


def _cost(pilots: Sequence[Pilot]) -> float | None:
    """Return q of the new loss, 0 or more; None without new losses of two shares."""
    some = [(one.replay_share, one.new_loss) for one in pilots if one.new_loss is not None]
    if len({share for share, _ in some}) < 2:  # noqa: PLR2004 -- a slope
        return None
    paid = [-np.log1p(-share) for share, _ in some]
    return max(0.0, float(np.polyfit(paid, [loss for _, loss in some], 1)[0]))
