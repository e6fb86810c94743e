"""The mixture that a merge list points to among candidate sources, with two answers beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from schemas.errors import ConfigError
from tasks.replay.merges import STEPS, beside, program, simulation, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.replay.merges.lists import MergeList

    Floats = NDArray[np.float64]

LEAST_SOURCES: Final = 2


class Inferred(NamedTuple):
    """Shares of bytes by source, each float64 (sources), in all 1.

    ``shares``: of the linear program; ``curve``, ``logistic``: the answers beside it. ``fit``:
    slack a step, of the rate of its merge. ``n_steps``: merges that were looked at and occur in
    the sources; ``unseen``: those that occur in none; ``n_orders``: orders that count.
    """

    sources: tuple[str, ...]
    shares: Floats
    curve: Floats
    logistic: Floats
    fit: float
    n_steps: int
    unseen: int
    n_orders: int


def inferred(table: words.Table, merges: MergeList, *, steps: int = STEPS) -> Inferred:
    """Return the mixture of a table's sources that explains the first merges best.

    The table's words must be those of the merges' own splitting. ConfigError for one source only,
    and for sources that have next to none of the merges.
    """
    if len(table.sources) < LEAST_SOURCES:
        raise ConfigError(
            "mixture inference",
            got=f"one candidate source, {', '.join(table.sources)}",
            wanted="two or more",
            way_out="Give texts of every kind that the tokenizer's text may have been.",
        )
    some = merges.first(steps)
    history = simulation.simulated(words.encoded(table, some), some)
    answer = program.solved(history, table.n_bytes)
    curve = beside.by_curve(history, table.n_bytes)
    even = np.full(len(table.sources), 1 / len(table.sources))
    logistic = beside.by_logistic(history, table.n_bytes, [answer.shares, curve, even])
    return Inferred(table.sources, answer.shares, curve, logistic, *answer[1:])
