"""Token budgets: which documents must be counted, and in what order they are drawn.

Whole documents only. All functions are pure and depend on nothing but their arguments; frames have
one row a document, with ``source``, ``n_bytes``, ``tokens`` (null where not counted) and
``priority`` (a seeded hash: low is drawn first).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from schemas import columns as c
from schemas.errors import BudgetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PRIORITY = "priority"
BYTES_PER_TOKEN = 4.0
"""First guess of a text's bytes for one token, replaced by what was counted as soon as there is any."""
MARGIN = 1.1
"""How much more than the estimate is counted at once, so that few rounds are needed."""


def hamilton(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Divide ``total`` in proportion to ``shares`` by largest remainders; the parts sum to it."""
    exact = {k: total * v / math.fsum(shares.values()) for k, v in shares.items()}
    parts = {k: math.floor(v) for k, v in exact.items()}
    left = total - sum(parts.values())
    for k in sorted(exact, key=lambda k: (parts[k] - exact[k], k))[:left]:
        parts[k] += 1
    return parts


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Documents in the order in which they are drawn from each source."""
    return frame.sort(c.SOURCE, PRIORITY, c.DOC_ID)


def to_count(frame: pl.DataFrame, targets: Mapping[str, float]) -> pl.DataFrame:
    """Rows not counted yet that a budget of ``targets`` tokens a source may need.

    An empty answer means that every source's documents are counted up to its budget, or that it
    has no more.
    """
    ordered = in_order(frame.filter(pl.col(c.SOURCE).is_in(list(targets))))
    ratio = _bytes_per_token(ordered)
    guess = pl.col(c.TOKENS).fill_null(pl.col(c.N_BYTES) / ratio)
    before = guess.cum_sum().over(c.SOURCE) - guess
    budget = pl.col(c.SOURCE).replace_strict(dict(targets), return_dtype=pl.Float64)
    known = pl.col(c.TOKENS).is_not_null().cum_min().over(c.SOURCE)
    reached = (pl.col(c.TOKENS) * known).fill_null(0).sum().over(c.SOURCE) >= budget
    wanted = (before <= budget * MARGIN) & pl.col(c.TOKENS).is_null() & ~reached
    return ordered.filter(wanted)


def _bytes_per_token(frame: pl.DataFrame) -> float:
    counted = frame.filter(pl.col(c.TOKENS) > 0)
    if counted.height == 0:
        return BYTES_PER_TOKEN
    return float(counted[c.N_BYTES].sum()) / float(counted[c.TOKENS].sum())


def check(frame: pl.DataFrame, shares: Mapping[str, float], target: int, *, where: str) -> None:
    """Raise :class:`BudgetError` when a source cannot fill its part, saying what would fit."""
    have = dict(frame.group_by(c.SOURCE).agg(pl.col(c.TOKENS).sum()).iter_rows())
    parts = hamilton(target, shares)
    short = {s: n for s, n in parts.items() if (have.get(s) or 0) < n}
    if not short:
        return
    worst = min(short, key=lambda s: (have.get(s) or 0) / short[s])
    fits = int(min((have.get(s) or 0) / v for s, v in shares.items() if v > 0))
    raise BudgetError(
        where,
        got=f"{have.get(worst) or 0:,} tokens in source {worst!r} after dedup and selection",
        wanted=f"{short[worst]:,} ({shares[worst]:.1%} of {target:,})",
        way_out=f"With these shares {fits:,} replay tokens would fit: lower the replay share or "
        f"target, give {worst!r} a smaller share, or add documents to it.",
    )


def draw(frame: pl.DataFrame, shares: Mapping[str, float], target: int) -> pl.DataFrame:
    """Return the rows drawn, in drawing order, for ``target`` tokens in all at the given shares.

    At each step the source that is farthest behind its share gives its next document, so that every
    prefix is within about one document of the shares. Drawing ends where the total is nearest to the
    target: within half a document of it, unless the sources run dry. ``frame`` must be counted.
    """
    ordered = in_order(frame).with_row_index("place")
    queues = {
        source: (part["place"].to_list(), part[c.TOKENS].to_list())
        for (source,), part in ordered.partition_by(c.SOURCE, as_dict=True).items()
        if shares.get(str(source), 0.0) > 0
    }
    taken = dict.fromkeys(sorted(queues), 0)
    places = dict.fromkeys(queues, 0)
    rows: list[int] = []
    total = 0
    while total < target:
        open_ = [s for s in taken if places[s] < len(queues[s][0])]
        if not open_:
            break
        source = min(open_, key=lambda s: (taken[s] / shares[s], s))
        place, tokens = places[source], queues[source][1][places[source]]
        if total + tokens - target > target - total:
            break
        rows.append(queues[source][0][place])
        places[source], taken[source], total = place + 1, taken[source] + tokens, total + tokens
    return ordered[rows].drop("place")


def interleave(replay: Sequence[int], new: Sequence[int], share: float) -> np.ndarray:
    """Order of two sequences of documents by tokens: True where the next one is replay.

    ``replay`` and ``new`` hold token counts. Each step takes from the side that is behind, so that
    every prefix is within about one document of the share, until one side ends.
    """
    order = np.empty(len(replay) + len(new), dtype=bool)
    i = j = old = fresh = 0
    for k in range(len(order)):
        behind = old * (1.0 - share) < fresh * share
        order[k] = j >= len(new) or (i < len(replay) and behind)
        if order[k]:
            old += replay[i]
            i += 1
        else:
            fresh += new[j]
            j += 1
    return order
