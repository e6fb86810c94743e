"""The section ``[dedup]``: which documents count as the same, and which of them is kept."""

from __future__ import annotations

import difflib
from typing import Literal

from pydantic import Field, field_validator

from schemas.quality import PREFIX
from schemas.recipe import Section, is_absent, wrong
from schemas.semantic import SemanticConfig
from schemas.signals import NUMERIC


class DedupConfig(Section):
    """Which documents count as the same."""

    urls: bool = Field(
        default=False,
        description="Drop all but one of the documents with the same address: its host, path and "
        "query, without scheme, `www.` and fragment.",
    )
    exact: bool = Field(default=True, description="Drop all but one of byte-equal texts.")
    near: bool = Field(default=True, description="Drop near-duplicates found by MinHash.")
    threshold: float = Field(
        default=0.8,
        gt=0.0,
        le=1.0,
        description="Jaccard similarity to the kept document, of sets of shingles, at which "
        "another one is its near-duplicate.",
    )
    verification: Literal["exact", "estimated"] = Field(
        default="exact",
        description="How that is found out. `exact`: the text of all candidates is read once more. "
        "`estimated`: from the sketches, without reading; of a hundred estimates ninety-five are "
        "right to within 0.08, so that a lower `threshold`, such as 0.75, is needed to find as "
        "much, and some of what goes is less alike than was meant.",
    )
    lines: bool = Field(
        default=True,
        description="Remove lines that a document kept before has too, where `signals.line_words` "
        "has them measured.",
    )
    paragraphs: bool = Field(
        default=True, description="The same for paragraphs, with `signals.paragraph_words`."
    )
    substrings: bool = Field(
        default=True,
        description="The same for runs of words, with `signals.substring_words`. Documents that "
        "seem to share one are read once more.",
    )
    max_removed_share: float = Field(
        default=0.5,
        gt=0.0,
        le=0.9,
        description="A document that would lose more than this share of its bytes by these three "
        "goes as a whole (`repeated_text`).",
    )
    whole: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Sources whose documents lose no lines, paragraphs and runs of words: code, "
        "for example.",
    )
    source_priority: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Sources of which twins are kept first, in this order; then all others. New "
        "data comes before old all the same.",
    )
    quality: str | None = Field(
        default=None,
        description="A signal with a number, for example `lang_prob`, or the `score_…` of a model: "
        "of twins, after `source_priority`, the one with the higher value is kept. Then the longer "
        "one, then the one of the lower seeded hash. With `-` before it, as in `-score_wiki` for a "
        "perplexity, the one with the lower value.",
    )

    against: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="One index made by `openmoat index build`, or a list of them: documents that "
        "it has already are dropped, new data too ([index.md](index.md)).",
    )
    against_threshold: float = Field(
        default=0.75,
        gt=0.0,
        le=1.0,
        description="Similarity to a document of an index, estimated from the sketches (an index "
        "holds no text), at which one of the run is its near-duplicate.",
    )

    semantic: SemanticConfig | None = Field(default=None, exclude_if=is_absent)

    @field_validator("against", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("against")
    @classmethod
    def _is_a_place(cls, places: tuple[str, ...]) -> tuple[str, ...]:
        if "" not in places:
            return places
        raise wrong(
            "",
            got="an empty text",
            wanted="the folder of an index",
            way_out="Name it, or remove the key.",
        )

    @property
    def quality_signal(self) -> str | None:
        """The column that ``quality`` is about."""
        return None if self.quality is None else self.quality.removeprefix("-")

    @field_validator("quality")
    @classmethod
    def _is_a_number(cls, name: str | None) -> str | None:
        signal = (name or "").removeprefix("-")
        if name is None or signal in NUMERIC or signal.startswith(PREFIX):
            return name
        near = difflib.get_close_matches(signal, NUMERIC, n=1, cutoff=0.6)
        raise wrong(
            "",
            got=repr(name),
            wanted="the name of a signal that is a number",
            way_out=f"Did you mean {near[0]!r}?" if near else "They stand in docs/signals.md.",
        )
