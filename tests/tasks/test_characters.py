from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from tasks import characters as ch
from tasks.characters import generate, ranges, unicode_16

WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)


def test_the_table_is_what_the_script_writes() -> None:
    assert unicode_16.__file__ is not None
    assert Path(unicode_16.__file__).read_text("utf-8") == generate.module()


def test_both_levels_hold_the_same() -> None:
    starts, content = ch.blocks()
    numbers = np.arange(0x110000)
    found = content[starts[numbers >> ch.BLOCK_BITS].astype(np.int64) + (numbers & 255)]
    assert np.array_equal(found, ch.classes())
    assert starts.nbytes + content.nbytes < 100_000
    assert not starts.flags.writeable
    assert not content.flags.writeable


def test_categories_are_those_of_this_python() -> None:
    """Unicode has not changed the category of these since version 14.0 (Python 3.11)."""
    for number, bits in enumerate(ch.classes().tolist()):
        category = unicodedata.category(chr(number))
        if category not in {"Cn", "Co", "Cs"}:
            expected = (
                category[0] == "L",
                category == "Nd",
                category[0] == "M",
                category[0] == "P",
                category == "Lu",
            )
            classes = (ch.LETTER, ch.DIGIT, ch.MARK, ch.PUNCTUATION, ch.UPPER)
            assert tuple(bool(bits & one) for one in classes) == expected, hex(number)


def test_white_space_is_written_out() -> None:
    assert "".join(map(chr, np.flatnonzero(ch.classes() & ch.SPACE))) == WHITE_SPACE


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("A", ch.LETTER | ch.UPPER),
        ("é", ch.LETTER),
        ("字か\N{THAI CHARACTER KO KAI}", ch.LETTER | ch.UNSPACED),
        ("한あ"[0], ch.LETTER),
        ("7٣", ch.DIGIT),
        (".!?。؟।", ch.PUNCTUATION | ch.TERMINAL),
        ("\"'”»「", ch.PUNCTUATION | ch.QUOTE),
        (",;…", ch.PUNCTUATION),
        ("\u0301", ch.MARK),
        ("+😀\x1c\u200b", 0),
    ],
)
def test_classes(text: str, bits: int) -> None:
    assert ch.of(text).tolist() == [bits] * len(text)


def test_ranges_may_have_steps() -> None:
    assert ranges.stepped_ranges("41-5A 100-136/2 AA") == [
        (65, 90, 1),
        (256, 310, 2),
        (170, 170, 1),
    ]
