"""Gopher's signals against a reference in plain Python."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import columns as c
from tasks.signals.gopher import BULLETS, STOP_WORDS, gopher
from tests.tasks.signals.texts import ANY_TEXT, real_documents

WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)
TO_SPACE = str.maketrans(dict.fromkeys(WHITE_SPACE, " "))
ELLIPSES = ("…", "...")


def words_of(text: str) -> list[str]:
    """Split at the listed white space only; ``str.split`` alone knows more."""
    return [word for word in text.translate(TO_SPACE).split(" ") if word]


def starts_with_bullet(line: str) -> bool:
    """Tell whether a stripped line is an item of a list."""
    return line[0] in BULLETS or (line[0] in "-*" and (len(line) == 1 or line[1] in WHITE_SPACE))


def has_letter(word: str) -> bool:
    """Tell whether one of the code points is of category L."""
    return any(unicodedata.category(character)[0] == "L" for character in word)


def reference(text: str) -> dict[str, float]:
    """Measure one text as the module says."""
    words = words_of(text)
    lines = [line for line in (part.strip(WHITE_SPACE) for part in text.split("\n")) if line]
    n_words, n_lines = max(len(words), 1), max(len(lines), 1)
    ellipses = text.count("…") + text.count("...")
    lowered = {word.lower() for word in words if word.isascii()}
    return {
        c.GOPHER_WORD_COUNT: len(words),
        c.GOPHER_MEAN_WORD_LENGTH: sum(map(len, words)) / n_words,
        c.GOPHER_SYMBOL_TO_WORD_RATIO: max(text.count("#"), ellipses) / n_words,
        c.GOPHER_BULLET_LINES: sum(map(starts_with_bullet, lines)) / n_lines,
        c.GOPHER_ELLIPSIS_LINES: sum(line.endswith(ELLIPSES) for line in lines) / n_lines,
        c.GOPHER_ALPHABETIC_WORDS: sum(map(has_letter, words)) / n_words,
        c.GOPHER_STOP_WORDS: len(lowered & set(STOP_WORDS)),
    }


def measured(*texts: str) -> list[dict[str, float]]:
    """Measure some texts in one batch."""
    return gopher(pl.Series(texts, dtype=pl.String)).to_dicts()


@given(st.lists(ANY_TEXT, max_size=6))
def test_equals_the_reference_on_any_text(texts: list[str]) -> None:
    assert measured(*texts) == [reference(text) for text in texts]


def test_equals_the_reference_on_real_documents() -> None:
    documents = real_documents()
    for row, text in zip(measured(*documents), documents, strict=True):
        assert row == reference(text), text[:80]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u3000\t\x85\r\n"])
def test_a_text_without_words_is_all_zeros(text: str) -> None:
    assert measured(text) == [dict.fromkeys(reference(text), 0)]


def test_types_hold_for_no_texts_at_all() -> None:
    frame = gopher(pl.Series([], dtype=pl.String))
    counts = {c.GOPHER_WORD_COUNT, c.GOPHER_STOP_WORDS}
    assert frame.height == 0
    assert {n for n, kind in frame.schema.items() if kind == pl.Int64} == counts
    assert {kind for n, kind in frame.schema.items() if n not in counts} == {pl.Float64()}


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("one two\u3000three\nfour", c.GOPHER_WORD_COUNT, 4),
        ("a\x1cb\u200bc", c.GOPHER_WORD_COUNT, 1),
        ("ab cdéf", c.GOPHER_MEAN_WORD_LENGTH, 3.0),
        ("# one ## two", c.GOPHER_SYMBOL_TO_WORD_RATIO, 0.75),
        ("wait... for it… # ......", c.GOPHER_SYMBOL_TO_WORD_RATIO, 0.8),
        ("• a\n  - b\n* c\n-d\n\n*e*", c.GOPHER_BULLET_LINES, 0.6),
        ("-\r\n- \n*", c.GOPHER_BULLET_LINES, 1.0),
        ("a...\nb… \r\nc\n\n....", c.GOPHER_ELLIPSIS_LINES, 0.75),
        ("a1 42 -- é 漢字", c.GOPHER_ALPHABETIC_WORDS, 0.6),
        ("The the THE of, And", c.GOPHER_STOP_WORDS, 2),
        ("the be to of and that have with", c.GOPHER_STOP_WORDS, 8),
        ("bathe tobe\nwithout", c.GOPHER_STOP_WORDS, 0),
    ],
)
def test_definitions(text: str, column: str, expected: float) -> None:
    assert measured(text)[0][column] == pytest.approx(expected)
