"""Mixtures that others have published: how much of what a model was trained on, and who says so."""

from __future__ import annotations

import math
import tomllib
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.shipped import shipped_text

# Percentages are printed rounded: LLaMA's add up to 100.0, others' are off by a few hundredths.
PERCENT_SLACK = 0.5


class OpenSource(BaseModel):
    """Where text of a component can be had: a dataset of the Hugging Face Hub, or none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hub: str | None = Field(
        default=None, pattern=r"^[\w.-]+/[\w.-]+$", description="The dataset: owner/name."
    )
    subset: str | None = Field(default=None, description="Its configuration.")
    split: str = Field(default="train", description="Its split.")
    text_field: str = Field(default="text", description="The field that holds the text.")
    set_field: str | None = Field(
        default=None, description="Where a dataset holds several components: the field that tells."
    )
    set_name: str | None = Field(default=None, description="What that field says of this one.")
    license: str | None = Field(
        default=None, description="Licence (SPDX) of the dataset; documents may have their own."
    )
    stand_in: bool = Field(
        default=False, description="Whether it is other text of the same kind, not the component."
    )
    verified: bool = Field(
        default=False, description="Whether the dataset was seen in its owners' or readers' words."
    )
    note: str = Field(default="", description="What to mind; without a dataset, why there is none.")

    @model_validator(mode="after")
    def _a_dataset_or_a_reason(self) -> Self:
        if self.hub is None and (self.subset or self.set_field or self.license or not self.note):
            raise ValueError("without hub there is a note alone, which says why there is none")
        if (self.set_field is None) != (self.set_name is None):
            raise ValueError("set_field and set_name go together")
        return self


class Component(BaseModel):
    """One named part of a mixture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    figure: float = Field(
        gt=0.0, allow_inf_nan=False, description="As published, in the mixture's unit."
    )
    rate: float = Field(
        default=1.0,
        gt=0.0,
        allow_inf_nan=False,
        description="Times that it was sampled: .5 for half of it, 2 for all of it twice.",
    )
    verified: bool = Field(description="Whether the figure was read in the source itself.")
    open: OpenSource | None = Field(default=None, description="Where such text can be had.")


class PublishedMixture(BaseModel):
    """A mixture as its authors print it, with where that is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", description="The file's name.")
    title: str = Field(min_length=1, description="What people call it.")
    source: str = Field(min_length=1, description="Paper or page that prints the figures.")
    status: Literal["published", "estimated", "unknown"] = Field(
        description="`published` by those who trained on it, `estimated` by others, or `unknown`."
    )
    unit: Literal["percent of tokens", "percent of bytes", "billion tokens"] = Field(
        description="What the figures count."
    )
    note: str = Field(default="", description="What to mind of the figures.")
    components: dict[str, Component] = Field(min_length=1, description="The parts, by name.")

    @model_validator(mode="after")
    def _percentages_make_a_whole(self) -> Self:
        total = self.total
        if not self.unit.startswith("percent"):
            return self
        if abs(total - 100.0) > PERCENT_SLACK:
            raise ValueError(f"percentages add up to {total:g}, not 100: a figure is mistyped")
        if any(c.rate != 1.0 for c in self.components.values()):
            raise ValueError("percentages are of what was sampled: rate goes with counts of tokens")
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
        """Sum of the figures as sampled, in the mixture's unit."""
        return math.fsum(c.figure * c.rate for c in self.components.values())

    def shares(self) -> dict[str, float]:
        """Share of each component as sampled, in the order published; in all 1 (to within 1e-9)."""
        return {name: c.figure * c.rate / self.total for name, c in self.components.items()}


def published(name: str) -> PublishedMixture:
    """The published mixture of this name; ConfigError when none is shipped."""
    return PublishedMixture.model_validate(tomllib.loads(shipped_text("mixtures", name)))


def shares(name: str) -> dict[str, float]:
    """Token shares of a published mixture, by component; they sum to 1 (to within 1e-9)."""
    return published(name).shares()
