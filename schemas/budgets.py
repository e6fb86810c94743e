"""The recipe's section ``mixture``, and what budgets are reckoned from."""

from __future__ import annotations

import operator
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from schemas.masking import MaskingConfig
from schemas.recipe import Section, Share, is_absent, wrong
from schemas.replay import ReplayConfig

RowFormat = Literal["text", "messages", "tokens"]
MOST_REPLAY_EPOCHS: Final = 16
"""There a repeated token is worth two thirds of a fresh one (arXiv 2305.16264)."""


class ScheduleConfig(Section):
    """How the share of replay changes from the first row to the last; its mean is replay_share."""

    kind: Literal["constant", "ramp", "anneal", "heavy_start", "decay"] = Field(
        default="constant",
        description="`constant`: one share throughout. `ramp`: it changes evenly from `start`. "
        "`anneal`: over the final `part` it changes evenly to `end`. `heavy_start`: `start` over "
        "the first `part`. `decay`: in each of `steps` stretches `factor` times that of the one "
        "before (mix-review, EACL 2021).",
    )
    start: Share | None = Field(
        default=None, description="Share at the first row, of `ramp` and `heavy_start`."
    )
    end: Share | None = Field(default=None, description="Share at the last row, of `anneal`.")
    part: float | None = Field(
        default=None, gt=0.0, lt=1.0, description="Part of the rows, of `anneal`, `heavy_start`."
    )
    factor: float | None = Field(default=None, gt=0.0, le=1.0, description="Of `decay`.")
    steps: int | None = Field(default=None, ge=1, le=10_000, description="Of `decay`.")

    @model_validator(mode="after")
    def _keys_of_its_kind(self) -> Self:
        wanted = NEEDED[self.kind]
        given = {key for key in ("start", "end", "part", "factor", "steps") if getattr(self, key)
                 is not None}  # fmt: skip
        if given != set(wanted):
            raise wrong(
                "",
                got=f"kind = {self.kind!r} with {', '.join(sorted(given)) or 'nothing else'}",
                wanted=", ".join(wanted) or "nothing else",
                way_out="Give these keys and no others.",
            )
        return self


NEEDED: Final = {
    "constant": (),
    "ramp": ("start",),
    "anneal": ("end", "part"),
    "heavy_start": ("start", "part"),
    "decay": ("factor", "steps"),
}
"""Keys of each kind of schedule."""


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
    format: RowFormat = Field(
        default="text",
        description="What rows are. `text`: text, a conversation as its chat template renders it. "
        "`messages`: text, and conversations as their turns. `tokens`: `input_ids`, "
        "`attention_mask` and `labels` (-100 where nothing is learned), the only form in which all "
        "trainers mix text and conversations; each document ends with the end-of-text token.",
    )
    row_tokens: int | None = Field(
        default=None,
        ge=2,
        le=1_000_000,
        description="Pack documents into rows of this many tokens, none dropped and replay apart "
        'from new data (`format = "tokens"`). Without it a row is a document.',
    )
    epochs: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="How often new data is seen, each time in another order; written out.",
    )
    replay_epochs: int = Field(
        default=1,
        ge=1,
        le=MOST_REPLAY_EPOCHS,
        description="How often a replay document is seen: that much less has to be drawn. A token "
        "is worth nearly a fresh one up to 4 times, two thirds at 16 (arXiv 2305.16264), which is "
        "the most.",
    )
    max_doc_tokens: int | None = Field(
        default=None,
        ge=16,
        description="Longer documents are cut at paragraphs into passages of at most so many "
        "tokens, each drawn on its own.",
    )
    schedule: ScheduleConfig = Field(
        default_factory=ScheduleConfig, description="How the share of replay changes."
    )
    order: Literal["hashed", "dissimilar_first"] = Field(
        default="hashed",
        description="`hashed`: by seeded hash. `dissimilar_first`: new rows that are least like "
        "the replay (by hashed words) come first.",
    )
    guard: bool = Field(
        default=True,
        description="Look for what replay, new data and evaluation items have in common once more, "
        "whatever was deduplicated before: evaluation items win over all, new data over replay.",
    )
    max_refused_share: Share = Field(
        default=0.25,
        description="A run stops (exit 3) when the chat template refuses more than this share of "
        "the conversations that were looked at. Up to it they are left out, with the reason.",
    )

    @model_validator(mode="after")
    def _packs_tokens(self) -> Self:
        if self.row_tokens is not None and self.format != "tokens":
            raise wrong(
                "row_tokens",
                got=f"{self.row_tokens} with format = {self.format!r}",
                wanted='it with format = "tokens" only',
                way_out="Remove row_tokens: rows of text are documents.",
            )
        return self


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


class Condition(Section):
    """How the rows of a source are weighed and marked, as in C-RLFT (arXiv 2309.11235)."""

    source_class: str | None = None
    condition_prefix: str | None = None
    loss_weight: float = 1.0


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
    conditions: dict[str, Condition] = Field(default_factory=dict, exclude_if=operator.not_)
    chat_template: str | None = Field(default=None, exclude_if=operator.not_)
    """As the recipe names it; what it says is of the tokenizer's key."""
