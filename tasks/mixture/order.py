"""Which piece of which document stands in which row of a split. Pure.

A **row** is a document (or passage), or pieces of documents packed to one length. Rows of documents
follow the schedule by tokens: every prefix is within one longest document of it. Packed rows are of
one origin each and follow it by rows, exactly (:mod:`tasks.mixture.diffusion`); replay rows are of
one source each, in turn, except those of sources too small to fill :data:`FEWEST` rows, which share
theirs.

New data goes by seeded hash, in another order each epoch. Replay of the first epoch goes in the
order it was drawn, which keeps the shares of its sources at every prefix; later ones by hash within
each source, the sources in turn.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl

from schemas import columns as c
from tasks import budget
from tasks.hashing import seeded
from tasks.mixture import diffusion, packing, schedules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from schemas.config import MixtureConfig

    Numbers = NDArray[np.int64]

FEWEST: Final = 8
"""Rows that a source's tokens fill, from which on no other source is in them."""
DISTANCE: Final = "distance"
"""Column of new documents: how unlike the replay they are."""
PIECE: Final = "piece"
"""Column: the place of a piece in its row."""


class How(NamedTuple):
    """How a split is ordered: the recipe's section, the seed, and whether it is for training.

    What is held out is seen once, at one share.
    """

    config: MixtureConfig
    seed: int
    train: bool = True


def arranged(replay: pl.DataFrame, new: pl.DataFrame, how: How) -> pl.DataFrame:
    """Return pieces in the order of their rows: the frames' columns and some more.

    ``origin``, ``epoch``, ``position`` of the row, ``piece`` in it, ``token_start``, ``ends``; of a
    piece ``tokens`` and ``n_bytes`` are its own, and ``supervised_tokens`` stand at the first one
    of its document. ``replay`` is in drawing order.
    """
    packed = how.config.row_tokens
    side = _documents if packed is None else _packed
    old = [side(replay, e, how, origin="replay") for e in range(_epochs(how, origin="replay"))]
    fresh = [side(new, e, how, origin="new") for e in range(_epochs(how, origin="new"))]
    by = _by_tokens if packed is None else _by_rows
    return by(_joined(old), _joined(fresh), how)


def _epochs(how: How, *, origin: str) -> int:
    if not how.train:
        return 1
    return how.config.replay_epochs if origin == "replay" else how.config.epochs


