"""The paragraphs that hold eval items: cut, and what is left has none any more."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from tasks import eval_texts
from tasks.evals import index
from tasks.pieces import paragraphs

LIMITS = index.Limits(0.5, 13)
NONE = np.zeros(0, np.int64)
WORDS = st.lists(st.sampled_from(["a", "b", "ç", "漢字", "***", "\n\n", "\n", "-"]), max_size=60)
TEXTS = st.lists(WORDS.map(" ".join), min_size=1, max_size=3)
ITEM = "Where do the herons of the marsh sleep when the river has frozen over at night?"


def large(texts: list[str]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def indexed(items: list[str]) -> index.Index:
    return index.made(index.grams(large(items), 3))


def left(text: str, cut: eval_texts.Cut) -> str:
    """Return what is left; what goes is whole paragraphs, in order, and apart."""
    body, at, kept = text.encode(), 0, b""
    limits = [(p.start, p.end) for p in paragraphs(text, 1)]
    for start, end, _ in cut.spans:
        assert at <= start < end
        assert start in {a for a, _ in limits}
        assert end in {b for _, b in limits}
        kept, at = kept + body[at:start], end
    return (kept + body[at:]).decode()


@given(TEXTS, TEXTS, st.lists(st.integers(0, 20)))
@example(["a a a a\n\nb b b b"], ["a a a a\n\na b a b a b b a\n\nb b b b"], [])
def test_what_is_left_has_no_item(items: list[str], texts: list[str], common: list[int]) -> None:
    some, usual = indexed(items), np.unique(common)
    found = eval_texts.cut(large(texts), some, usual, LIMITS)
    before = eval_texts.judged(large(texts), some, usual, LIMITS)
    after = [left(text, cut) for text, cut in zip(texts, found, strict=True)]
    assert not len(eval_texts.judged(large(after), some, usual, LIMITS))
    assert {i for i, cut in enumerate(found) if cut.spans} == set(before[:, 0].tolist())
    assert [cut.worded for cut in found] == [bool(paragraphs(text, 1)) for text in after]


def cut(text: str, items: list[str], common: np.ndarray = NONE) -> tuple[str, list[int]]:
    (found,) = eval_texts.cut(large([text]), indexed(items), common, LIMITS)
    return left(text, found), [span.item for span in found.spans]


def test_only_the_paragraphs_of_the_item_go() -> None:
    text = f"Before.\n\nAsked: {ITEM} Well.\n\nAfter."
    assert cut(text, ["nothing of the kind is here", ITEM]) == ("Before.\n\nAfter.", [1])


def test_an_item_over_several_paragraphs_takes_them_and_what_stands_between() -> None:
    asked = ITEM.replace("sleep", "sleep\n\n* * *\n\n")
    assert cut(f"Before.\n\n{asked}\n\nAfter.", [ITEM]) == ("Before.\n\nAfter.", [0])


def test_a_part_of_the_item_without_eight_words_in_a_row_stays() -> None:
    text = f"{ITEM}\n\nWhere do the herons sleep?\n\nWhere do the herons of the marsh sleep when?"
    assert cut(text, [ITEM]) == ("Where do the herons sleep?\n\n", [0, 0])


def test_halves_that_come_together_go_too() -> None:
    other = "one two three four five six seven eight nine ten eleven twelve thirteen"
    item = ITEM.removesuffix(" at night?")
    halves = item.replace("marsh", f"marsh\n\nSay: {other}.\n\n")
    assert not len(eval_texts.judged(large([halves]), indexed([item]), NONE, LIMITS))
    assert cut(f"Before.\n\n{halves}\n\nAfter.", [item, other]) == ("Before.\n\nAfter.", [0])


def test_common_rows_of_words_are_not_looked_at() -> None:
    some = indexed([ITEM])
    every = np.arange(len(some.own_widths))
    assert cut(ITEM, [ITEM], every) == (ITEM, [])
