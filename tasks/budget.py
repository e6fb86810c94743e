"""Token budgets: which documents must be counted, and in what order they are drawn.

Whole documents only. All functions are pure and depend on nothing but their arguments; frames have
one row a document, with ``doc_id``, ``source``, ``n_bytes``, ``tokens`` (null where not counted)
and ``priority`` (a seeded hash: low is drawn first).
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from schemas import columns as c
from schemas.errors import BudgetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Queues = dict[str, Iterator[tuple[int, int, bool]]]
    """For each source its documents in drawing order: place, tokens, whether long."""

PRIORITY: Final = "priority"
BYTES_PER_TOKEN: Final = 4.0
"""First guess of a text's bytes for one token, replaced by what was counted once there is any."""
PILOT: Final = 0.1
"""Part of a budget that is counted on that guess; it may be four times off (Chinese, base64)."""
MARGIN: Final = 1.05
"""How much more than estimated is counted later, so that few rounds are needed."""


@dataclass(frozen=True)
class Budget:
    """Tokens wanted in all, and the share of them for each source.

    ``at_least_one`` wants a document even where every one is too large for the target.
    """

    shares: Mapping[str, float]
    target: float
    at_least_one: bool = False


def hamilton(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Divide ``total`` in proportion to ``shares`` by largest remainders; the parts sum to it."""
    exact = {k: total * v for k, v in _normal(shares).items()}
    parts = {k: math.floor(v) for k, v in exact.items()}
    left = total - sum(parts.values())
    for k in sorted(exact, key=lambda k: (parts[k] - exact[k], k))[:left]:
        parts[k] += 1
    return parts


def _normal(shares: Mapping[str, float]) -> dict[str, Fraction]:
    """Shares that sum to 1, exactly: a budget of 10^13 must not lose a token to rounding."""
    whole = sum(map(Fraction, shares.values()))
    return {k: Fraction(v) / whole for k, v in shares.items()}


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Documents in the order in which they are drawn from each source; passages in their own."""
    passages = [c.START] if c.START in frame.columns else []
    return frame.sort(c.SOURCE, PRIORITY, c.DOC_ID, *passages)


def to_count(frame: pl.DataFrame, budget: Budget) -> pl.DataFrame:
    """Rows to count next, so that :func:`draw` can be called with the same budget.

    An empty answer means that nothing is missing: every row that the draw looks at is counted, and
    few others are. A target of infinity asks for all rows of the sources that have a share.
    """
    wanted = [source for source, share in budget.shares.items() if share > 0]
    ordered = in_order(frame.filter(pl.col(c.SOURCE).is_in(wanted)))
    missing = ordered[c.TOKENS].is_null()
    if math.isinf(budget.target) or not missing.any():
        return ordered.filter(missing)
    guessed = ordered.with_columns(pl.col(c.TOKENS).fill_null(_guess()))

    def unknown(reach: float) -> set[int]:
        _, seen = _walk(guessed, replace(budget, target=math.ceil(budget.target * reach)))
        return {place for place in seen if missing[place]}

    rows = unknown(1.0)
    if rows and missing.all():
        rows = unknown(PILOT)
    elif rows:
        rows |= unknown(MARGIN)
    return _take(ordered, sorted(rows))


def _guess() -> pl.Expr:
    """Estimated tokens: by what was counted of the source, of all sources, or the first guess."""
    n_bytes = pl.when(pl.col(c.TOKENS) > 0).then(pl.col(c.N_BYTES))
    everywhere = (n_bytes.sum() / pl.col(c.TOKENS).sum()).fill_nan(None)
    here = (n_bytes.sum().over(c.SOURCE) / pl.col(c.TOKENS).sum().over(c.SOURCE)).fill_nan(None)
    ratio = pl.coalesce(here, everywhere, pl.lit(BYTES_PER_TOKEN))
    return (pl.col(c.N_BYTES) / ratio).ceil().cast(pl.Int64)


def check(frame: pl.DataFrame, budget: Budget, *, where: str) -> None:
    """Raise :class:`BudgetError` when a source cannot fill its part, saying what would fit.

    A source with documents that :func:`to_count` left uncounted has what the draw needs of it.
    """
    counts = frame.group_by(c.SOURCE).agg(
        pl.col(c.TOKENS).sum(), more=pl.col(c.TOKENS).is_null().any()
    )
    counted = {source: (int(tokens), more) for source, tokens, more in counts.iter_rows()}
    parts, exact = hamilton(int(budget.target), budget.shares), _normal(budget.shares)
    have = {s: n for s in parts for n, more in [counted.get(s, (0, False))] if not more}
    short = [s for s, n in have.items() if n < parts[s]]
    if not short:
        return
    worst = min(short, key=lambda s: (have[s] / parts[s], s))
    fits = math.floor(min(n / exact[s] for s, n in have.items() if exact[s] > 0))
    raise BudgetError(
        where,
        got=f"{have[worst]:,} tokens in source {worst!r} after dedup and selection",
        wanted=f"{parts[worst]:,} ({float(exact[worst]):.1%} of {budget.target:,})",
        way_out=f"With these shares {fits:,} replay tokens would fit: lower the replay share or "
        f"target, give {worst!r} a smaller share, or add documents to it.",
    )


def draw(frame: pl.DataFrame, budget: Budget) -> pl.DataFrame:
    """Return the rows drawn, in drawing order.

    At each step the source that is farthest behind its share gives its next document, so that every
    prefix is within about one document of the shares. Drawing ends before a document that would
    carry the total as far past the target as it is short of it now, or farther.

    One huge document must not end it early or carry it far past the target. So a long one (more
    bytes than the median of its source) is passed over when its source's part, or the total, has no
    room for all of it, and the next one is looked at. The total is then within half a document of
    the target, and of one no longer than its source's median, unless the sources run dry. Only the
    last ``t`` tokens of a budget have no room for a document of ``t``, so that budgets of many
    documents are as fair to long ones as whole documents allow. Up to the first one passed over,
    the draw for a smaller target is where the draw for a larger one begins.

    ``at_least_one`` takes the first document that is not passed over, whatever its size. ``frame``
    must be counted as far as :func:`to_count` says.
    """
    ordered = in_order(frame)
    taken, _ = _walk(ordered, budget)
    return _take(ordered, taken)


def _take(frame: pl.DataFrame, rows: list[int]) -> pl.DataFrame:
    return frame[pl.Series(rows, dtype=pl.UInt32)]


def _queues(ordered: pl.DataFrame) -> Queues:
    long = pl.col(c.N_BYTES) > pl.col(c.N_BYTES).median().over(c.SOURCE)
    marked = ordered.with_row_index("place").with_columns(long.alias("long"))
    return {
        str(source): zip(part["place"], part[c.TOKENS], part["long"], strict=True)
        for (source,), part in marked.partition_by(c.SOURCE, as_dict=True).items()
    }


def _walk(ordered: pl.DataFrame, budget: Budget) -> tuple[list[int], list[int]]:
    """Places of the rows that a draw takes, in drawing order, and of all that it looks at."""
    queues, left = _queues(ordered), int(budget.target)
    parts = {s: float(left * v) for s, v in _normal(budget.shares).items()}
    parts = {s: part for s, part in parts.items() if part > 0.0}
    held = dict.fromkeys(parts, 0)
    behind = [(0.0, source) for source in sorted(parts) if source in queues]
    taken: list[int] = []
    seen: list[int] = []
    while behind and left > 0:
        source = behind[0][1]
        place, tokens, long = next(queues[source], (None, 0, False))
        if place is None:
            heapq.heappop(behind)
            continue
        seen.append(place)
        # Where a source has run dry, the others fill its part too.
        room = min(left, parts[source] - held[source]) if len(behind) == len(parts) else left
        if long and tokens > room:
            continue
        if tokens >= 2 * left and (taken or not budget.at_least_one):
            break
        taken.append(place)
        left -= tokens
        held[source] += tokens
        heapq.heapreplace(behind, (held[source] / parts[source], source))
    return taken, seen


def interleave(
    replay: Sequence[int], new: Sequence[int], share: float | Callable[[int], float]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Order of two sequences of documents by tokens: True where the next one is replay.

    ``replay`` and ``new`` hold token counts. Each step takes from the side that is behind: until
    one side ends, a prefix of ``n`` tokens has at most ``share * max(new)`` replay tokens less than
    ``share * n``, and at most ``(1 - share) * max(replay)`` more. With the share that the two
    really have, that holds to the end. Where the share changes, ``share`` tells of ``n`` tokens how
    many are to be replay; then a prefix is within one longest document of that.
    """
    order = np.empty(len(replay) + len(new), dtype=bool)
    i = j = old = fresh = 0
    for k in range(len(order)):
        if callable(share):
            behind = old < share(old + fresh)
        else:
            behind = old * (1.0 - share) < fresh * share
        order[k] = j >= len(new) or (i < len(replay) and behind)
        if order[k]:
            old += replay[i]
            i += 1
        else:
            fresh += new[j]
            j += 1
    return order
