"""The recipe's section ``select``: whose documents are judged, by which thresholds."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from schemas.base import Section, Share, wrong

LANGUAGE = re.compile(r"[a-z]{2,3}")


class GopherThresholds(Section):
    """Quality rules of Gopher (arXiv 2112.11446, table A1). `gopher = false` switches them off."""

    min_words: int = Field(default=50, ge=0, description="Fewest words.")
    max_words: int = Field(default=100_000, ge=1, description="Most words.")
    min_mean_word_length: float = Field(default=3.0, ge=0, description="Characters a word, least.")
    max_mean_word_length: float = Field(default=10.0, gt=0, description="Characters a word, most.")
    max_symbol_to_word_ratio: float = Field(
        default=0.1, ge=0, description="Hash signs, or ellipses, for each word, at most."
    )
    max_bullet_lines: Share = Field(
        default=0.9, description="Share of lines that start with a bullet, at most."
    )
    max_ellipsis_lines: Share = Field(
        default=0.3, description="Share of lines that end with an ellipsis, at most."
    )
    min_words_with_letter: Share = Field(
        default=0.8, description="Share of words with a letter in them, at least."
    )
    min_stop_words: int = Field(
        default=2,
        ge=0,
        description="How many different ones of the, be, to, of, and, that, have, with, at least. "
        "English: set it to 0 for other languages.",
    )

    @model_validator(mode="after")
    def _least_is_not_above_most(self) -> Self:
        for name in ("words", "mean_word_length"):
            least, most = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if least > most:
                raise wrong(
                    f"min_{name}",
                    got=f"{least}, and max_{name} = {most}",
                    wanted="the least not to be above the most",
                    way_out="Change one of them: no document could pass both.",
                )
        return self


class SelectConfig(Section):
    """From signals to keep or drop, and to train or validation."""

    apply_to: Literal["replay", "all"] = Field(
        default="replay",
        description="Whose documents the rules of this section judge. New data is the user's own "
        "choice, so by default only empty and duplicate documents are dropped from it.",
    )
    exempt: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Names of sources the rules pass over (code, formulas, licences).",
    )
    languages: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Languages kept, as ISO 639 codes of lid.176; empty keeps all.",
    )
    min_lang_prob: Share = Field(
        default=0.5, description="Least probability of the language, where `languages` is given."
    )
    gopher: GopherThresholds | None = Field(
        default_factory=GopherThresholds, description="Gopher's thresholds."
    )
    valid_share: float = Field(
        default=0.02,
        ge=0.0,
        lt=1.0,
        description="Share of near-duplicate clusters held out for validation, by seeded hash.",
    )

    @field_validator("gopher", mode="before")
    @classmethod
    def _false_is_off(cls, value: object) -> object:
        return None if value is False else value

    @field_validator("languages")
    @classmethod
    def _codes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for code in value:
            if not LANGUAGE.fullmatch(code):
                raise wrong(
                    "",
                    got=f"{code[:80]!r}",
                    wanted="codes of two or three small letters, such as 'en' or 'de'",
                    way_out="Write ISO 639 codes, as lid.176 answers with them.",
                )
        return value
