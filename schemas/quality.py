"""Models that documents are scored by (``[[signals.classifiers]]``, ``[[signals.ngram_lms]]``)."""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field, field_validator, model_validator

from schemas.languages import check_languages
from schemas.recipe import Section, check_unique, is_absent, wrong
from schemas.sources import Source

NAME: Final = "^[a-z][a-z0-9_]*$"
LONGEST: Final = 40
ONE_OF_TWO: Final = (
    "Name what it is to be trained on, or remove that and keep the path of a model that exists."
)
PREFIX: Final = "score_"
RENAME: Final = "Rename one of them: tables and rules know it by its name."


def check_untrained(model: Section, keys: tuple[str, ...]) -> None:
    """Refuse keys of training beside the path of a model, where they would do nothing."""
    fields = type(model).model_fields
    for key in keys:
        if getattr(model, key) != fields[key].default:
            raise wrong(
                key,
                got="it for a model that exists",
                wanted="it for a model that is trained",
                way_out="Remove it: the model is as it is.",
            )


def check_sources(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """Refuse what a source that is trained on cannot have: a read of its own before it is read."""
    for source in sources:
        if source.normalise is not None and source.normalise.boilerplate is not None:
            raise wrong(
                "",
                got=f"normalise.boilerplate for {source.name!r}",
                wanted="sources that are read once",
                way_out="Remove it: lines that repeat are not looked for in what models learn.",
            )
    check_unique([source.name for source in sources], "sources", way_out=RENAME)
    return sources


class NoisyStudentConfig(Section):
    """Text without labels, from which a classifier of few labels learns (arXiv 1911.04252).

    The trained classifier labels the pool; what it is sure of, balanced, is learned beside the
    labelled text by the next one, which sees it with n-grams left out; and so on while the area
    under the curve of the validation part grows.
    """

    pool: tuple[Source, ...] = Field(
        min_length=1, strict=False, description="Sources of text without labels."
    )
    rounds: int = Field(default=3, ge=1, le=3, description="Rounds at most.")
    confident: float = Field(
        default=0.6,
        gt=0.5,
        lt=1.0,
        description="Documents of at least this probability of either class are learned from, with "
        "that probability as their label.",
    )
    dropout: float = Field(
        default=0.7, ge=0.0, lt=1.0, description="Share of the n-grams that a student is not shown."
    )
    positive_share: float | None = Field(
        default=None,
        gt=0.0,
        lt=1.0,
        description="Share of positive documents among those; without it, that of the labelled.",
    )

    _sources = field_validator("pool")(check_sources)


class ClassifierConfig(Section):
    """A classifier: how probably a document is of one kind and not of the other.

    Hashed n-grams of words under a linear model, trained before anything is measured; or a model
    that exists. Its probability, 0 to 1, is the score `score_<name>`.
    """

    name: str = Field(
        pattern=NAME, max_length=LONGEST, description="The score is called `score_<name>`."
    )
    languages: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Languages it scores, empty: all. Of a language that it has not learned it "
        "knows nothing, and says something all the same.",
    )
    positive: tuple[Source, ...] = Field(
        default=(),
        strict=False,
        description="Sources of the kind that is looked for, such as instructions (DCLM, arXiv "
        "2406.11794, section 4.4).",
    )
    negative: tuple[Source, ...] = Field(
        default=(), strict=False, description="Sources of the other kind, such as raw web text."
    )
    path: str | None = Field(
        default=None,
        description="Instead of sources: the folder of a model that an earlier run trained (in its "
        "`models/`), or a fastText classifier (`.bin`, `.ftz`).",
    )
    sha256: str | None = Field(
        default=None, pattern="^[0-9a-f]{64}$", description="SHA-256 of a fastText classifier."
    )
    label: str | None = Field(
        default=None,
        description="The label of a fastText classifier whose probability is the score, without "
        "`__label__`.",
    )
    n_words: int = Field(
        default=2, ge=1, le=5, description="Features are n-grams of one word up to so many."
    )
    bits: int = Field(
        default=18, ge=8, le=24, description="They are hashed into two to this power of buckets."
    )
    penalty: float | None = Field(
        default=None,
        gt=0.0,
        description="Of the squared length of its weights, beside the mean loss of a document. "
        "Without it, 0.001, 0.0001 and 0.00001 are tried, and the validation part chooses.",
    )
    least_documents: int = Field(
        default=50,
        ge=10,
        description="A class of fewer different documents is refused: a fifth of them is all that "
        "the figures of the report come from.",
    )
    noisy_student: NoisyStudentConfig | None = Field(default=None, exclude_if=is_absent)

    @model_validator(mode="after")
    def _trained_or_given(self) -> Self:
        if self.path is not None:
            if self.positive or self.negative or self.noisy_student:
                raise wrong(
                    "path",
                    got="a model, and sources to train one on",
                    wanted="one of them",
                    way_out=ONE_OF_TWO,
                )
            check_untrained(self, ("n_words", "bits", "penalty", "least_documents"))
            self._check_fasttext(self.path)
            return self
        for key in ("positive", "negative"):
            if not getattr(self, key):
                raise wrong(
                    key,
                    got="no source",
                    wanted="sources of both kinds, or the path of a model",
                    way_out=f"Add [[signals.classifiers.{key}]] with name and url, or path.",
                )
        for key in ("sha256", "label"):
            if getattr(self, key) is not None:
                raise wrong(
                    key,
                    got="it without path",
                    wanted="it with a fastText classifier only",
                    way_out=ONE_OF_TWO,
                )
        return self

    _sources = field_validator("positive", "negative")(check_sources)

    _languages = field_validator("languages")(check_languages)

    def _check_fasttext(self, path: str) -> None:
        fasttext = path.endswith((".bin", ".ftz"))
        for key in ("sha256", "label"):
            if (getattr(self, key) is not None) != fasttext:
                raise wrong(
                    key,
                    got="nothing" if fasttext else "it, for a model of our own",
                    wanted="it with a fastText classifier (.bin, .ftz), and only there",
                    way_out="`sha256sum FILE` prints the digest; the label is the one whose "
                    "probability is wanted, such as hq.",
                )


