"""Who gives way, against the rule said in plain words."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from schemas import columns as c
from schemas.guard import IN_NEW, IN_TRAINING
from schemas.levels import EVAL_ITEM
from tasks.mixture.guard import EVALS, ORDER, is_open, resolved

SETS = {name: [f"{name} {i}" for i in range(4)] for name in ORDER}
DOCUMENTS = [(name, own) for name, ids in SETS.items() for own in ids]
SCHEMA = {
    c.LEFT_SET: pl.String,
    c.LEFT_ID: pl.String,
    c.RIGHT_SET: pl.String,
    c.RIGHT_ID: pl.String,
    c.LEVEL: pl.String,
    c.SIMILARITY: pl.Float64,
}
Pair = tuple[tuple[str, str], tuple[str, str], float]


def table(*pairs: Pair) -> pl.DataFrame:
    rows = [
        (*left, *right, EVAL_ITEM if EVALS in {left[0], right[0]} else level(s), s)
        for left, right, s in pairs
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def level(similarity: float) -> str:
    return "exact" if similarity == 1 else "near"


@st.composite
def some_pairs(draw: st.DrawFn) -> list[Pair]:
    chosen = st.sampled_from(DOCUMENTS)
    one = st.tuples(chosen, chosen, st.sampled_from([0.8, 0.9, 1.0]))
    pairs = draw(st.lists(one, max_size=30, unique_by=lambda p: frozenset(p[:2])))
    return [p for p in pairs if p[0][0] != p[1][0]]


def reference(pairs: list[Pair]) -> dict[str, str]:
    """Walk through the sets: who has a pair with one that stays in a set before it goes."""
    gone: dict[str, str] = {}
    for place, name in enumerate(ORDER):
        for own in SETS[name]:
            rivals = []
            for left, right, similarity in pairs:
                for mine, other in ((left, right), (right, left)):
                    before = ORDER.index(other[0])
                    if mine == (name, own) and before < place and other[1] not in gone:
                        rivals.append((before, -similarity, other[1]))
            if rivals:
                gone[own] = min(rivals)[2]
    return gone


@given(some_pairs())
def test_who_goes_and_for_whom(pairs: list[Pair]) -> None:
    found = resolved(table(*pairs))
    assert dict(found.select(c.DOC_ID, c.MATCHED_ID).iter_rows()) == reference(pairs)
    assert found[c.DOC_ID].is_unique().all()


@given(some_pairs(), st.randoms())
def test_the_order_of_pairs_and_their_sides_do_not_matter(pairs: list[Pair], random: Any) -> None:
    other = [(right, left, s) if random.random() < 0.5 else (left, right, s)
             for left, right, s in random.sample(pairs, len(pairs))]  # fmt: skip
    assert resolved(table(*other)).equals(resolved(table(*pairs)))


@given(some_pairs())
def test_none_of_a_pair_with_both_stays(pairs: list[Pair]) -> None:
    gone = set(resolved(table(*pairs))[c.DOC_ID])
    assert all({left[1], right[1]} & gone for left, right, _ in pairs)
    assert not any(own.startswith(EVALS) for own in gone)


def test_reasons() -> None:
    evals, train, valid, old, held = (SETS[name][0] for name in ORDER)
    found = resolved(
        table(
            ((EVALS, evals), ("new train", train), 0.6),
            (("new train", train), ("replay train", old), 1.0),
            (("new valid", valid), ("replay valid", held), 0.9),
            (("new valid", valid), ("new train", SETS["new train"][1]), 0.8),
            (("replay train", old), ("replay valid", held), 0.9),
            (("replay valid", SETS["replay valid"][1]), ("new valid", SETS["new valid"][1]), 1.0),
        )
    )
    assert dict(found.select(c.DOC_ID, c.REASON).iter_rows()) == {
        train: EVAL_ITEM,
        valid: IN_TRAINING,
        held: IN_TRAINING,  # new data that would have driven it out is left out itself
        SETS["replay valid"][1]: IN_NEW,
    }


def test_one_whose_listed_matches_all_went_may_have_another() -> None:
    rivals = [("new train", own) for own in SETS["new train"][:2]]
    evals, old = (EVALS, SETS[EVALS][0]), ("replay train", SETS["replay train"][0])
    pairs = table(*((evals, one, 1.0) for one in rivals), *((one, old, 0.9) for one in rivals))
    found = resolved(pairs)
    assert set(found[c.DOC_ID]) == {own for _, own in rivals}
    assert is_open(pairs, found, listed=2)
    assert not is_open(pairs, found, listed=3)


def test_no_pairs() -> None:
    assert resolved(table()).is_empty()
    assert not is_open(table(), resolved(table()), listed=1)
