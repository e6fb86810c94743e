from __future__ import annotations

import time
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.ingest.normalise import normalise
from tasks.ingest.normalise.marks import LONG, with_marks_in_order

MARKS = st.text("\u0300\u0316\u0334\u0344\u0345\u0f73\u05b0", min_size=LONG - 2, max_size=150)
LETTERS = st.text("ae\u00e9\u1ec7\u0958\u1100\u1161\u11a8", max_size=3)


@settings(max_examples=200)
@given(st.lists(LETTERS | MARKS, max_size=5).map("".join))
def test_the_normal_form_is_the_same(text: str) -> None:
    assert unicodedata.normalize("NFC", with_marks_in_order(text)) == unicodedata.normalize(
        "NFC", text
    )


def test_a_megabyte_of_marks_takes_no_hours() -> None:
    begun = time.process_time()
    for marks in ("\u0300\u0316" * 250_000, "\u0316" * 250_000 + "\u0334" * 250_000):
        found = normalise("a" + marks).text
        assert unicodedata.is_normalized("NFC", found)
    assert time.process_time() - begun < 5
