"""The bench of decontamination runs, and items are planted as it says."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import planting
from benchmarks.copies import Editor
from tasks.shingles import words
from tests.real_data import real_data
from tests.test_benchmarks import bench, keys_on_the_page

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST = "\n\n".join(f"Paragraph {n} of the document that somebody wrote." for n in range(5))
ITEM = "How many eggs do sixteen ducks lay a week, if each of them lays one egg every other day?"
EDITOR = Editor([HOST, ITEM])


@pytest.fixture(scope="module")
def quick() -> dict[str, Any]:
    """Give the figures of a quick run."""
    done = bench(
        *("--quick", "--json", "--documents", "100", "--items", "5000", "--each", "3"),
        name="evals",
        env={"OPENMOAT_DATA": str(real_data())},
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_the_last_line_is_the_figures_that_the_page_names(quick: dict[str, Any]) -> None:
    assert set(quick) == keys_on_the_page("## The figures of bench-evals")
    assert {key for run in quick["runs"] for key in run} == keys_on_the_page("### signals runs")
    assert set(quick["found"]) == keys_on_the_page("### evals found")


@pytest.mark.slow
def test_what_is_planted_as_it_is_or_only_moved_about_is_found(quick: dict[str, Any]) -> None:
    found = quick["found"]
    assert found["planted"] == 3 * len(planting.KINDS) * len(planting.SETS)
    assert sum(row["planted"] for row in found["recall"]) == found["planted"]
    for row in found["recall"]:
        if row["kind"] not in {"changed", "apart"}:
            assert row["found"] == row["planted"], row
    assert found["hits"]["more"] == 0
    assert quick["input"]["items"] == {"of_sets": 4_600, "all": 5_000}


def test_without_real_data_it_says_what_to_set() -> None:
    done = bench("--quick", name="evals", env={"OPENMOAT_DATA": "/none"}, rc=1)
    assert "OPENMOAT_DATA" in done.stderr
    assert "Traceback" not in done.stderr


def within(part: Sequence[bytes], whole: Sequence[bytes]) -> bool:
    return any(whole[i : i + len(part)] == part for i in range(len(whole) - len(part) + 1))


@given(st.sampled_from(planting.KINDS), st.integers(0, 99))
def test_documents_keep_their_paragraphs_and_have_the_item(kind: str, number: int) -> None:
    text = planting.planted(HOST, ITEM, kind, editor=EDITOR, number=number)
    places = [text.index(paragraph) for paragraph in HOST.split("\n\n")]
    assert all(before < after for before, after in pairwise(places))
    whole = within(words(ITEM), words(text))
    assert whole == (kind not in {"apart", "changed"})
    assert (ITEM in text) == (kind == "verbatim")
    if kind == "apart":
        some = ITEM.split()
        assert " ".join(some[:9]) in text
        assert " ".join(some[9:]) in text


def test_sets_are_filled_up_by_edits() -> None:
    some = list(planting.filled_up([ITEM, HOST], 9))
    assert some[:2] == [ITEM, HOST]
    assert len(some) == 9 == len(set(some))
    assert some == list(planting.filled_up([ITEM, HOST], 9))