class NgramLmConfig(Section):
    """A language model of n-grams: how surprising the words of a document are.

    Interpolated modified Kneser-Ney, trained before anything is measured; or a model that exists.
    The perplexity a word is the score `score_<name>`: low for text that is like the training text.
    CCNet (arXiv 1911.00359) parts each language of the web by it.
    """

    name: str = Field(
        pattern=NAME,
        max_length=LONGEST,
        description="The score is called `score_<name>`. Models of other languages may have the "
        "same name.",
    )
    languages: tuple[str, ...] = Field(
        default=(), strict=False, description="Languages it scores, empty: all."
    )
    sources: tuple[Source, ...] = Field(
        default=(), strict=False, description="Sources it is trained on, such as Wikipedia."
    )
    path: str | None = Field(
        default=None,
        description="Instead of sources: the folder of a model that an earlier run trained, or a "
        "KenLM model (`.arpa`, `.arpa.gz`, `.binary`, `.bin`), for which the package kenlm has to "
        "be installed.",
    )
    pieces: str | None = Field(
        default=None,
        description="The SentencePiece model that a KenLM model's text was cut by (CCNet's have "
        "one), for which the package sentencepiece has to be installed. Without it, words in lower "
        "case between white space.",
    )
    order: int = Field(default=3, ge=1, le=5, description="Words of its longest n-grams.")
    min_count: int = Field(
        default=1,
        ge=1,
        description="N-grams of three words and more that occur fewer times are left out, which "
        "takes less memory.",
    )

    @model_validator(mode="after")
    def _trained_or_given(self) -> Self:
        if (self.path is None) != bool(self.sources):
            raise wrong(
                "path",
                got="a model, and sources to train one on" if self.path else "no source",
                wanted="one of sources and path",
                way_out=ONE_OF_TWO,
            )
        if self.path is not None:
            check_untrained(self, ("order", "min_count"))
        if self.pieces is not None and self.path is None:
            raise wrong(
                "pieces",
                got="it without path",
                wanted="it with a KenLM model only",
                way_out="Remove it: a model that is trained knows words, and no pieces of them.",
            )
        return self

    _sources = field_validator("sources")(check_sources)
    _languages = field_validator("languages")(check_languages)


def score(name: str) -> str:
    """Return what rules call the score of a model."""
    return f"{PREFIX}{name}"


def check_names(
    classifiers: tuple[ClassifierConfig, ...], ngram_lms: tuple[NgramLmConfig, ...]
) -> None:
    """Refuse models of one name, but n-gram models of different languages."""
    by_name: dict[str, list[NgramLmConfig]] = {}
    for one in ngram_lms:
        by_name.setdefault(one.name, []).append(one)
    names = [*(some.name for some in classifiers), *by_name]
    check_unique(names, "models", way_out=RENAME)
    for name, models in by_name.items():
        codes = [code for one in models for code in one.languages]
        apart = len(codes) == len(set(codes)) and all(one.languages for one in models)
        if len(models) > 1 and not apart:
            raise wrong(
                "ngram_lms",
                got=f"several called {name!r} that score the same language",
                wanted="a name for each, or languages that are of one alone",
                way_out=RENAME,
            )
