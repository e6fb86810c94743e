"""Evaluation sets that documents are compared with, and ``[decontaminate]``: what is then done."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from schemas.recipe import Section, Share
from schemas.sources import Format, Source


class EvalSet(Section):
    """An evaluation set, whose items documents are compared with."""

    name: str = Field(description="How it is called in decisions and reports.")
    url: tuple[str, ...] = Field(
        strict=False,
        description="Where it lies, as in `ingest.sources`: JSON lines, CSV, Parquet or Arrow, "
        "compressed or not, what `datasets` has saved; an `hf://` dataset.",
    )
    fields: tuple[str, ...] = Field(
        min_length=1,
        strict=False,
        description="Fields whose text must not be trained on; each is an item of its own. `a.b` "
        "reaches into objects.",
    )
    id_field: str = Field(
        default="id",
        description="The field with a record's id; without one, its file and place in it.",
    )
    format: Format = Field(default="auto", description="As in `ingest.sources`.")
    revision: str | None = Field(default=None, description="Of an `hf://` dataset.")
    subset: str | None = Field(default=None, description="Of an `hf://` dataset.")
    split: str = Field(default="test", description="Of an `hf://` dataset.")

    @field_validator("url", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def source(self, field: str) -> Source:
        """Return how one of its fields is read."""
        return Source(
            name=self.name,
            url=self.url,
            format=self.format,
            text_field=field,
            id_field=self.id_field,
            revision=self.revision,
            subset=self.subset,
            split=self.split,
        )


class DecontaminateConfig(Section):
    """Documents that have items of the sets in `signals.evals`."""

    action: Literal["drop", "drop_paragraphs", "report"] = Field(
        default="drop",
        description="`drop`: documents that have an item go. `drop_paragraphs`: of these, the "
        "paragraphs that hold the item's rows of words go, where text is written; the document "
        "goes if that is more than `dedup.max_removed_share` of its bytes or leaves no word of it, "
        "and if it is a conversation or of a source in `dedup.whole`. `report`: they stay, and are "
        "told of, which is what happens without this section.",
    )
    covered_share: Share = Field(
        default=0.5,
        description="A document has an item if more than this share of the item's words lies in "
        "rows of 8 words that the document has too (Tülu 3, arXiv 2411.15124, section 3.2). Of an "
        "item of fewer words it has all of them, one after the other, or none.",
    )
    run_words: int = Field(
        default=13,
        ge=8,
        le=1_000,
        description="It also has it if so many words of the item stand in it one after the other "
        "(GPT-3, arXiv 2005.14165, appendix C: 13).",
    )
    common_share: Share = Field(
        default=0.001,
        description="Rows of 8 words that more than this share of a source's documents have say "
        "nothing there: licences, templates. The same text is counted once.",
    )
    common_documents: int = Field(
        default=10,
        ge=1,
        description="They have to stand in more than so many of the source's documents, too.",
    )
    exempt: tuple[str, ...] = Field(
        default=(), strict=False, description="Names of sources that are only reported."
    )
