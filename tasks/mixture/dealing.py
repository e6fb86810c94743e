"""Which rows of one global order each rank takes, and there each worker of a loader. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Hand:
    """The rows of one worker of one rank, counted from where reading began.

    Row ``i`` is of rank ``i mod world``. Of a rank's rows, runs of ``run`` go to its workers in
    turn. So what comes first is dealt first, for any number of hands, and a hand's n-th row is
    known without walking there.
    """

    rank: int = 0
    world: int = 1
    worker: int = 0
    workers: int = 1
    run: int = 1

    def count(self, rows: int) -> int:
        """How many of the first ``rows`` rows are dealt to this hand."""
        of_rank = max(0, -(-(rows - self.rank) // self.world))
        rounds, left = divmod(of_rank, self.run * self.workers)
        return rounds * self.run + min(max(left - self.worker * self.run, 0), self.run)

    def rows(self, first: int, last: int) -> NDArray[Any]:
        """Return this hand's rows, from its ``first`` up to without its ``last``; ascending."""
        own = np.arange(first, last, dtype=np.int64)
        if self.workers > 1:
            own = (own // self.run * self.workers + self.worker) * self.run + own % self.run
        return own * self.world + self.rank
