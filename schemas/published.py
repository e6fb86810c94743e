"""Mixtures that others have published: how much of what a model was trained on, and who says so."""

from __future__ import annotations

import math
import tomllib
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.shipped import shipped_text

# Percentages are printed rounded: LLaMA's add up to 100.0, others' are off by a few hundredths.
PERCENT_SLACK = 0.5


class Component(BaseModel):
    """One named part of a mixture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    figure: float = Field(
        gt=0.0, allow_inf_nan=False, description="As published, in the mixture's unit."
    )
    verified: bool = Field(description="Whether the figure was read in the source itself.")


class PublishedMixture(BaseModel):
    """A mixture as its authors print it, with where that is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", description="The file's name.")
    title: str = Field(min_length=1, description="What people call it.")
    source: str = Field(min_length=1, description="Paper or page that prints the figures.")
    status: Literal["published", "estimated", "unknown"] = Field(
        description="`published` by those who trained on it, `estimated` by others, or `unknown`."
    )
    unit: Literal["percent of tokens", "billion tokens"] = Field(
        description="What the figures count."
    )
    components: dict[str, Component] = Field(min_length=1, description="The parts, by name.")

    @model_validator(mode="after")
    def _percentages_make_a_whole(self) -> Self:
        total = self.total
        if self.unit == "percent of tokens" and abs(total - 100.0) > PERCENT_SLACK:
            raise ValueError(f"percentages add up to {total:g}, not 100: a figure is mistyped")
        return self

    @model_validator(mode="after")
    def _published_means_verified(self) -> Self:
        doubtful = sorted(n for n, c in self.components.items() if not c.verified)
        if self.status == "published" and doubtful:
            raise ValueError(
                f"{doubtful[0]!r} is not verified; read it in the source, or say status = estimated"
            )
        return self

    @property
    def total(self) -> float:
        """Sum of the figures, in the mixture's unit."""
        return math.fsum(c.figure for c in self.components.values())

    def shares(self) -> dict[str, float]:
        """Share of each component, in the order published; together 1 (to within 1e-9)."""
        return {name: c.figure / self.total for name, c in self.components.items()}


def published(name: str) -> PublishedMixture:
    """The published mixture of this name; ConfigError when none is shipped."""
    return PublishedMixture.model_validate(tomllib.loads(shipped_text("mixtures", name)))


def shares(name: str) -> dict[str, float]:
    """Token shares of a published mixture, by component; they sum to 1 (to within 1e-9)."""
    return published(name).shares()
