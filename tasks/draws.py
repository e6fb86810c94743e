"""What a recipe's budgets come to: the new data drawn, the replay tokens wanted, the replay drawn.

Both flows that deal in budgets call these; counts are kept on disk, so the second call is cheap.
"""

from __future__ import annotations

import contextlib
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import polars as pl

from schemas import columns as c
from schemas.errors import BudgetError, ManifestError
from tasks import budget, kept, ledger
from tasks.budget import Budget
from tasks.counting import Counting, count_up_to
from tasks.select import TRAIN, VALID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.config import BudgetConfig, MixtureConfig
    from tasks.encoding import Encoder

POOLED = "new"
ALL = {POOLED: 1.0}


def documents(config: BudgetConfig, encoder: Encoder, out: str) -> pl.DataFrame:
    """Return the kept documents that budgets are drawn from, with what was counted of them."""
    return kept.load(out, seed=config.seed, encoder_digest=encoder.digest, masking=config.masking)


def new_data(
    frame: pl.DataFrame, config: BudgetConfig, *, encoder: Encoder, out: str
) -> pl.DataFrame:
    """Draw new data for training and validation, counted, in drawing order.

    Without ``total_tokens`` all of it; else what replay leaves of the total (and of held-out
    documents a part in proportion). All sources of new data are drawn from as one.
    """
    pool = frame.filter(pl.col(c.RECIPE_SOURCE).is_in(config.new))
    by = Counting.of(config, encoder, out)
    names = pool.select(c.SHARD, c.ROW, c.SOURCE)
    pool = pool.with_columns(pl.lit(POOLED).alias(c.SOURCE))
    drawn = []
    for split in (TRAIN, VALID):
        part, target = pool.filter(pl.col(c.SPLIT) == split), _new_target(config, split)
        wanted = Budget(ALL, math.inf if target is None else target, at_least_one=split == VALID)
        part = count_up_to(part, wanted, by=by)
        if config.mixture is not None and target is not None and split == TRAIN:
            _check_new(part, target, config.mixture)
        drawn.append(budget.in_order(part) if target is None else budget.draw(part, wanted))
        if target is not None and split == TRAIN:
            _check_any(drawn[-1], part, target)
    pooled = pl.concat(drawn).drop(c.SOURCE)
    return pooled.join(names, on=[c.SHARD, c.ROW], how="left", maintain_order="left")


def _new_target(config: BudgetConfig, split: str) -> int | None:
    if config.mixture is None or config.mixture.total_tokens is None:
        return None
    train = once(config.mixture, 0)["new"]
    return train if split == TRAIN else max(1, _held_out(train, config.valid_share))


def _held_out(train: int, valid_share: float) -> int:
    return round(train * valid_share / (1.0 - valid_share)) if valid_share < 1.0 else train


def _check_new(part: pl.DataFrame, target: int, mixture: MixtureConfig) -> None:
    have = int(part[c.TOKENS].sum())
    if have < target and not part[c.TOKENS].is_null().any():
        fits = math.floor(have * mixture.epochs / (1 - Fraction(mixture.replay_share)))
        raise BudgetError(
            "mixture.total_tokens",
            got=f"{have:,} tokens of new data after dedup and selection",
            wanted=f"{target:,} tokens of new data",
            way_out=f"At this share {fits:,} tokens in all would fit: lower mixture.total_tokens, "
            "remove it to take all new data there is, or raise mixture.epochs to repeat it.",
        )


def _check_any(drawn: pl.DataFrame, part: pl.DataFrame, target: int) -> None:
    """Whole documents only: a budget of a few tokens may have no room for any."""
    if drawn.is_empty():
        first = budget.in_order(part.drop_nulls(c.TOKENS))[c.TOKENS].head(1)
        raise BudgetError(
            "mixture.total_tokens",
            got=f"{target:,} for new data, whose first document has {first.sum():,} tokens",
            wanted="room for one document at least",
            way_out="Raise mixture.total_tokens, or cut documents with mixture.max_doc_tokens.",
        )


def replay_targets(config: BudgetConfig, new: pl.DataFrame) -> dict[str, int]:
    """Replay tokens wanted in training and validation.

    In training what the recipe says: ``target_tokens``, the share of ``total_tokens``, or the share
    beside all new data. In validation as many tokens as new data holds out, because forgetting is
    read there and a share of 1 % would leave nothing to read it from.
    """
    train, valid = (int(new.filter(pl.col(c.SPLIT) == s)[c.TOKENS].sum()) for s in (TRAIN, VALID))
    wanted = 0 if config.mixture is None else once(config.mixture, train)["replay"]
    if config.replay is not None and config.replay.target_tokens is not None:
        wanted = config.replay.target_tokens
    return {TRAIN: wanted, VALID: valid or _held_out(wanted, config.valid_share)}


def asked(mixture: MixtureConfig, new_tokens: int) -> dict[str, int]:
    """Training tokens that the share asks for, however often they are seen.

    Of ``total_tokens``, or beside all new data, of which there are ``new_tokens``.
    """
    share = mixture.replay_share
    if mixture.total_tokens is not None:
        return budget.hamilton(mixture.total_tokens, {"replay": share, "new": 1.0 - share})
    seen = new_tokens * mixture.epochs
    return {"replay": round(seen * share / (1.0 - share)), "new": seen}


def once(mixture: MixtureConfig, new_tokens: int) -> dict[str, int]:
    """Tokens that have to be drawn for what is asked: each is seen once an epoch of its side."""
    wanted = asked(mixture, new_tokens)
    new = new_tokens if mixture.total_tokens is None else round(wanted["new"] / mixture.epochs)
    return {"replay": round(wanted["replay"] / mixture.replay_epochs), "new": new}


