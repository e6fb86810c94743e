"""The recipe's section ``replay``: what stands in for the original distribution, and how."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from schemas.recipe import Section, Share, wrong
from schemas.sources import Format, Source

Arm = Literal["shares", "random", "dsir", "surrogate", "self", "original"]
Unit = Literal["documents", "passages"]
BY_TEXT: Final = ("dsir", "surrogate")
"""Arms that go by text of the target."""
BY_SHARES: Final = ("shares", "original")
"""Arms that go by shares of sources."""


class TargetConfig(Section):
    """What the shard is to be like: text of the original, of the base model, or shares inferred."""

    sample: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="A sample of the original: files, folders, addresses, an `hf://` dataset.",
    )
    generations: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Text that the base model wrote itself, as `openmoat generate` samples it.",
    )
    shares_file: str | None = Field(
        default=None,
        description="What `openmoat infer-mixture --out` wrote: shares of the replay sources.",
    )
    kind: Literal["pretrain", "chat"] = Field(
        default="pretrain",
        description="`chat` where it is conversations, of which what is said is compared and not "
        "who speaks. It is only told.",
    )
    format: Format = Field(default="auto", description="As in `ingest.sources`.")
    text_field: str = Field(default="text", description="As in `ingest.sources`.")
    revision: str | None = Field(default=None, description="Of an `hf://` dataset.")
    subset: str | None = Field(default=None, description="Of an `hf://` dataset.")
    split: str = Field(default="train", description="Of an `hf://` dataset.")
    held_out: Share = Field(
        default=0.33,
        description="Share of its documents that drawing does not see: the certificate compares "
        "the shard with these. 0 leaves the certificate out.",
    )
    max_mb: float = Field(
        default=16.0,
        gt=0,
        description="Megabytes (10^6 bytes) of it that are taken, by seeded hash of the texts.",
    )

    @field_validator("sample", "generations", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @property
    def text(self) -> tuple[str, ...]:
        """Where its text lies, if it has any."""
        return self.sample or self.generations

    @property
    def by(self) -> Literal["sample", "generations", "shares_file"]:
        """Which of the three it is."""
        return "sample" if self.sample else "generations" if self.generations else "shares_file"

    def source(self) -> Source:
        """Return how its text is read."""
        return Source(
            name="target",
            url=self.text,
            format=self.format,
            text_field=self.text_field,
            revision=self.revision,
            subset=self.subset,
            split=self.split,
        )

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        given = [k for k in ("sample", "generations", "shares_file") if getattr(self, k)]
        if len(given) != 1:
            raise wrong(
                "",
                got=" and ".join(given) or "nothing",
                wanted="one of sample, generations and shares_file",
                way_out="Keep the one that the shard is to be like.",
            )
        return self


class ReplayConfig(Section):
    """The shard that stands in for the original distribution."""

    arm: Arm = Field(
        default="shares",
        description="How it is drawn. `shares`: at shares of the sources, by seeded hash within "
        "each. `surrogate`: kinds of text at the target's shares, and within them what brings the "
        "shard's words nearest to the target's. `random`: by seeded hash alone. `dsir`: importance "
        "resampling as published, for comparison. `self`: from the sources in `generated`. "
        "`original`: as `shares`, of sources that are the original's own.",
    )
    unit: Unit | None = Field(
        default=None,
        description="What is drawn whole: `documents`, or `passages` of up to 4,000 characters. "
        "Left out: passages for `surrogate` and `dsir`, documents for the others.",
    )
    strata: Literal["sources", "clusters"] = Field(
        default="sources",
        description="Kinds of text of `surrogate` (and of `shares` with a target that has text): "
        "the pool's sources, whose shares of the target are estimated, or clusters of target and "
        "pool, which need no sources that mean something.",
    )
    shares: dict[str, Share] = Field(
        default_factory=dict,
        description="Share of the shard's tokens for each replay source; they sum to 1.",
    )
    like: str | None = Field(
        default=None,
        description="Instead of `shares`: the name of a published mixture (`data/mixtures/`), "
        "whose components are then the names of the replay sources.",
    )
    target: TargetConfig | None = None
    generated: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Replay sources that hold the base model's own text: `self` draws from them "
        "alone, all other arms leave them out.",
    )
    target_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Tokens of the training part. Without it: what the mixture's share asks for.",
    )
    pool_factor: float = Field(
        default=20.0,
        ge=1.0,
        description="How many times its part of the budget is read of each source, by seeded hash; "
        "of a larger source the rest is not read at all. At least `ingest.unit_mb` is read, and "
        "all of it where `corpus.materialize` asks for the corpus, or `shares` does not name the "
        "source. Where there are no shares yet, a source's part is one of as many as there are "
        "sources, and a fifth at least.",
    )
    pool_passages: int = Field(
        default=1_000_000,
        ge=1,
        description="Passages (or documents) that are looked at for arms that go by text, by "
        "seeded hash of the documents: a million take 2 GB of memory.",
    )
    materialize: bool = Field(
        default=False,
        description="Write the drawn documents with their text to `replay/text/`.",
    )

    @property
    def drawn_by(self) -> Unit:
        """What is drawn whole."""
        return self.unit or ("passages" if self.arm in BY_TEXT else "documents")

    @property
    def text_target(self) -> TargetConfig | None:
        """The target, where it has text."""
        return self.target if self.target is not None and self.target.text else None

    @property
    def measured(self) -> bool:
        """Whether the pool's text is looked at before drawing."""
        whole = self.drawn_by == "documents" and self.arm in BY_SHARES and self.target is None
        return not whole

    def pool(self, sources: tuple[str, ...]) -> list[str]:
        """Return which of the replay sources are drawn from, in the order given."""
        return [name for name in sources if (name in self.generated) == (self.arm == "self")]

    @model_validator(mode="after")
    def _arm_has_what_it_needs(self) -> Self:
        if self.arm in BY_TEXT and self.text_target is None:
            raise wrong(
                "target",
                got="no text",
                wanted=f"text that the arm {self.arm!r} goes by",
                way_out="Add [replay.target] with sample or generations. With shares alone, take "
                'arm = "shares".',
            )
        if self.arm == "self" and not self.generated:
            raise wrong(
                "generated",
                got="nothing",
                wanted="the replay sources that hold the base model's own text",
                way_out="Name them: `openmoat generate` makes such text.",
            )
        if self.shares and (self.target is not None or self.arm not in BY_SHARES):
            raise wrong(
                "shares",
                got=f"shares beside {'a target' if self.target else f'the arm {self.arm!r}'}",
                wanted="shares with the arm 'shares' or 'original' and no target",
                way_out="Remove what is not meant.",
            )
        return self
