"""Lines that repeat: the same whatever the order and the parts, and only those are removed."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest.markup import html_text
from tasks.ingest.normalise import boilerplate, normalise
from tasks.ingest.normalise.boilerplate import LineSample, repeated, sampled, without_lines
from tests.real_data import real_texts

if TYPE_CHECKING:
    import random

LINE = st.sampled_from(("Home | About", "  Home | About", "© 2024 Us", "***", "", "one", "two"))
PAGES = st.lists(st.lists(LINE, max_size=5).map("\n".join), max_size=60)


def sample_of(pages: list[str], ids: list[str] | None = None) -> LineSample:
    return sampled(LineSample(), ids or [f"{i}" for i in range(len(pages))], pages, seed=1)


def plainly(pages: list[str], share: float) -> tuple[str, ...]:
    """Find what repeats, written to be read."""
    sets = {frozenset(s for x in page.split("\n") if (s := x.strip()) and any(map(str.isalpha, s)))
            for page in pages} - {frozenset()}  # fmt: skip
    least = max(3, ceil(share * len(sets)))
    lines = {line for page in sets for line in page}
    often = (line for line in lines if sum(line in page for page in sets) >= least)
    return tuple(sorted(often)) if len(sets) >= 20 else ()


@given(PAGES, st.sampled_from((0.01, 0.3, 0.5, 1.0)))
def test_small_sources_against_a_plain_reference(pages: list[str], share: float) -> None:
    numbered = [f"{page}\nown line {'x' * i}" if i % 3 else page for i, page in enumerate(pages)]
    assert repeated(sample_of(numbered), share) == plainly(numbered, share)


@given(PAGES, st.randoms(use_true_random=False), st.integers(1, 5))
def test_order_parts_and_repeated_ids_do_not_matter(
    pages: list[str], chance: random.Random, size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boilerplate, "SAMPLED", 7)
        rows = [(f"{i % 40}", page) for i, page in enumerate(pages)]  # some ids come twice
        whole = sample_of([page for _, page in rows], [i for i, _ in rows])
        chance.shuffle(rows)
        parts = [LineSample()] * 3
        for at in range(0, len(rows), size):
            ids, texts = zip(*rows[at : at + size], strict=True)
            which = chance.randrange(3)
            parts[which] = sampled(parts[which], ids, texts, seed=1)
        assert parts[2].merged(parts[0]).merged(parts[1]) == whole
        assert len(whole.entries) <= 7


def test_a_large_source_is_sampled_by_seed_not_by_place() -> None:
    n = 3 * boilerplate.SAMPLED
    pages = [
        f"Menu\nstory {i:x}-{'abc'[i % 3]}\n{'Sponsored' if i % 5 == 0 else ''}" for i in range(n)
    ]
    sample = sample_of(pages)
    assert len(sample.entries) == boilerplate.SAMPLED
    assert repeated(sample, 0.5) == ("Menu",)
    assert repeated(sample, 0.15) == ("Menu", "Sponsored")
    assert sample != sampled(LineSample(), [str(i) for i in range(n)], pages, seed=2)


def test_few_pages_copies_numbers_and_long_lines_are_no_boilerplate() -> None:
    different = [f"Menu\n42\n{'long ' * 200}\npage {'x' * i}" for i in range(25)]
    assert repeated(sample_of(different[:19]), 0.5) == ()
    assert repeated(sample_of(different), 0.5) == ("Menu",)
    copies = ["Not found\nSorry"] * 500 + different
    assert repeated(sample_of(copies), 0.5) == ("Menu",)


def test_memory_is_bounded_and_both_ends_of_a_page_are_seen() -> None:
    middle = [f"line {i}" for i in range(10_000)]
    pages = ["\n".join(["Top", *middle[i:], "Bottom"]) for i in range(30)]
    sample = sample_of(pages)
    assert max(len(lines) for _, _, lines in sample.entries) <= 200
    assert {"Top", "Bottom"} <= set(repeated(sample, 0.9))


@pytest.mark.parametrize(
    ("page", "rest"),
    [
        ("Menu\n\nStory\n\nMenu\n\nGoes on\n\n  Menu", "Story\n\nGoes on\n"),
        ("Story\nMenu\nGoes on\n", "Story\nGoes on\n"),
        ("Story\n\n\nMenu\n\n\n\nGoes on", "Story\n\n\nGoes on"),
        ("Menu", ""),
        ("Menus\n\n\n\nMy Menu", "Menus\n\n\n\nMy Menu"),
    ],
)
def test_removed_lines_leave_no_hole(page: str, rest: str) -> None:
    assert without_lines(page, {"Menu"}) == (rest, len(page) - len(rest))
    assert normalise(page, None, frozenset(("Menu",))).text == rest


def test_the_line_that_heads_every_page_of_a_handbook_is_found() -> None:
    pages = [html_text(page)[1] for page in real_texts("languages/handbook_html_en_de.jsonl.gz")]
    lines = repeated(sample_of(pages), 0.9)
    assert len(lines) == 1
    assert sum(lines[0] in page.split("\n") for page in pages) >= 0.9 * len(pages)
    for page in pages:
        found = normalise(page, None, frozenset(lines))
        assert lines[0] not in found.text.split("\n")
        assert len(normalise(page).text) - len(found.text) == found.changes.get("boilerplate", 0)
