"""Advice about how much replay: what it rests on, what it says, and what speaks against it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MOST_LOSS: Final = 1_000.0
"""Nats a token: who guesses among a million tokens loses 14."""


class Shift(StrEnum):
    """How far new data is from old: the same kinds of text, another kind, another language."""

    WEAK = "weak"
    DOMAIN = "domain"
    LANGUAGE = "language"


class Frozen(BaseModel):
    """Immutable, and refusing keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Pilot(Frozen):
    """A short training run: its share of replay, and its losses at the end, in nats a token."""

    replay_share: float = Field(ge=0.0, lt=1.0)
    old_loss: float = Field(gt=0.0, le=MOST_LOSS)
    new_loss: float | None = Field(default=None, gt=0.0, le=MOST_LOSS)

    @field_validator("replay_share", mode="before")
    @classmethod
    def _percent(cls, value: object) -> object:
        if isinstance(value, str) and value.strip().endswith("%"):
            return float(value.strip()[:-1]) / 100
        return value


class Measured(Frozen):
    """The distance between new data and replay, and what chance makes of it."""

    features: int = Field(description="Words and pairs of words that were counted of each side.")
    documents: tuple[int, int] = Field(description="Documents of new data and of replay.")
    js: float = Field(description="Jensen-Shannon divergence of hashed 1+2-grams, bits, 0 to 1.")
    floor: float = Field(description="That of replay against itself, split by document.")
    language_tv: float = Field(description="Total variation of languages by bytes, 0 to 1.")
    shift: Shift | None = Field(description="None where there is too little text to tell.")
    rule: str = Field(description="How the shift was told from these.")

    @property
    def ratio(self) -> float:
        """The divergence in floors."""
        return self.js / self.floor if self.floor else float("inf")


class Curve(Frozen):
    """Rise of the old loss by share of replay, f0 / (1 + (r / k)^c), and what the new loss pays.

    ``cost``: the new loss is higher by ``-cost log(1 - r)``; None where it was not measured.
    """

    name: str
    f0: float = Field(ge=0.0, description="Rise without replay, nats a token.")
    k: float = Field(gt=0.0, description="Share of replay that halves it.")
    c: float = Field(gt=0.0)
    cost: float | None
    over: float = Field(description="The old loss that rises are counted over.")
    points: int
    error: float | None = Field(description="Root mean square of what it is off by, where known.")
    basis: str
    lowest: float = Field(gt=0.0, description="Least share of replay that it was fitted to, not 0.")
    highest: float = Field(gt=0.0, lt=1.0, description="Greatest share that it was fitted to.")

    def rise(self, share: float) -> float:
        """Return the rise of the old loss at a share of replay."""
        return float(self.f0 / (1 + (share / self.k) ** self.c))

    def least(self, tolerance: float) -> float | None:
        """Return the least share whose rise is within a tolerance; None below 100 % there is none.

        0 where the rise is within it without replay.
        """
        if self.f0 <= tolerance:
            return 0.0
        left = self.f0 / tolerance - 1
        if left >= self.k**-self.c:  # asked first: its root may be no number of this machine
            return None
        share = self.k * left ** (1 / self.c)
        return share if share < 1 else None


class Repetition(Frozen):
    """How often replay would be seen, and what that is worth (Muennighoff et al. 2305.16264)."""

    wanted: int = Field(description="Tokens of replay that the share asks for.")
    unique: int = Field(ge=1, description="Tokens of replay that there are.")
    epochs: float
    worth: float = Field(description="What a repeated token is worth beside a fresh one, 0 to 1.")
    cap: float = Field(description="Share of replay at which the most epochs allowed are reached.")


class Advice(Frozen):
    """How much replay. ``share``: None where nothing reaches the tolerance."""

    shift: Shift | None
    measured: Measured | None
    prior: float | None
    tolerance: float | None
    curves: tuple[Curve, ...]
    share: float | None
    because: str
    repetition: Repetition | None
    warnings: tuple[str, ...]

    @model_validator(mode="after")
    def _share_is_one(self) -> Self:
        if self.share is not None and not 0 <= self.share < 1:
            raise ValueError(f"a share of replay is 0 or more and less than 1, not {self.share}")
        return self
