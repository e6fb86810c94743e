"""Published rule sets: which signal each threshold is about, and the published value of each."""

from __future__ import annotations

from typing import ClassVar, NamedTuple, Self

from pydantic import Field

from schemas import columns as c
from schemas.recipe import Section, Share, wrong


class Limit(NamedTuple):
    """A signal, and the keys of the least and the largest value of it that is kept."""

    column: str
    least: str | None = None
    most: str | None = None


def check_order(least: float, most: float, name: str = "", *, place: str = "") -> None:
    """Refuse a least value above the largest one."""
    if least > most:
        raise wrong(
            f"{place}min{name}",
            got=f"{least}, and max{name} = {most}",
            wanted="the least not to be above the most",
            way_out="Change one of them: no document could pass both.",
        )


class RuleSet(Section):
    """Thresholds with the signals that they are about. A null signal breaks no rule."""

    limits: ClassVar[tuple[Limit, ...]] = ()

    def changed(self, other: RuleSet) -> Self:
        """Return these thresholds with those in their place that are written down in ``other``."""
        return self.model_copy(update={key: getattr(other, key) for key in other.model_fields_set})

    def check_order(self, name: str) -> None:
        """Refuse limits that no document could keep; ``name`` is the set's key in the recipe."""
        for _, least, most in self.limits:
            if least is not None and most is not None:
                key = least.removeprefix("min")
                check_order(getattr(self, least), getattr(self, most), key, place=f"{name}.")


class GopherThresholds(RuleSet):
    """Quality rules of Gopher (arXiv 2112.11446, table A1). `gopher = false` switches them off."""

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(c.GOPHER_WORD_COUNT, "min_words", "max_words"),
        Limit(c.GOPHER_MEAN_WORD_LENGTH, "min_mean_word_length", "max_mean_word_length"),
        Limit(c.GOPHER_SYMBOL_TO_WORD_RATIO, most="max_symbol_to_word_ratio"),
        Limit(c.GOPHER_BULLET_LINES, most="max_bullet_lines"),
        Limit(c.GOPHER_ELLIPSIS_LINES, most="max_ellipsis_lines"),
        Limit(c.GOPHER_ALPHABETIC_WORDS, "min_words_with_letter"),
        Limit(c.GOPHER_STOP_WORDS, "min_stop_words"),
    )
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
        description="How many different ones of the language's eight stop words, at least "
        "(English: the, be, to, of, and, that, have, with).",
    )


class NgramThresholds(RuleSet):
    """What Gopher and Dolma ask of n-grams: shares, at most (arXiv 2112.11446, table A1)."""

    limits: ClassVar[tuple[Limit, ...]] = tuple(
        Limit(f"gopher_frac_chars_{name}", most=f"max_chars_{name}")
        for name in (
            *(f"top_{n}gram" for n in (2, 3, 4)),
            *(f"dupe_{n}grams" for n in (5, 6, 7, 8, 9, 10)),
        )
    )
    max_chars_top_2gram: Share = Field(
        default=0.2, description="Characters in the most frequent 2-gram."
    )
    max_chars_top_3gram: Share = Field(default=0.18, description="In the most frequent 3-gram.")
    max_chars_top_4gram: Share = Field(default=0.16, description="In the most frequent 4-gram.")
    max_chars_dupe_5grams: Share = Field(default=0.15, description="In repeated 5-grams.")
    max_chars_dupe_6grams: Share = Field(default=0.14, description="In repeated 6-grams.")
    max_chars_dupe_7grams: Share = Field(default=0.13, description="In repeated 7-grams.")
    max_chars_dupe_8grams: Share = Field(default=0.12, description="In repeated 8-grams.")
    max_chars_dupe_9grams: Share = Field(default=0.11, description="In repeated 9-grams.")
    max_chars_dupe_10grams: Share = Field(default=0.1, description="In repeated 10-grams.")


class GopherRepetitionThresholds(NgramThresholds):
    """Repetition rules of Gopher (arXiv 2112.11446, table A1): shares, at most."""

    limits: ClassVar[tuple[Limit, ...]] = (
        *(
            Limit(f"gopher_frac_{name}", most=f"max_{name}")
            for name in (
                "dupe_lines",
                "chars_dupe_lines",
                "dupe_paragraphs",
                "chars_dupe_paragraphs",
            )
        ),
        *NgramThresholds.limits,
    )
    max_dupe_lines: Share = Field(default=0.3, description="Repeated lines.")
    max_chars_dupe_lines: Share = Field(default=0.2, description="Characters in repeated lines.")
    max_dupe_paragraphs: Share = Field(default=0.3, description="Repeated paragraphs.")
    max_chars_dupe_paragraphs: Share = Field(
        default=0.2, description="Characters in repeated paragraphs."
    )


