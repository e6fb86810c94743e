"""What documents have of eval items: the kernel against plain Python, and by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import evals
from tasks.evals import index
from tasks.shingles import words
from tests.tasks.signals.kernels import bounds_checked, imports_numba
from tests.tasks.signals.texts import ANY_TEXT

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = index.Limits(0.5, 13)
FEW_WORDS = st.lists(st.sampled_from(["a", "b", "Ça", "漢字", "x-y", "\n\n"]), max_size=40)
SOME = st.lists(FEW_WORDS.map(" ".join), min_size=1, max_size=4)
ITEM = "Janet's ducks lay 16 eggs per day, and she eats three of them for breakfast"


def large(texts: list[str]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def indexed(items: list[str], least: int = 3) -> index.Index:
    return index.made(index.grams(large(items), least))


def reference(items: list[str], text: str, least: int = 3) -> list[tuple[int, int, int]]:
    """Return item, words covered and run, of each of which a document has enough."""
    found = []
    for number, item in enumerate(items):
        own, n_words = evals.grams(item, least), len(words(item))
        width = min(evals.WIDTH, n_words)
        had = evals.had(own, n_words, evals.found(text, dict.fromkeys(own, width)))
        if had.covered > LIMITS.covered_share * n_words or had.run >= LIMITS.run_words:
            found.append((number, *had))
    return found


def judged(items: list[str], texts: list[str]) -> list[list[tuple[int, int, int]]]:
    some = indexed(items)
    finds = some.find(large(texts))
    rows = some.judge(finds.grams, finds.words, finds.firsts, LIMITS)
    found: list[list[tuple[int, int, int]]] = [[] for _ in texts]
    for text, item, covered, run in rows.tolist():
        found[text].append((item, covered, run))
    return [sorted(own) for own in found]


@given(SOME, SOME)
def test_equals_the_reference_on_texts_of_few_words(items: list[str], texts: list[str]) -> None:
    assert judged(items, texts) == [reference(items, text) for text in texts]


@given(st.lists(ANY_TEXT, min_size=1, max_size=3), st.lists(ANY_TEXT, max_size=2), st.data())
def test_finds_all_of_an_item_in_any_text(
    items: list[str], others: list[str], data: st.DataObject
) -> None:
    item = data.draw(st.sampled_from(items))
    around = data.draw(ANY_TEXT)
    for text in (f"{around}\n{item} {around}", *others):
        assert judged(items, [text]) == [reference(items, text)]


@given(SOME, st.lists(ANY_TEXT | FEW_WORDS.map(" ".join), min_size=1, max_size=3))
def test_says_where_grams_stand(items: list[str], texts: list[str]) -> None:
    some = indexed(items)
    finds = some.find(large(texts))
    for number, text in enumerate(texts):
        body = text.encode()
        for i in range(finds.firsts[number], finds.firsts[number + 1]):
            width = int(some.own_widths[finds.grams[i]])
            first = int(finds.words[i])
            said = words(body[finds.starts[i] : finds.ends[i]].decode())
            assert said == words(text)[first : first + width]


@pytest.mark.parametrize(
    ("text", "had"),
    [
        (ITEM, (16, 16)),
        (f"Before. {ITEM.upper()}. After.", (16, 16)),
        (ITEM.replace(" ", "\n\n"), (16, 16)),
        (ITEM.replace(", and", " and"), (16, 16)),
        (ITEM.replace("breakfast", "lunch"), (15, 15)),
        (ITEM.replace("eggs", "egg"), (10, 10)),
    ],
)
def test_how_much_of_an_item_a_document_has(text: str, had: tuple[int, int]) -> None:
    assert judged([ITEM], [text]) == [[(0, *had)]]


def test_too_little_of_an_item() -> None:
    half = ITEM.replace("and", "but")
    assert judged([ITEM], [half, "", "ducks"]) == [[], [], []], "eight words of sixteen"


def test_a_short_item_is_found_as_a_whole_and_by_whole_words_only() -> None:
    item = "What is the capital city?"
    texts = ["So: what is the CAPITAL city then", "what is the capital cityscape", "is the capital"]
    assert judged([item], texts) == [[(0, 5, 5)], [], []]
    assert evals.grams("What is", 3) == []


def test_items_within_items_are_found_each() -> None:
    inner = "the quick brown fox jumps over the lazy dog"
    outer = f"{inner} while nobody at all is looking at it or at them or anywhere else today"
    assert judged([inner, outer], [inner, outer]) == [
        [(0, 9, 9)],
        [(0, 9, 9), (1, len(outer.split()), len(outer.split()))],
    ]


def test_a_run_counts_where_little_of_a_long_item_is_covered() -> None:
    item = " ".join(f"word{i}" for i in range(100))
    text = " ".join(f"word{i}" for i in range(40, 53))
    assert judged([item], [text]) == [[(0, 13, 13)]]
    assert judged([item], [text.removesuffix(" word52")]) == [[]]


def test_items_without_grams_make_an_index_that_finds_nothing() -> None:
    assert judged(["", "two words"], ["two words", ""]) == [[], []]


def test_reads_nothing_outside_of_its_arrays(tmp_path: Path) -> None:
    ignored = "not reads_nothing and not importing"
    assert not bounds_checked(tmp_path, "-m", "pytest", "-q", "-x", __file__, "-k", ignored)


def test_importing_the_package_imports_no_compiler() -> None:
    assert not imports_numba("tasks.evals.index")
