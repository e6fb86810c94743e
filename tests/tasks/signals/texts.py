"""Texts that the signals are tried on: generated ones full of the hard cases, and real ones."""

from __future__ import annotations

import re
from functools import cache

from hypothesis import strategies as st

from tests.real_data import real_texts

HARD_PARTS = (
    *("\n", "\n\n", "\r\n", " ", "\t", "\x0b", "\x1c", "\x85", "\xa0", "\u2003", "\u2028"),
    *("\u3000", "\u200b", "\u00ad", "\x00", "- ", "-", "* ", "*", "•", "‣ ", "▪", "#", "##", "_"),
    *("…", "...", "....", "..", " ...\n", "the", "The", "THE", " the ", "and", "that,", "with"),
    *("be", "of", "to", "have", "word", "42", "é", "e\u0301", "ß", "ẞ", "ΟΔΟΣ", "ς", "İ"),
    *("\u0131", "\u212a", "Ǆ", "漢字", "かな", "カ", "ไทย", "한국어", "नमस्ते", "العربية", "😀"),
    *("\U0001d49c", "🇩🇪", "ª", "²", "Ⅷ", "ⓐ"),
)

# Unassigned code points are left out: Polars and Python know different versions of Unicode.
ASSIGNED = st.characters(exclude_categories=("Cs", "Cn"))
ANY_TEXT = st.lists(st.sampled_from(HARD_PARTS) | st.text(ASSIGNED, max_size=8), max_size=30).map(
    "".join
)

UDHR_CODES = ("arb", "hin", "cmn", "jpn", "tha", "kor", "ell", "heb", "khm", "amh", "pes", "ben")


@cache
def real_documents() -> tuple[str, ...]:
    """Return a few hundred real documents: prose, news, code, formulas, laws, many scripts."""
    return (
        *real_texts("dolma/documents/wiki/part-00000.jsonl.gz", 12),
        *real_texts("dolma/documents/news/part-00000.jsonl.gz", 150),
        *real_texts("dolma/documents/code/part-00000.jsonl.gz", 60),
        *real_texts("dolma/documents/legal/part-00000.jsonl.gz", 60),
        *real_texts("german/laws/part-00000.jsonl.gz", 60),
        *real_texts("german/manpages/part-00000.jsonl.gz", 40),
        *udhr(),
    )


@cache
def udhr() -> tuple[str, ...]:
    """Return the paragraphs of the Universal Declaration of Human Rights in a dozen scripts."""
    marks = [f'data-iso6393="{code}"' for code in UDHR_CODES]
    pages = real_texts("languages/udhr.html.jsonl.gz")
    chosen = [page for page in pages if any(mark in page[:300] for mark in marks)]
    return tuple("\n".join(re.findall(r"<p>(.*?)</p>", page, re.DOTALL)) for page in chosen)
