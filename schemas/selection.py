"""The recipe's section ``select``: whose documents are judged, by which thresholds and rights."""

from __future__ import annotations

import operator
from typing import Literal, Self

from pydantic import Field, field_serializer, field_validator, model_validator

from schemas.languages import check_languages
from schemas.limits import AttributeRule, PerplexityRule, ScoreRule
from schemas.recipe import Section, Share, check_unique, wrong
from schemas.rule_sets import (
    C4Thresholds,
    CodeThresholds,
    DolmaThresholds,
    FineWebThresholds,
    GopherRepetitionThresholds,
    GopherThresholds,
    RefinedWebThresholds,
    RuleSet,
)

RULE_SETS = ("gopher", "gopher_repetition", "c4", "fineweb", "refinedweb", "dolma", "code")


class LicensesConfig(Section):
    """Which licences are kept. Judges every document, new data too, whatever `exempt` names.

    Names are SPDX names, in any case; `*`, `?` and `[0-9]` stand for what they do in a shell. Of
    `A OR B` one has to do, of `A AND B` both; `A WITH exception` goes by either name.
    """

    allow: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Licences kept; empty allows all that `deny` does not name. Mind that "
        '`"CC-BY-*"` is CC-BY-NC-4.0 too; `"CC-BY-[0-9]*"` is not.',
    )
    deny: tuple[str, ...] = Field(
        default=(), strict=False, description="Licences dropped, also where `allow` names them."
    )
    unstated: Literal["drop", "keep"] | None = Field(
        default=None,
        description="What becomes of documents without a licence. Left out: they go where `allow` "
        "is given. Data of your own gets one by its source's `license`.",
    )

    @field_validator("allow", "deny")
    @classmethod
    def _named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not name.strip() or name != name.strip():
                raise wrong(
                    "",
                    got=f"{name[:80]!r}",
                    wanted="names of licences such as 'MIT' or 'CC-BY-*', no blanks around them",
                    way_out="Correct it. What has no licence is judged by the key unstated.",
                )
        return value

    @model_validator(mode="after")
    def _decides(self) -> Self:
        if not (self.allow or self.deny or self.unstated):
            raise wrong(
                "",
                got="a policy that names no licence",
                wanted="one of allow, deny and unstated",
                way_out='Add allow = ["CC-BY-[0-9]*", "MIT"], for example, or remove the section.',
            )
        return self