def _joined(epochs: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All epochs of a side, the rows numbered through."""
    parts, before = [], 0
    for frame in epochs:
        parts.append(frame.with_columns(pl.col(c.POSITION) + before))
        before += frame[c.POSITION].n_unique()
    return pl.concat(parts)


def names(frame: pl.DataFrame) -> list[str]:
    """A name for each document or passage that no other of its epoch has."""
    place = pl.format("{}@{}", c.DOC_ID, c.START)
    whole = pl.when(pl.col(c.START).is_null()).then(c.DOC_ID).otherwise(place)
    return frame.select(whole.alias(c.DOC_ID))[c.DOC_ID].to_list()


def _distances(frame: pl.DataFrame, how: How, origin: str) -> NDArray[np.float64] | None:
    first = how.train and origin == "new" and how.config.order == "dissimilar_first"
    return frame[DISTANCE].to_numpy() if first else None


def _documents(frame: pl.DataFrame, epoch: int, how: How, *, origin: str) -> pl.DataFrame:
    """One epoch of a side, a row a document, in its order."""
    own = names(frame)
    if origin == "replay":
        order = np.arange(frame.height) if epoch == 0 else _in_turn(frame, own, epoch, how.seed)
    else:
        distances = _distances(frame, how, origin)
        order = diffusion.ordered(own, seed=how.seed, epoch=epoch, distances=distances)
    return frame[pl.Series(order, dtype=pl.UInt32)].with_columns(
        pl.lit(origin).alias(c.ORIGIN),
        pl.lit(epoch, pl.Int64).alias(c.EPOCH),
        pl.int_range(pl.len()).alias(c.POSITION),
        pl.lit(0, pl.Int64).alias(PIECE),
        pl.lit(0, pl.Int64).alias(c.TOKEN_START),
        pl.lit(how.config.format == "tokens").alias(c.ENDS),
    )


def _in_turn(frame: pl.DataFrame, own: list[str], epoch: int, seed: int) -> Numbers:
    """Documents by hash within each source, the sources as their shares have it at every prefix."""
    hashed = np.empty(frame.height, np.int64)
    hashed[diffusion.ordered(own, seed=seed, epoch=epoch)] = np.arange(frame.height)
    ordered = frame.select(c.SOURCE, c.TOKENS).with_columns(
        pl.Series("hashed", hashed), pl.int_range(pl.len()).alias("at")
    )
    ordered = ordered.sort(c.SOURCE, "hashed")
    middle = pl.col(c.TOKENS).cum_sum() - pl.col(c.TOKENS) / 2
    through = (middle / pl.col(c.TOKENS).sum()).over(c.SOURCE)
    places: Numbers = ordered.sort(through, c.SOURCE, "hashed")["at"].to_numpy()
    return places


def _by_tokens(old: pl.DataFrame, fresh: pl.DataFrame, how: How) -> pl.DataFrame:
    """Lay rows of documents out by tokens, as the schedule has it."""
    sizes = old[c.TOKENS].to_list(), fresh[c.TOKENS].to_list()
    n_old, total = sum(sizes[0]), sum(map(sum, sizes))
    if how.train and how.config.schedule.kind != "constant" and total:
        wanted = scheduled(how.config, total, Fraction(n_old, total))
        is_replay = budget.interleave(*sizes, schedules.reached(wanted))
    else:
        is_replay = budget.interleave(*sizes, n_old / max(1, total))
    return _placed(old, fresh, is_replay)


def _by_rows(old: pl.DataFrame, fresh: pl.DataFrame, how: How) -> pl.DataFrame:
    """Lay packed rows out by error diffusion."""
    n_old, n_new = old[c.POSITION].n_unique(), fresh[c.POSITION].n_unique()
    share = Fraction(n_old, max(1, n_old + n_new))
    if how.train:
        wanted = scheduled(how.config, n_old + n_new, share)
    else:
        wanted = diffusion.constant(n_old + n_new, share)
    return _placed(old, fresh, diffusion.is_replay(wanted))


def scheduled(config: MixtureConfig, rows: int, share: Fraction) -> diffusion.Schedule:
    """Return the recipe's schedule over so many rows (or tokens), of which a share is replay."""
    asked = diffusion.written(config.replay_share)
    return schedules.schedule(config.schedule, rows, asked=asked, share=share)


def _placed(old: pl.DataFrame, fresh: pl.DataFrame, is_replay: NDArray[np.bool_]) -> pl.DataFrame:
    parts = []
    for frame, own in ((old, is_replay), (fresh, ~is_replay)):
        at = pl.Series(c.POSITION, np.flatnonzero(own), dtype=pl.Int64)
        parts.append(frame.with_columns(at.gather(frame[c.POSITION])))
    both = pl.concat(parts, how="diagonal")
    return both.sort(c.POSITION, PIECE)


def _packed(frame: pl.DataFrame, epoch: int, how: How, *, origin: str) -> pl.DataFrame:
    """One epoch of a side, packed; ``position`` counts its rows in their order."""
    own, size = names(frame), how.config.row_tokens or 0
    lengths = frame[c.TOKENS].to_numpy()
    groups = _groups(frame, size) if origin == "replay" else np.zeros(frame.height, np.int64)
    priority = seeded(own, seed=how.seed, stage=f"mixture packing of epoch {epoch}")
    made = packing.pack(packing.Documents(lengths, groups, priority), size)
    ids = packing.row_ids(made, own)
    distances = _distances(frame, how, origin)
    if distances is not None:
        distances = packing.row_means(made, distances)
    order = diffusion.ordered(ids, seed=how.seed, epoch=epoch, distances=distances)
    if origin == "replay":
        order = _strata(made.groups, order)
    position = np.empty(made.rows, np.int64)
    position[order] = np.arange(made.rows)
    placed = pieces(made, position)
    whole = frame[pl.Series(made.documents, dtype=pl.UInt32)]
    part = placed[c.TOKENS] / whole[c.TOKENS].clip(1)
    return whole.with_columns(
        pl.lit(origin).alias(c.ORIGIN),
        pl.lit(epoch, pl.Int64).alias(c.EPOCH),
        *placed,
        (pl.col(c.N_BYTES) * part).round().cast(pl.Int64).alias(c.N_BYTES),
        pl.when(placed[c.TOKEN_START] == 0).then(c.SUPERVISED).otherwise(0).alias(c.SUPERVISED),
    )


def pieces(made: packing.Packing, position: Numbers) -> pl.DataFrame:
    """Return where the pieces of a packing stand, in its order; ``position``: of each of its rows.

    Columns ``position``, ``piece``, ``token_start``, ``ends`` and ``tokens``.
    """
    of_row = np.repeat(np.arange(made.rows), np.diff(made.offsets))
    ends = made.ends > made.lengths[made.documents]
    return pl.DataFrame(
        {
            c.POSITION: position[of_row],
            PIECE: np.arange(len(of_row)) - made.offsets[of_row],
            c.TOKEN_START: made.starts,
            c.ENDS: ends,
            c.TOKENS: made.ends - made.starts - ends,
        },
        schema_overrides={c.POSITION: pl.Int64, PIECE: pl.Int64},
    )


def _groups(frame: pl.DataFrame, size: int) -> Numbers:
    """A number for each source that fills rows enough, and 0 for the others together."""
    totals = frame.group_by(c.SOURCE).agg(pl.col(c.TOKENS).sum()).sort(c.SOURCE)
    large = totals.filter(pl.col(c.TOKENS) >= FEWEST * size)[c.SOURCE].to_list()
    numbers = {source: number for number, source in enumerate(large, start=1)}
    found: Numbers = frame[c.SOURCE].replace_strict(
        numbers, default=0, return_dtype=pl.Int64
    ).to_numpy()  # fmt: skip
    return found


def _strata(groups: Numbers, order: Numbers) -> Numbers:
    """Rows of all groups in turn, by what each has of them; within a group as ``order`` says."""
    present, counts = np.unique(groups, return_counts=True)
    found = np.empty(len(order), np.int64)
    in_turn = diffusion.strata(counts.tolist())
    for number, group in enumerate(present.tolist()):
        found[in_turn == number] = order[groups[order] == group]
    return found
