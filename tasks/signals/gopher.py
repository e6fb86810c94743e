r"""Quality rules of Gopher (Rae et al. 2021, arXiv 2112.11446, table A1) as signals, no thresholds.

The paper leaves words, lines and bullets open; here they are:

- **white space**: the 25 code points of :data:`WHITE_SPACE` (Unicode's White_Space property,
  written out because Python's own idea of it differs); **word**: a maximal run of anything else;
- **letter**: a code point of general category L (the tables of Polars' regular expressions);
- **line**: what stands between two ``\n``, if it holds a word; blank lines do not count;
- **bullet line**: after leading white space it starts with one of :data:`BULLETS`, or with a hyphen
  or an asterisk that white space or the line's end follows (``-v`` and ``*word*`` are no bullets);
- **ellipsis**: ``…`` or ``...``, counted from left to right without overlap; **ellipsis line**: it
  ends so, trailing white space aside.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas import columns as c

# Ranges in the spelling of Rust's regular expressions.
BLANKS_IN_LINE: Final = (
    r"\x{09}\x{0B}-\x{0D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}"
    r"\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"
)
WHITE_SPACE: Final = r"\x{0A}" + BLANKS_IN_LINE
BULLETS: Final = "•‣\u2043∙◦▪▫■□●○◆◇▶►➢➤"
STOP_WORDS: Final = ("the", "be", "to", "of", "and", "that", "have", "with")

WORD: Final = f"[^{WHITE_SPACE}]+"
WORD_FROM_FIRST_LETTER: Final = rf"\p{{L}}[^{WHITE_SPACE}]*"
LINE_FROM_FIRST_WORD: Final = rf"[^{WHITE_SPACE}][^\n]*"
BULLET_LINE: Final = rf"(?m)^[{BLANKS_IN_LINE}]*(?:[{BULLETS}]|[-*](?:[{WHITE_SPACE}]|$))"
ELLIPSIS: Final = r"…|\.\.\."
ELLIPSIS_LINE_END: Final = rf"(?m)(?:{ELLIPSIS})[{BLANKS_IN_LINE}]*$"


def gopher(text: pl.Series) -> pl.DataFrame:
    """Measure Gopher's rules: one row a text, never null and never NaN.

    - ``gopher_word_count``: words.
    - ``gopher_mean_word_length``: code points that are no white space, a word.
    - ``gopher_symbol_to_word_ratio``: hash signs a word or ellipses a word, whichever is more (the
      paper's rule holds for either).
    - ``gopher_frac_lines_start_with_bullet``, ``gopher_frac_lines_end_with_ellipsis``: shares of
      the lines.
    - ``gopher_frac_words_with_letter``: share of words with at least one letter in them.
    - ``gopher_stop_word_count``: how many different ones of :data:`STOP_WORDS` occur as a whole
      word, upper or lower case (0 to 8).

    A text without words has 0 everywhere.
    """
    # In two steps, so that each text is searched once for each count.
    return _counts(text).select(
        pl.col("words").alias(c.GOPHER_WORD_COUNT),
        _share("characters", "words").alias(c.GOPHER_MEAN_WORD_LENGTH),
        _share("symbols", "words").alias(c.GOPHER_SYMBOL_TO_WORD_RATIO),
        _share("bullet_lines", "lines").alias(c.GOPHER_BULLET_LINES),
        _share("ellipsis_lines", "lines").alias(c.GOPHER_ELLIPSIS_LINES),
        _share("words_with_letter", "words").alias(c.GOPHER_ALPHABETIC_WORDS),
        pl.col("stop_words").alias(c.GOPHER_STOP_WORDS),
    )


def _counts(text: pl.Series) -> pl.DataFrame:
    def count(pattern: str) -> pl.Expr:
        return pl.col(c.TEXT).str.count_matches(pattern).cast(pl.Int64)

    return (
        text.alias(c.TEXT)
        .to_frame()
        .select(
            words=count(WORD),
            words_with_letter=count(WORD_FROM_FIRST_LETTER),
            characters=pl.col(c.TEXT).str.len_chars().cast(pl.Int64) - count(f"[{WHITE_SPACE}]"),
            symbols=pl.max_horizontal(count("#"), count(ELLIPSIS)),
            lines=count(LINE_FROM_FIRST_WORD),
            bullet_lines=count(BULLET_LINE),
            ellipsis_lines=count(ELLIPSIS_LINE_END),
            stop_words=_stop_words(pl.col(c.TEXT)).cast(pl.Int64),
        )
    )


def _share(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole)).otherwise(0.0)


def _stop_words(text: pl.Expr) -> pl.Expr:
    """Eight searches that each end at the first find beat one that collects every find."""
    around = [(f"(?:^|[{WHITE_SPACE}])", word, f"(?:[{WHITE_SPACE}]|$)") for word in STOP_WORDS]
    return pl.sum_horizontal(
        text.str.contains(f"{before}(?i:{word}){after}") for before, word, after in around
    )
