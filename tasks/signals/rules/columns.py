"""From counts to signals: which share of what each column is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from tasks.signals.rules.names import COUNTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARES: Final = {
    "gopher_mean_word_length": ("word_characters", "words"),
    "gopher_frac_lines_start_with_bullet": ("bullet_lines", "lines"),
    "gopher_frac_lines_end_with_ellipsis": ("ellipsis_lines", "lines"),
    "gopher_frac_words_with_letter": ("words_with_letter", "words"),
    "gopher_frac_dupe_lines": ("dupe_lines", "lines"),
    "gopher_frac_chars_dupe_lines": ("dupe_line_characters", "line_characters"),
    "gopher_frac_dupe_paragraphs": ("dupe_paragraphs", "paragraphs"),
    "gopher_frac_chars_dupe_paragraphs": ("dupe_paragraph_characters", "paragraph_characters"),
    **{
        f"gopher_frac_chars_top_{n}gram": (f"top_{n}gram_characters", "word_characters")
        for n in (2, 3, 4)
    },
    **{
        f"gopher_frac_chars_dupe_{n}grams": (f"dupe_{n}gram_characters", "word_characters")
        for n in (5, 6, 7, 8, 9, 10)
    },
    "c4_frac_lines_end_with_terminal_punctuation": ("terminal_lines", "lines"),
    "c4_frac_lines_few_words": ("few_word_lines", "lines"),
    "c4_frac_lines_javascript": ("javascript_lines", "lines"),
    "c4_frac_lines_policy": ("policy_lines", "lines"),
    "c4_frac_lines_kept": ("c4_lines", "lines"),
    "fineweb_frac_lines_end_with_punctuation": ("punctuated_lines", "lines"),
    "fineweb_frac_short_lines": ("short_lines", "lines"),
    "fineweb_newlines_per_word": ("newlines", "words"),
    "refinedweb_frac_lines_uppercase": ("upper_lines", "lines"),
    "refinedweb_frac_lines_digits": ("digit_lines", "lines"),
    "refinedweb_frac_lines_counter": ("counter_lines", "lines"),
    "refinedweb_frac_lines_one_word": ("one_word_lines", "lines"),
    "refinedweb_frac_words_flagged": ("flagged_words", "words"),
    "code_frac_alphanumeric": ("alphanumeric", "characters"),
    "code_frac_lines_comment": ("comment_lines", "lines"),
    "script_frac_unspaced": ("unspaced_letters", "letters"),
}
"""Of each column the part and the whole."""

COUNTED: Final = {
    "gopher_word_count": "words",
    "gopher_stop_word_count": "stop_words",
    "c4_sentence_count": "c4_sentences",
    "c4_lorem_ipsum_count": "lorem_ipsum",
    "c4_curly_bracket_count": "curly_brackets",
    "code_max_line_length": "longest_line",
    "code_generated_count": "generated_marks",
}

BY_WORDS: Final = (
    *("gopher_word_count", "gopher_mean_word_length", "gopher_symbol_to_word_ratio"),
    *("gopher_frac_words_with_letter", "gopher_stop_word_count"),
    *(f"gopher_frac_chars_top_{n}gram" for n in (2, 3, 4)),
    *(f"gopher_frac_chars_dupe_{n}grams" for n in (5, 6, 7, 8, 9, 10)),
    *("c4_frac_lines_few_words", "c4_frac_lines_kept", "c4_sentence_count"),
    *("fineweb_newlines_per_word", "refinedweb_frac_lines_one_word"),
    "refinedweb_frac_words_flagged",
)
"""Null where most letters are of scripts without spaces."""

NAMES: Final = tuple(
    sorted(
        (
            *SHARES,
            *COUNTED,
            *("gopher_symbol_to_word_ratio", "fineweb_frac_chars_dupe_lines"),
            "code_mean_line_length",
        )
    )
)


def columns(counts: NDArray[np.int64], *, unlisted: NDArray[np.bool_]) -> pl.DataFrame:
    """Turn counts, a row a text and a column for each of :data:`COUNTS`, into :data:`NAMES`.

    ``unlisted`` are the texts in a language without stop words.
    """
    of = dict(zip(COUNTS, np.ascontiguousarray(counts.T), strict=True))
    in_lines = of["characters"] - of["newlines"]
    symbols = np.maximum(of["hashes"], of["ellipses"])
    found = {name: of[count] for name, count in COUNTED.items()}
    found |= {name: _share(of[part], of[whole]) for name, (part, whole) in SHARES.items()}
    found |= {
        "gopher_symbol_to_word_ratio": _share(symbols, of["words"]),
        "fineweb_frac_chars_dupe_lines": _share(of["dupe_line_characters"], in_lines),
        "code_mean_line_length": _share(in_lines, of["newlines"] + 1),
    }
    unspaced = of["unspaced_letters"] * 2 > of["letters"]
    masks = dict.fromkeys(BY_WORDS, unspaced) | {c.GOPHER_STOP_WORDS: unspaced | unlisted}
    return pl.DataFrame(
        pa.table({name: pa.array(found[name], mask=masks.get(name)) for name in NAMES})
    )


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the quotients, 0 where the whole is."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
