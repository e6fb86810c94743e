"""How many tokens of a budget each stratum is to give.

**Quota**: a stratum's share of the target, of the budget. No stratum gives more than a part of what
the pool has of it (*clamp*, 0.3): what is drawn is a choice then, and not whatever there is. What
that leaves over goes to the other strata in proportion to their shares, clamped likewise. A stratum
without a share, or without passages, gives nothing.

Where the clamp leaves too little for the budget, it is raised for all strata, up to what there is.

**Uncovered share**: of the target's tokens, what the quotas are short of: ``1 - sum
min(share, quota / budget)``. It is a warning light: it read 5 to 10 % where a fifth of an original
was missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CLAMP: Final = 0.3


class Quotas(NamedTuple):
    """Tokens of each stratum, the clamp that held in the end, and the uncovered share."""

    tokens: Floats
    clamp: float
    uncovered: float


def quotas(shares: Floats, have: Floats, budget: int, *, clamp: float = CLAMP) -> Quotas:
    """Return quotas for a budget of tokens, where ``have`` are the pool's in each stratum.

    They sum to the budget, or to what the pool has. ValueError for shares that are negative, or of
    more than 1 in all.
    """
    if not (shares >= 0).all() or shares.sum() > 1 + 1e-9:
        raise ValueError(f"shares of {shares.sum():g} in all: wanted none below 0, and up to 1")
    usable = np.where(shares > 0, have, 0.0)
    total = float(usable.sum())
    held = min(1.0, max(clamp, budget / total)) if total else clamp
    most, full = held * usable, usable == 0
    found = most.copy()
    while not full.all():
        rest = min(float(budget), float(most.sum())) - most[full].sum()
        given = np.where(full, 0.0, shares)
        found = np.where(full, most, given / given.sum() * rest)
        over = ~full & (found > most)
        if not over.any():
            break
        full |= over
        found = np.where(full, most, found)
    covered = float(np.minimum(shares, found / budget).sum()) if budget else 0.0
    return Quotas(found, held, max(0.0, 1.0 - covered))
