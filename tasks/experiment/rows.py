"""Passages packed to rows of one length, in an order by hash, and both sides laid out. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.budgets import ScheduleConfig
from schemas.errors import BudgetError
from tasks import distances, hashing, tokens
from tasks.mixture import diffusion, packing, schedules
from tasks.replay import packed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from schemas.experiment import Arm
    from tasks.ragged import Lists
    from tasks.tokens import Tokenizer

    Ints = NDArray[np.int64]

MARGIN: Final = 1.1
"""How much more is drawn than rows have places: of a packed row a little stays empty."""
COUNTED: Final = 64
"""Texts that are counted at a time."""
RAMP: Final = ScheduleConfig(kind="ramp", start=0.0)


class Rows(NamedTuple):
    """Rows, ``(n, length)``, padded with the end of a text; tokens of each; where it is from.

    ``begin``: the token of that end, which stands before a text, too. ``sources``: of a row's
    first passage, which where rows are of one source each is that of all of it.
    """

    ids: Ints
    lengths: Ints
    sources: tuple[str, ...]
    names: tuple[str, ...]
    begin: int

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.lengths)

    def first(self, number: int) -> Rows:
        """Return some rows."""
        return self.taken(np.arange(min(number, self.size)))

    def taken(self, places: Ints) -> Rows:
        """Return rows at some places."""
        every = places.tolist()
        return Rows(
            self.ids[places],
            self.lengths[places],
            tuple(self.sources[i] for i in every),
            tuple(self.names[i] for i in every),
            self.begin,
        )

    def only(self, names: Sequence[str]) -> Rows:
        """Return the rows of some names, in the order in which they stand here."""
        wanted = set(names)
        return self.taken(np.flatnonzero([name in wanted for name in self.names]))


class How(NamedTuple):
    """How passages become rows: of which length, and the seed of their order."""

    tokenizer: Tokenizer
    length: int
    seed: int
    epoch: int = 0
    by_source: bool = False


def at_shares(
    frame: pl.DataFrame, shares: Mapping[str, float], budget: float, tokenizer: Tokenizer
) -> pl.DataFrame:
    """Return passages of each source, in their order, for its share of so many tokens.

    BudgetError where a source has fewer.
    """
    parts = [frame.clear()]
    for source, share in shares.items():
        own, wanted = frame.filter(pl.col(c.SOURCE) == source), share * budget
        taken, size = _up_to(own[c.TEXT].to_list(), wanted, tokenizer)
        if size < wanted:
            raise BudgetError(
                f"source {source!r}",
                got=f"{own.height:,} passages, which is too few",
                wanted=f"{wanted:,.0f} tokens",
                way_out="Give more text of it (--data), or take a smaller --preset.",
            )
        parts.append(own.head(taken))
    return pl.concat(parts)


def first_texts(texts: Sequence[str], wanted: float, tokenizer: Tokenizer) -> int:
    """Return how many first texts have so many tokens, or all there are."""
    return _up_to(texts, wanted, tokenizer)[0]


def _up_to(texts: Sequence[str], wanted: float, tokenizer: Tokenizer) -> tuple[int, int]:
    """Return how many first texts have so many tokens, or all there are; and what they have."""
    size = 0
    for start in range(0, len(texts) if wanted > 0 else 0, COUNTED):
        for i, n in enumerate(tokenizer.count(texts[start : start + COUNTED])):
            size += n
            if size >= wanted:
                return start + i + 1, size
    return (len(texts) if wanted > 0 else 0), size


def joined(parts: Sequence[Rows]) -> Rows:
    """Return rows behind each other."""
    return Rows(
        np.concatenate([one.ids for one in parts]),
        np.concatenate([one.lengths for one in parts]),
        tuple(source for one in parts for source in one.sources),
        tuple(name for one in parts for name in one.names),
        parts[0].begin,
    )


def rows(frame: pl.DataFrame, how: How, *, away: NDArray[np.float64] | None = None) -> Rows:
    """Pack passages to rows and put these in order. ``away``: the farthest passages come first."""
    names, sources = frame["id"].to_list(), frame[c.SOURCE].to_list()
    end = how.tokenizer.id_of(tokens.END_OF_TEXT) or 0
    ids = how.tokenizer.encoded(frame[c.TEXT].to_list())
    numbers = {source: i for i, source in enumerate(sorted(set(sources)))}
    groups = np.array([numbers[s] if how.by_source else 0 for s in sources], np.int64)
    priority = hashing.seeded(names, seed=how.seed, stage=f"experiment rows {how.epoch}")
    made = packing.pack(packing.Documents(np.diff(ids.offsets), groups, priority), how.length)
    named = packing.row_ids(made, names)
    far = None if away is None else packing.row_means(made, away)
    order = diffusion.ordered(named, seed=how.seed, epoch=how.epoch, distances=far)
    found = _filled(made, ids, end)
    of = [sources[i] for i in made.documents[made.offsets[:-1]].tolist()]
    return Rows(found, made.filled, tuple(of), tuple(named), end).taken(order)


def repeated(some: Rows, passes: int, *, seed: int) -> Rows:
    """Return rows so many times over, each time in another order by hash."""
    orders = [diffusion.ordered(some.names, seed=seed, epoch=epoch) for epoch in range(passes)]
    return some.taken(np.concatenate(orders))


def _filled(made: packing.Packing, ids: Lists, end: int) -> NDArray[np.int64]:
    """Return rows x length ids: the pieces of each row, ``end`` behind a text and as padding."""
    found = np.full((made.rows, made.size), end, np.int64)
    units = [np.append(own, end) for own in np.split(ids.values, ids.offsets[1:-1])]
    pieces = list(zip(made.documents.tolist(), made.starts.tolist(), made.ends.tolist(),
                      strict=True))  # fmt: skip
    for row, (first, last) in enumerate(pairwise(made.offsets.tolist())):
        own = np.concatenate([units[i][start:stop] for i, start, stop in pieces[first:last]])
        found[row, : own.size] = own
    return found


def distances_to(replay: pl.DataFrame, new: pl.DataFrame) -> NDArray[np.float64]:
    """Return how unlike the replay each new passage is (:mod:`tasks.distances`)."""
    both = [packed.of(pa.chunked_array([pa.array(f[c.TEXT].to_list(), pa.large_string())]))
            for f in (replay, new)]  # fmt: skip
    profile = packed.sums(both[0], packed.rows(both[0])).astype(np.float64)
    return distances.distances(both[1], profile)


def laid_out(
    arm: Arm, replay: Rows | None, new: Rows, number: int
) -> tuple[Rows, NDArray[np.bool_]]:
    """Return so many rows, a share of which are replay, by error diffusion; and which these are.

    Compute-equivalent (arXiv 2403.08763, section 4.2): a replay row stands in the place of a new
    one. BudgetError where a side has too few.
    """
    asked = diffusion.written(arm.share)
    if arm.schedule == "ramp":
        schedule = schedules.schedule(RAMP, number, asked=asked, share=asked)
    else:
        schedule = diffusion.constant(number, asked)
    is_replay = diffusion.is_replay(schedule)
    if replay is None:
        return new.taken(diffusion.merged(is_replay, np.arange(0), np.arange(new.size))), is_replay
    both = joined([new, replay])
    of_replay = np.arange(replay.size) + new.size
    return both.taken(diffusion.merged(is_replay, of_replay, np.arange(new.size))), is_replay