class C4Thresholds(RuleSet):
    """Rules of C4 for pages (arXiv 1910.10683, section 2.2).

    C4 removes lines too; here pages are judged by the lines that would be left, and stay whole.
    """

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("c4_sentence_count", "min_sentences"),
        Limit("c4_lorem_ipsum_count", most="max_lorem_ipsum"),
        Limit("c4_curly_bracket_count", most="max_curly_brackets"),
        Limit("c4_frac_lines_kept", "min_lines_kept"),
    )
    min_sentences: int = Field(
        default=3, ge=0, description="Sentences in the lines that C4 would keep, at least."
    )
    max_lorem_ipsum: int = Field(default=0, ge=0, description="How often `lorem ipsum`, at most.")
    max_curly_brackets: int = Field(
        default=0, ge=0, description="How many `{` and `}`, at most. Not for source code."
    )
    min_lines_kept: Share = Field(
        default=0.0, description="Share of the lines that C4 would keep, at least (ours, not C4's)."
    )


class FineWebThresholds(RuleSet):
    """Rules that FineWeb adds to those of Gopher and C4 (arXiv 2406.17557, section 3.6)."""

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("fineweb_frac_lines_end_with_punctuation", "min_lines_end_with_punctuation"),
        Limit("fineweb_frac_chars_dupe_lines", most="max_chars_dupe_lines"),
        Limit("fineweb_frac_short_lines", most="max_short_lines"),
        Limit("fineweb_newlines_per_word", most="max_newlines_per_word"),
    )
    min_lines_end_with_punctuation: Share = Field(
        default=0.12, description="Share of lines that end with punctuation, at least."
    )
    max_chars_dupe_lines: Share = Field(
        default=0.01,
        description="Share of characters in repeated lines, at most. The code that made the data "
        "has .01, and so has the paper's table in appendix E.4; its text says .1.",
    )
    max_short_lines: Share = Field(
        default=0.67, description="Share of lines of 30 characters or fewer, at most."
    )
    max_newlines_per_word: float = Field(
        default=0.3,
        ge=0,
        description="Line feeds for each word, at most (datatrove's filter; not in the paper).",
    )


class RefinedWebThresholds(RuleSet):
    """RefinedWeb's rule about lines (arXiv 2306.01116, appendix G.2)."""

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("refinedweb_frac_words_flagged", most="max_words_flagged"),
    )
    max_words_flagged: Share = Field(
        default=0.05, description="Share of the words in lines that look like no prose, at most."
    )


class DolmaThresholds(GopherThresholds, NgramThresholds):
    """Rules of Dolma for web pages: Gopher's, and C4's about punctuation (arXiv 2402.00159, 5.2).

    Thresholds are those of its published configuration (`dolma-v1_5/mixing/cc-head.yaml`). It
    takes the median length of a word where this takes the mean, as Gopher does.
    """

    limits: ClassVar[tuple[Limit, ...]] = (
        *GopherThresholds.limits,
        Limit("gopher_frac_dupe_lines", most="max_dupe_lines"),
        Limit("gopher_frac_chars_dupe_lines", most="max_chars_dupe_lines"),
        *NgramThresholds.limits,
        Limit("c4_frac_lines_end_with_terminal_punctuation", "min_lines_end_with_punctuation"),
    )
    max_dupe_lines: Share = Field(default=0.3, description="Repeated lines, at most.")
    max_chars_dupe_lines: Share = Field(
        default=0.3, description="Characters in repeated lines, at most."
    )
    min_lines_end_with_punctuation: Share = Field(
        default=0.5, description="Share of lines that end with terminal punctuation, at least."
    )


class CodeThresholds(RuleSet):
    """Rules for source code (Codex, arXiv 2107.03374; StarCoder, arXiv 2305.06161, section 3.1)."""

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("code_mean_line_length", most="max_mean_line_length"),
        Limit("code_max_line_length", most="max_line_length"),
        Limit("code_frac_alphanumeric", "min_alphanumeric"),
        Limit("code_generated_count", most="max_generated"),
        Limit("code_frac_lines_comment", "min_lines_comment", "max_lines_comment"),
    )
    max_mean_line_length: float = Field(default=100.0, gt=0, description="Characters, at most.")
    max_line_length: int = Field(default=1_000, ge=1, description="Of the longest line, at most.")
    min_alphanumeric: Share = Field(
        default=0.25, description="Share of letters and digits among the characters, at least."
    )
    max_generated: int = Field(
        default=0, ge=0, description="Marks of generated code in the first five lines, at most."
    )
    min_lines_comment: Share = Field(default=0.0, description="Share of comment lines, at least.")
    max_lines_comment: Share = Field(default=1.0, description="Share of comment lines, at most.")