def replay_for_mixture(
    drawn: pl.DataFrame, mixture: MixtureConfig, new: pl.DataFrame
) -> pl.DataFrame:
    """The part of a drawn replay shard that the mixture's share asks for, in drawing order.

    Every prefix of a draw has the shares of the whole, so a shard larger than needed (its own
    ``target_tokens`` says so) is cut. Raises :class:`BudgetError` when it is too small.
    """
    train, rest = (drawn.filter((pl.col(c.SPLIT) == TRAIN) == flag) for flag in (True, False))
    new_tokens = int(new.filter(pl.col(c.SPLIT) == TRAIN)[c.TOKENS].sum())
    wanted = once(mixture, new_tokens)["replay"]
    if wanted == 0:
        return rest  # nothing is replayed, and forgetting is measured all the same
    sizes = train[c.TOKENS].to_numpy()
    have, largest = int(sizes.sum()), int(sizes.max(initial=0))
    if not have:
        raise _no_room(wanted)
    if have + largest < wanted:
        raise BudgetError(
            "replay.target_tokens",
            got=f"a replay shard of {have:,} tokens",
            wanted=f"{wanted:,} for mixture.replay_share = {mixture.replay_share:g}",
            way_out="Raise replay.target_tokens, or remove it so that the share alone decides.",
        )
    return pl.concat([_cut(train, wanted), rest])


def _no_room(wanted: int) -> BudgetError:
    """Whole documents only: a replay shard of a few tokens has room for none."""
    return BudgetError(
        "mixture.replay_share",
        got=f"{wanted:,} replay tokens, and a replay shard in which no document had room",
        wanted="room for one document at least",
        way_out="Raise mixture.total_tokens or replay_share (or replay.target_tokens, where it is "
        "set), cut documents with mixture.max_doc_tokens, or replay nothing (replay_share = 0).",
    )


def _cut(train: pl.DataFrame, wanted: int) -> pl.DataFrame:
    """The first rows of a draw, for ``wanted`` tokens; all of them if fewer come no nearer."""
    have = int(train[c.TOKENS].sum())
    last = int(train[c.TOKENS].tail(1).sum())
    if have <= wanted or have - wanted <= last / 2:
        return train
    in_turn = train.with_columns(
        pl.lit(POOLED).alias(c.SOURCE), pl.int_range(pl.len()).alias(budget.PRIORITY)
    )
    chosen = budget.draw(in_turn, Budget(ALL, wanted))[budget.PRIORITY]
    return train[pl.Series(chosen, dtype=pl.UInt32)]


def replay(
    frame: pl.DataFrame,
    config: BudgetConfig,
    targets: dict[str, int],
    *,
    encoder: Encoder,
    out: str,
) -> pl.DataFrame:
    """Draw the replay shard at the recipe's shares: training rows first, in drawing order.

    Raises :class:`BudgetError` when a source cannot fill its part of the training rows. Of held-out
    documents each source gives its part as far as it goes, and one document at least.
    """
    shares = {} if config.replay is None else config.replay.shares
    wanted_sources = [source for source, share in shares.items() if share > 0]
    old = ~pl.col(c.RECIPE_SOURCE).is_in(config.new)
    pool = frame.filter(old & pl.col(c.SOURCE).is_in(wanted_sources))
    train, valid = (pool.filter(pl.col(c.SPLIT) == split) for split in (TRAIN, VALID))
    wanted = Budget(shares, targets[TRAIN])
    by = Counting.of(config, encoder, out)
    train = count_up_to(train, wanted, by=by)
    try:
        budget.check(train, wanted, where="replay.shares")
    except BudgetError as error:
        raise _of_a_part(error, out) from error
    drawn = [budget.draw(train, wanted)]
    for source, part in sorted(budget.hamilton(targets[VALID], shares).items()):
        own, alone = (
            valid.filter(pl.col(c.SOURCE) == source),
            Budget({source: 1.0}, part or 1, at_least_one=True),
        )
        own = count_up_to(own, alone, by=by)
        drawn.append(budget.draw(own, alone))
    return pl.concat(drawn)


def _of_a_part(error: BudgetError, out: str) -> BudgetError:
    """The same error; where only a part of a source was read, more of it is a way out too."""
    sources: dict[str, Any] = {}
    with contextlib.suppress(ManifestError):
        sources = ledger.read(out, "ingest").details["sources"]
    parts = [name for name, counts in sources.items() if "sample" in counts]
    if not parts:
        return error
    more = f" Of {', '.join(map(repr, parts))} only a part was read: raise replay.pool_factor, or "
    way_out = f"{error.way_out}{more}the source's own sample."
    return BudgetError(error.where, got=error.got, wanted=error.wanted, way_out=way_out)


def achieved(
    drawn: pl.DataFrame, shares: Mapping[str, float], target: int
) -> dict[str, dict[str, Any]]:
    """For each source: its share, tokens asked and drawn in training, documents, held-out ones."""
    asked_of = budget.hamilton(target, shares)
    outcome: dict[str, dict[str, Any]] = {}
    for source, share in shares.items():
        own = drawn.filter(pl.col(c.SOURCE) == source)
        outcome[source] = {"share": share, "asked_tokens": asked_of[source], **of_source(own)}
    return outcome


def of_source(own: pl.DataFrame) -> dict[str, int]:
    """Tokens and documents, in training and held out, of what was drawn of a source."""
    train, valid = (own.filter(pl.col(c.SPLIT) == s) for s in (TRAIN, VALID))
    return {
        "tokens": int(train[c.TOKENS].sum()),
        "documents": train[c.DOC_ID].n_unique(),
        "valid_tokens": int(valid[c.TOKENS].sum()),
        "valid_documents": valid[c.DOC_ID].n_unique(),
    }
