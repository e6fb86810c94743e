"""What a recipe's budgets come to: the new data drawn, the replay tokens wanted, the replay drawn.

Both flows that deal in budgets call these; counts are kept on disk, so the second call is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from schemas import columns as c
from schemas.errors import BudgetError
from tasks import budget, kept
from tasks.select import TRAIN, VALID

if TYPE_CHECKING:
    from schemas.config import BudgetConfig, MixtureConfig
    from tokenizers import Tokenizer

POOLED = "new"


def new_data(
    frame: pl.DataFrame, config: BudgetConfig, *, tokenizer: Tokenizer, out: str
) -> pl.DataFrame:
    """Draw new data for training and validation, counted, in drawing order.

    Without ``total_tokens`` all of it; else what replay leaves of the total (and of held-out
    documents a part in proportion). All sources of new data are drawn from as one.
    """
    pool = frame.filter(pl.col(c.SOURCE).is_in(config.new))
    names = pool.select(c.SHARD, c.ROW, c.SOURCE)
    pool = pool.with_columns(pl.lit(POOLED).alias(c.SOURCE))
    drawn = []
    for split in (TRAIN, VALID):
        part, target = pool.filter(pl.col(c.SPLIT) == split), _new_target(config, split)
        limit = float("inf") if target is None else float(target)
        part = kept.count_up_to(part, {POOLED: limit}, tokenizer=tokenizer, out=out)
        if target is not None and split == TRAIN:
            _check_new(part, target)
        drawn.append(budget.draw(part, {POOLED: 1.0}, _as_target(part, target)))
    pooled = pl.concat(drawn).drop(c.SOURCE)
    return pooled.join(names, on=[c.SHARD, c.ROW], how="left", maintain_order="left")


def _as_target(part: pl.DataFrame, target: int | None) -> int:
    return int(part[c.TOKENS].sum() or 0) if target is None else target


def _new_target(config: BudgetConfig, split: str) -> int | None:
    if config.mixture is None or config.mixture.total_tokens is None:
        return None
    train = asked(config.mixture, 0)["new"]
    return train if split == TRAIN else _held_out(train, config.valid_share)


def _held_out(train: int, valid_share: float) -> int:
    return round(train * valid_share / (1.0 - valid_share)) if valid_share < 1.0 else train


def _check_new(part: pl.DataFrame, target: int) -> None:
    have = int(part[c.TOKENS].sum() or 0)
    if have < target:
        raise BudgetError(
            "mixture.total_tokens",
            got=f"{have:,} tokens of new data after dedup and selection",
            wanted=f"{target:,} tokens of new data",
            way_out="Lower mixture.total_tokens, or remove it to take all new data there is.",
        )


def replay_targets(config: BudgetConfig, new: pl.DataFrame) -> dict[str, int]:
    """Replay tokens wanted in training and validation.

    In training what the recipe says: ``target_tokens``, the share of ``total_tokens``, or the share
    beside all new data. In validation as many tokens as new data holds out, because forgetting is
    read there and a share of 1 % would leave nothing to read it from.
    """
    train, valid = (int(new.filter(pl.col(c.SPLIT) == s)[c.TOKENS].sum()) for s in (TRAIN, VALID))
    wanted = 0 if config.mixture is None else asked(config.mixture, train)["replay"]
    if config.replay is not None and config.replay.target_tokens is not None:
        wanted = config.replay.target_tokens
    return {TRAIN: wanted, VALID: valid or _held_out(wanted, config.valid_share)}


def asked(mixture: MixtureConfig, new_tokens: int) -> dict[str, int]:
    """Training tokens that the share asks for: of ``total_tokens``, or beside all new data."""
    share = mixture.replay_share
    if mixture.total_tokens is not None:
        return budget.hamilton(mixture.total_tokens, {"replay": share, "new": 1.0 - share})
    return {"replay": round(new_tokens * share / (1.0 - share)), "new": new_tokens}


def replay_for_mixture(
    drawn: pl.DataFrame, mixture: MixtureConfig, new: pl.DataFrame
) -> pl.DataFrame:
    """The part of a drawn replay shard that the mixture's share asks for, in drawing order.

    Every prefix of a draw has the shares of the whole, so a shard larger than needed (its own
    ``target_tokens`` says so) is cut. Raises :class:`BudgetError` when it is too small.
    """
    train, rest = (drawn.filter((pl.col(c.SPLIT) == TRAIN) == flag) for flag in (True, False))
    new_tokens = int(new.filter(pl.col(c.SPLIT) == TRAIN)[c.TOKENS].sum())
    wanted = asked(mixture, new_tokens)["replay"]
    if wanted == 0:
        return rest if mixture.replay_share else drawn.clear()
    total = train[c.TOKENS].cum_sum()
    have, largest = int(train[c.TOKENS].sum()), int(train[c.TOKENS].max() or 0)
    if have + largest < wanted:
        raise BudgetError(
            "replay.target_tokens",
            got=f"a replay shard of {have:,} tokens",
            wanted=f"{wanted:,} for mixture.replay_share = {mixture.replay_share:g}",
            way_out="Raise replay.target_tokens, or remove it so that the share alone decides.",
        )
    ends = int(((total - wanted).abs()).arg_min() or 0) + 1
    return pl.concat([train.head(ends), rest])


def replay(
    frame: pl.DataFrame,
    config: BudgetConfig,
    targets: dict[str, int],
    *,
    tokenizer: Tokenizer,
    out: str,
) -> pl.DataFrame:
    """Draw the replay shard at the recipe's shares: training rows first, in drawing order.

    Raises :class:`BudgetError` when a source cannot fill its part of the training rows. Of held-out
    documents each source gives its part as far as it goes, and one document at least.
    """
    shares = {} if config.replay is None else config.replay.shares
    pool = frame.filter(pl.col(c.SOURCE).is_in(list(shares)))
    train = pool.filter(pl.col(c.SPLIT) == TRAIN)
    parts = {k: float(v) for k, v in budget.hamilton(targets[TRAIN], shares).items()}
    train = kept.count_up_to(train, parts, tokenizer=tokenizer, out=out)
    budget.check(train, shares, targets[TRAIN], where="replay.shares")
    drawn = [budget.draw(train, shares, targets[TRAIN])]
    valid = pool.filter(pl.col(c.SPLIT) == VALID)
    parts = {k: float(v) for k, v in budget.hamilton(targets[VALID], shares).items()}
    valid = kept.count_up_to(valid, parts, tokenizer=tokenizer, out=out)
    drawn += [_held_out_of(valid, source, parts[source]) for source in sorted(shares)]
    return pl.concat(drawn)


def _held_out_of(valid: pl.DataFrame, source: str, part: float) -> pl.DataFrame:
    own = valid.filter((pl.col(c.SOURCE) == source) & pl.col(c.TOKENS).is_not_null())
    own = budget.in_order(own)
    return own.filter(own[c.TOKENS].cum_sum() - own[c.TOKENS] < max(part, 1.0))