class OptOutConfig(Section):
    """Who asked not to be trained on. Judges every document, new data too.

    Lists are text files in UTF-8, also gzipped: one entry a line, `#` at a line's start makes it a
    comment. A changed list changes decisions and measures nothing again.
    """

    ids: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="File, or files, of ids: a document's `doc_id`, or its record's own id in "
        "whichever source.",
    )
    urls: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="File, or files, of addresses. Scheme, `www.`, usual ports, fragment and a "
        "slash at the end do not count.",
    )
    domains: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="File, or files, of domains such as `example.org`, each with all below it.",
    )

    @field_validator("ids", "urls", "domains", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _lists(self) -> Self:
        places = [*self.ids, *self.urls, *self.domains]
        if not places or "" in places:
            raise wrong(
                "",
                got="a list without a place" if places else "no list",
                wanted="a file for one of ids, urls and domains",
                way_out='Add urls = "opt-out.txt", for example, or remove the section.',
            )
        return self


class Expression(Section):
    """A rule of your own: an SQL expression over signals; what it is true of is dropped.

    Columns of numbers in `signals`, and `lang`; comparisons, arithmetic, `AND`, `OR`, `NOT`, `IN`,
    `BETWEEN`, `LIKE`, `IS NULL`, `CASE`, and plain functions such as `COALESCE` and `GREATEST`. A
    signal that is null leaves the comparison open, and the document in.
    """

    name: str = Field(
        pattern="^[a-z][a-z0-9_]*$",
        max_length=60,
        description="The reason that documents are dropped for, after `rule:`.",
    )
    drop_where: str = Field(
        min_length=1,
        max_length=2_000,
        description="`code_frac_alphanumeric < 0.3 AND lang = 'en'`, for example.",
    )


class Override(Section):
    """Other thresholds for some documents: those of a language, of a source, or both.

    A rule set that is named here changes by the keys that are given; `false` switches it off, `{}`
    switches it on. Of several that speak of one document, the later ones win.
    """

    languages: tuple[str, ...] = Field(
        default=(), strict=False, description="Languages it is about; empty: all."
    )
    sources: tuple[str, ...] = Field(
        default=(), strict=False, description="Names of sources it is about; empty: all."
    )
    gopher: GopherThresholds | Literal[False] | None = None
    gopher_repetition: GopherRepetitionThresholds | Literal[False] | None = None
    c4: C4Thresholds | Literal[False] | None = None
    fineweb: FineWebThresholds | Literal[False] | None = None
    refinedweb: RefinedWebThresholds | Literal[False] | None = None
    dolma: DolmaThresholds | Literal[False] | None = None
    code: CodeThresholds | Literal[False] | None = None

    @field_validator(*RULE_SETS, mode="before")
    @classmethod
    def _switch(cls, value: object) -> object:
        return {} if value is True else value

    @field_serializer(*RULE_SETS)
    def _only_what_is_given(self, value: RuleSet | Literal[False] | None) -> object:
        """Keep apart what is written down and what is a default: only the former changes a rule."""
        return value.model_dump(exclude_unset=True) if isinstance(value, RuleSet) else value

    @model_validator(mode="after")
    def _is_about_some(self) -> Self:
        if not (self.languages or self.sources):
            raise wrong(
                "",
                got="thresholds for all documents",
                wanted="languages or sources that they are about",
                way_out="Name some, or write them into [select] itself.",
            )
        return self

    _languages = field_validator("languages")(check_languages)


class SelectConfig(Section):
    """From signals to keep or drop, and to train or validation."""

    apply_to: Literal["replay", "all"] = Field(
        default="replay",
        description="Whose documents the rules of this section judge. New data is the user's own "
        "choice, so by default only empty and duplicate documents are dropped from it, and those "
        "that `licenses` and `opt_out` forbid.",
    )
    exempt: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Names of sources the rules pass over (code, formulas, licences). `licenses` "
        "and `opt_out` judge them all the same.",
    )
    languages: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Languages kept, as ISO 639 codes of lid.176; empty keeps all. `und`, too, has "
        "to be named to be kept: short texts, code and data.",
    )
    min_lang_prob: Share = Field(
        default=0.5,
        description="Least probability of the language, where `languages` is given; not of `und`.",
    )
    gopher: GopherThresholds | None = Field(
        default_factory=GopherThresholds, description="Gopher's quality rules."
    )
    gopher_repetition: GopherRepetitionThresholds | None = None
    c4: C4Thresholds | None = None
    fineweb: FineWebThresholds | None = None
    refinedweb: RefinedWebThresholds | None = None
    dolma: DolmaThresholds | None = None
    code: CodeThresholds | None = None
    overrides: tuple[Override, ...] = Field(
        default=(), strict=False, description="Other thresholds for some languages or sources."
    )
    rules: tuple[Expression, ...] = Field(
        default=(), strict=False, description="Rules of your own."
    )
    attributes: tuple[AttributeRule, ...] = Field(
        default=(), strict=False, description="Thresholds for attributes that came with a source."
    )
    scores: tuple[ScoreRule, ...] = Field(
        default=(),
        strict=False,
        exclude_if=operator.not_,
        description="Thresholds for what classifiers and n-gram models say.",
    )
    perplexity: tuple[PerplexityRule, ...] = Field(
        default=(),
        strict=False,
        exclude_if=operator.not_,
        description="Parts of each language that are kept, by an n-gram model.",
    )
    licenses: LicensesConfig | None = Field(
        default=None, description="Which licences are kept; left out, all are."
    )
    opt_out: OptOutConfig | None = Field(
        default=None, description="Lists of what must not be trained on."
    )
    valid_share: float = Field(
        default=0.02,
        ge=0.0,
        lt=1.0,
        description="Share of near-duplicate clusters held out for validation, by seeded hash.",
    )
    max_drop_share: Share = Field(
        default=0.9,
        description="A run stops (exit 3) when more than this share of a source's documents would "
        "be dropped, whatever the reason; 1 never stops it. A source of fewer than 10 documents is "
        "not watched (one that only records name, of fewer than 100).",
    )

    @field_validator(*RULE_SETS, mode="before")
    @classmethod
    def _switch(cls, value: object) -> object:
        """Read `false` as off and `true` as on, with the published thresholds."""
        return {True: {}, False: None}[value] if isinstance(value, bool) else value

    @model_validator(mode="after")
    def _limits_leave_something(self) -> Self:
        for name in RULE_SETS:
            base = getattr(self, name)
            if base is not None:
                base.check_order(name)
            for number, override in enumerate(self.overrides, start=1):
                other = getattr(override, name)
                if other:
                    own = base.changed(other) if base is not None else other
                    own.check_order(f"overrides, number {number}.{name}")
        return self

    @field_validator("perplexity")
    @classmethod
    def _once_a_model(cls, value: tuple[PerplexityRule, ...]) -> tuple[PerplexityRule, ...]:
        way_out = "Name all the parts that are kept in one of them."
        check_unique([rule.name for rule in value], "rules about a model", way_out=way_out)
        return value

    @field_validator("rules")
    @classmethod
    def _names_are_unique(cls, value: tuple[Expression, ...]) -> tuple[Expression, ...]:
        way_out = "Rename one of them: decisions give it as the reason."
        check_unique([rule.name for rule in value], "rules", way_out=way_out)
        return value

    _languages = field_validator("languages")(check_languages)
