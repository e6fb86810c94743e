"""The recipe's section ``mixture``, and what budgets are reckoned from."""

from __future__ import annotations

from pydantic import Field

from schemas.masking import MaskingConfig
from schemas.recipe import Section
from schemas.replay import ReplayConfig


def is_absent(section: Section | None) -> bool:
    """Whether a section is left out, and so no part of a digest."""
    return section is None


class MixtureConfig(Section):
    """Replay and new data in one set of training shards."""

    replay_share: float = Field(
        ge=0.0,
        lt=1.0,
        description="Share of the training tokens that are replay, for example 0.05.",
    )
    total_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Training tokens in all: replay displaces new data (compute-equivalent replay, "
        "arXiv 2403.08763 §4.2). Without it: all new data, and replay comes on top.",
    )
    shard_mb: float = Field(
        default=64.0, gt=0, description="Megabytes (10^6 bytes) of text in a training shard, about."
    )
    row_group_mb: float = Field(
        default=16.0,
        gt=0,
        le=100,
        description="Megabytes (10^6 bytes) of text in a Parquet row group, at most "
        "(never less than one row).",
    )


class PoolConfig(Section):
    """How much of the replay sources is read: what the budget, and so its pool, is reckoned from.

    ``replay_tokens`` is what the recipe says itself; without it ``replay_per_new`` is how many go
    with each token of new data. ``valid_per_new`` are held out of replay with each token of it.
    """

    factor: float
    shares: dict[str, float]
    replay_tokens: int | None
    replay_per_new: float
    valid_per_new: float


class BudgetConfig(Section):
    """What budgets rest on: sections, the names of new sources, what is held out, the seed.

    ``masking`` is of it because tokens are counted as text is written; where there is none, digests
    know nothing of it.
    """

    replay: ReplayConfig | None
    mixture: MixtureConfig | None
    new: tuple[str, ...]
    valid_share: float
    seed: int
    masking: MaskingConfig | None = Field(default=None, exclude_if=is_absent)
