"""Documents of candidates and of their self-test: the same for any order, nothing in both."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tasks.replay.merges.dealing import COMMON, RUN, Dealer, apart
from tasks.shingles import shingles


def prose(seed: int, words: int = 60) -> str:
    chance = random.Random(seed)
    return " ".join("".join(chance.choices("abcdefgh", k=6)) for _ in range(words))


def dealt(some: list[str], *, both: bool = True, most: int = 10**6) -> tuple[list[str], list[str]]:
    dealer = Dealer(seed=1, both=both, most_bytes=most)
    for start in range(0, len(some), 7):
        dealer.add(some[start : start + 7])
    sides = dealer.sides()
    return sides.candidate, sides.others


@given(st.lists(st.integers(0, 60), max_size=80), st.randoms(use_true_random=False))
def test_sides_do_not_depend_on_order_or_copies(seeds: list[int], chance: random.Random) -> None:
    some = [prose(seed) for seed in seeds]
    candidate, others = dealt(some)
    assert sorted(candidate + others) == sorted(set(some))
    shuffled = some + some[:3]
    chance.shuffle(shuffled)
    assert dealt(shuffled) == (candidate, others)


def test_a_side_keeps_the_same_few_megabytes_however_they_come() -> None:
    some = [prose(i) for i in range(300)]
    size = len(some[0])
    candidate, others = dealt(some, most=20 * size)
    assert (len(candidate), len(others)) == (20, 20)
    assert dealt(some[::-1], most=20 * size) == (candidate, others)


def test_without_a_self_test_all_is_the_candidates() -> None:
    some = [prose(i) for i in range(20)]
    candidate, others = dealt(some, both=False)
    assert (sorted(candidate), others) == (sorted(some), [])


def test_copies_with_other_white_space_do_not_part() -> None:
    some = [prose(i) for i in range(40)]
    candidate, others = dealt(some + [text.replace(" ", "\n") for text in some])
    assert len(candidate) + len(others) == 40


def test_short_documents_are_passed_over() -> None:
    assert dealt(["short", "", " " * 10]) == ([], [])


def runs(text: str) -> set[bytes]:
    return set(shingles(text, RUN))


@given(st.data())
def test_what_stands_in_the_others_by_half_is_left_out(data: st.DataObject) -> None:
    pieces = [prose(i, 12) for i in range(6)]
    some = st.lists(st.sampled_from(pieces), max_size=4).map(" ".join)
    texts, others = data.draw(st.lists(some, max_size=6)), data.draw(st.lists(some, max_size=4))
    known = set().union(*map(runs, others))
    expected = [t for t in texts if len(runs(t) & known) < COMMON * max(len(runs(t)), 1)]
    assert apart(texts, others) == expected
