"""Rules of ``[select]`` about one number of each document: attributes, scores, perplexity."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from schemas.recipe import Section, Share, wrong
from schemas.rule_sets import check_order

Part = Literal["head", "middle", "tail"]


class _Limits(Section):
    """What is kept, at least and at most."""

    name: str
    min: float | None = Field(default=None, description="Least value that is kept.")
    max: float | None = Field(default=None, description="Largest value that is kept.")

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        least, most = self.min, self.max
        if least is None and most is None:
            raise wrong(
                "min",
                got="neither min nor max",
                wanted="one of them at least",
                way_out="Say which values are kept, for example max = 0.4.",
            )
        if least is not None and most is not None:
            check_order(least, most)
        return self


class AttributeRule(_Limits):
    """A threshold for one of the attributes that came with a source (`attributes` of the source).

    Documents without the attribute pass.
    """

    name: str = Field(
        min_length=1,
        description="The attribute, after the name of its folder: `toxicity.toxicity`. A list of "
        "spans counts as its largest value, an empty one as 0.",
    )


class ScoreRule(_Limits):
    """A threshold for the score of a classifier or an n-gram model. Documents without one pass."""

    name: str = Field(description="The name of the model.")


class PerplexityRule(Section):
    """Which part of each language is kept, by the perplexity of an n-gram model, as CCNet does.

    The documents that the rules of `[select]` judge are put in order within each language: `head`
    are those of the lowest perplexity, `tail` those of the highest. Documents without one pass.
    """

    name: str = Field(description="The name of the model.")
    keep: tuple[Part, ...] = Field(
        min_length=1, strict=False, description="Parts that are kept: `head`, `middle`, `tail`."
    )
    head: Share = Field(
        default=0.3, description="Share of a language's documents that are its head."
    )
    middle: Share = Field(default=0.3, description="Share that are its middle; the rest is tail.")
    least_documents: int = Field(
        default=100, ge=1, description="Languages of fewer documents are not parted: all pass."
    )

    @model_validator(mode="after")
    def _parts_are_of_a_whole(self) -> Self:
        if self.head + self.middle > 1:
            raise wrong(
                "middle",
                got=f"{self.middle:g} beside {self.head:g}, which is more than all documents",
                wanted="head and middle of 1 together at most",
                way_out="CCNet's are 0.3 and 0.3.",
            )
        return self
