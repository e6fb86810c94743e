"""Words and shingles against a reference that walks over the text one code point at a time."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.characters.ranges import UNSPACED, parse_ranges
from tasks.shingles import SEPARATORS_UNICODE_14, shingles, words
from tests.tasks.signals.texts import ANY_TEXT, real_documents

SEPARATORS = {i for a, b in parse_ranges(SEPARATORS_UNICODE_14) for i in range(a, b + 1)}
SIGMA, FINAL_SIGMA = "\N{GREEK SMALL LETTER SIGMA}", "\N{GREEK SMALL LETTER FINAL SIGMA}"
ODD = {SIGMA.upper(): SIGMA, FINAL_SIGMA: SIGMA, "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}": "i"}
ALONE = {i for a, b in parse_ranges(UNSPACED) for i in range(a, b + 1)} - SEPARATORS


def words_reference(text: str) -> list[bytes]:
    """Split as the module says, in the plainest way."""
    found, word = [], ""
    for character in "".join(ODD.get(ch, ch.lower()) for ch in text):
        if ord(character) in SEPARATORS or ord(character) in ALONE:
            found += [word, character if ord(character) in ALONE else ""]
            word = ""
        else:
            word += character
    return [w.encode() for w in [*found, word] if w]


def shingles_reference(text: str, n: int) -> list[bytes]:
    """Join every ``n`` neighbouring words."""
    tokens = words_reference(text)
    if 0 < len(tokens) < n:
        return [b" ".join(tokens)]
    return [b" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


@given(ANY_TEXT | st.text(), st.integers(1, 7))
def test_equals_the_reference_on_any_text(text: str, n: int) -> None:
    assert words(text) == words_reference(text)
    assert list(shingles(text, n)) == shingles_reference(text, n)


def test_equals_the_reference_on_real_documents() -> None:
    for text in real_documents():
        assert list(shingles(text, 5)) == shingles_reference(text, 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t …—!? \u3000", []),
        ("The quick, BROWN fox_trot's 2nd", ["the", "quick", "brown", "fox", "trot", "s", "2nd"]),
        ("ÄRGER ΟΔΟΣ", ["ärger", "οδοσ"]),
        ("漢字です。", ["漢", "字", "で", "す"]),
        ("नमस्ते दुनिया।", ["नमस्ते", "दुनिया"]),
        ("a\u00adb 😀 c", ["a", "b", "c"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert [word.decode() for word in words(text)] == expected


def test_a_short_text_has_one_shingle_of_all_its_words() -> None:
    assert list(shingles("One, two three!", 5)) == [b"one two three"]
    assert list(shingles("one two three", 3)) == [b"one two three"]
    assert list(shingles("one two three", 2)) == [b"one two", b"two three"]
    assert list(shingles("--- ...", 2)) == []


@pytest.mark.skipif(
    unicodedata.unidata_version != "14.0.0", reason="the table is of Unicode 14.0 (Python 3.11)"
)
def test_the_separators_are_unicodes() -> None:
    for code_point in range(0x110000):
        category = unicodedata.category(chr(code_point))
        if category not in {"Cn", "Co", "Cs"}:
            expected = category[0] in "PSZ" or category in {"Cc", "Cf"}
            assert (code_point in SEPARATORS) == expected, hex(code_point)
