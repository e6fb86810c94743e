"""How a model is trained on a mixture, where a run stands, and what it says step by step."""

from __future__ import annotations

from typing import Any, Final, Literal, Self

import pyarrow as pa
from pydantic import Field, model_validator

from schemas.manifest import Frozen
from schemas.recipe import Section, Share, wrong

Kind = Literal["cosine", "infinite", "constant"]
Precision = Literal["float32", "bf16"]


class RateConfig(Section):
    """Learning rate by step (:mod:`tasks.training.rates`). Shares are of all steps."""

    schedule: Kind = Field(
        default="cosine",
        description="`cosine`: up to the peak and down to the floor; `infinite`: four phases "
        "(arXiv 2403.08763, section 6), of which more data goes on from the end of the third; "
        "`constant`: up to the peak.",
    )
    peak: float = Field(default=3e-4, gt=0, description="Highest rate.")
    floor_share: Share = Field(default=0.1, description="Last rate, as a share of the peak.")
    warm_up: Share = Field(default=0.01, description="Share of the steps in which it rises.")
    constant_share: Share = Field(
        default=0.5,
        gt=0,
        description="`infinite`: rate of the third phase, as a share of the peak.",
    )
    cool_down: Share = Field(default=0.3, description="`infinite`: share of steps of phase two.")
    cooling: Literal["cosine", "inverse_sqrt"] = Field(
        default="cosine", description="`infinite`: how it falls to the constant rate."
    )
    alpha: float = Field(default=10.0, gt=0, description="`inverse_sqrt`: the larger, the steeper.")
    anneal: Share = Field(default=0.1, description="`infinite`: share of steps of the last phase.")

    @model_validator(mode="after")
    def _phases(self) -> Self:
        if self.schedule == "infinite" and self.warm_up + self.cool_down + self.anneal > 1:
            raise wrong(
                "rates",
                got=f"phases of {self.warm_up + self.cool_down + self.anneal:.0%} of the steps",
                wanted="warm_up + cool_down + anneal of 100 % at most",
                way_out="Make one of them shorter; the rest is the constant phase.",
            )
        if self.schedule == "infinite" and not self.floor_share:
            raise wrong(
                "rates.floor_share",
                got="0",
                wanted="more than 0: the last phase falls by a factor",
                way_out="Set it to 0.1, for example.",
            )
        return self


class LoraConfig(Section):
    """Low-rank adapters (arXiv 2106.09685) beside the linear layers, which stay as they are."""

    rank: int = Field(default=16, ge=1, description="Rank of the adapters.")
    alpha: float = Field(default=32.0, gt=0, description="They are scaled by alpha / rank.")
    dropout: Share = Field(default=0.0, description="Of what goes into them.")


class TrainConfig(Section):
    """What a run's numbers depend on, beside the model and the mixture."""

    batch_rows: int = Field(default=8, ge=1, description="Rows that go through the model at once.")
    accumulation: int = Field(default=1, ge=1, description="Batches of a step.")
    epochs: int = Field(default=1, ge=1, description="Passes over the mixture.")
    max_steps: int | None = Field(default=None, ge=1, description="Stop there; the schedule ends.")
    rates: RateConfig = RateConfig()
    weight_decay: float = Field(default=0.1, ge=0, description="Of matrices; vectors have none.")
    beta1: float = Field(default=0.9, ge=0, lt=1, description="AdamW.")
    beta2: float = Field(default=0.95, ge=0, lt=1, description="AdamW.")
    clip_norm: float = Field(default=1.0, gt=0, description="Longest gradient; others are cut.")
    precision: Precision = Field(
        default="float32", description="`bf16`: products in half precision (autocast)."
    )
    neftune_alpha: float = Field(
        default=0.0, ge=0, description="Noise on embeddings (arXiv 2310.05914): 5 to 15, 0 is none."
    )
    loss_weights: bool = Field(
        default=True, description="Weigh tokens by the mixture's column `loss_weight` (C-RLFT)."
    )
    isolate: bool = Field(
        default=False, description="Packed rows: a document does not see the one before it."
    )
    checkpointing: bool = Field(
        default=False, description="Compute activations again, which takes time and less memory."
    )
    lora: LoraConfig | None = Field(default=None, description="Train adapters only.")
    seed: int = Field(default=0, ge=0, description="Of noise, dropout, adapters, a fresh model.")

    @property
    def step_rows(self) -> int:
        """Rows of a step."""
        return self.batch_rows * self.accumulation


class TrainKey(Frozen):
    """What a run rests on: digests of the settings, of the mixture and of the model's files."""

    config: str
    mixture: str
    model: str


class TrainState(Frozen):
    """``state.json``: where a run stood; ``files`` are the digests of those beside it.

    ``reader``: what :meth:`tasks.reader.Reader.load_state_dict` takes.
    """

    version: int = 1
    step: int
    reader: dict[str, Any]
    key: TrainKey
    files: dict[str, str]


CURVE: Final = pa.schema(
    [
        pa.field("step", pa.int64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("learned_tokens", pa.int64(), nullable=False),
        pa.field("rate", pa.float64(), nullable=False),
        pa.field("loss", pa.float64()),
        pa.field("weighted_loss", pa.float64(), nullable=False),
        pa.field("replay_loss", pa.float64()),
        pa.field("new_loss", pa.float64()),
        pa.field("grad_norm", pa.float64(), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False),
    ]
)
"""A row a step, from 1. ``tokens``: seen so far, padding not counted; ``learned_tokens``: of this
step. Losses are nats a learned token, before the step: of all, weighted (what is minimised), of
replay rows and of new ones (null where there are none). ``seconds``: since the run was started."""


class Trained(Frozen):
    """``training.json``: a run that is done. ``last``: the curve's last row.

    ``resumed_at``: the step that it last went on from; ``base``: a folder, or a shape's name.
    """

    key: TrainKey
    config: TrainConfig
    mixture: str
    base: str
    model: str
    steps: int
    resumed_at: int
    rows: int
    tokens: int
    parameters: int
    trained_parameters: int
    device: str
    last: dict[str, float | int | None]
