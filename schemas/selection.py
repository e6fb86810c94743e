"""The recipe's section ``select``: whose documents are judged, by which thresholds and rights."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from schemas.recipe import Section, Share, wrong

LANGUAGE = re.compile(r"[a-z]{2,3}")


def _check_order(least: float, most: float, name: str = "") -> None:
    if least > most:
        raise wrong(
            f"min{name}",
            got=f"{least}, and max{name} = {most}",
            wanted="the least not to be above the most",
            way_out="Change one of them: no document could pass both.",
        )


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
            _check_order(least, most, f"_{name}")
        return self


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


class AttributeRule(Section):
    """A threshold for one of the attributes that came with a source (`attributes` of the source).

    Documents without the attribute pass.
    """

    name: str = Field(
        min_length=1,
        description="The attribute, after the name of its folder: `toxicity.toxicity`. A list of "
        "spans counts as its largest value, an empty one as 0.",
    )
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
            _check_order(least, most)
        return self


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
        description="Languages kept, as ISO 639 codes of lid.176; empty keeps all.",
    )
    min_lang_prob: Share = Field(
        default=0.5, description="Least probability of the language, where `languages` is given."
    )
    gopher: GopherThresholds | None = Field(
        default_factory=GopherThresholds, description="Gopher's thresholds."
    )
    attributes: tuple[AttributeRule, ...] = Field(
        default=(), strict=False, description="Thresholds for attributes that came with a source."
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
