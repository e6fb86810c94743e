"""Duplicates beside what was kept for them: which are shown, and which words are marked."""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas import columns as c
from schemas.levels import EXACT, INDEXED, LEVELS, NEAR, REPEATED_URL
from tasks.side_by_side import AROUND, SAMPLES, WORDS, beside, chosen, samples
from tests import corpora

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.samples import Passage

NAMES = (c.DOC_ID, c.KEEP, c.DROP_REASON, c.MATCHED_ID, c.LEVEL, c.CLUSTER_ID, c.SIMILARITY)
Row = tuple[str, str, str | None, str | None]
"""Source, id, reason to be dropped, and whom it was dropped for."""


def tables(rows: list[Row]) -> tuple[pl.DataFrame, pl.DataFrame]:
    frame = pl.DataFrame({c.SOURCE: [row[0] for row in rows]}, schema={c.SOURCE: pl.String})
    told = [
        (
            *(doc_id, reason is None, reason, kept),
            *(LEVELS.get(reason or ""), kept or doc_id, 0.9 if reason == NEAR else None),
        )
        for _, doc_id, reason, kept in rows
    ]
    kinds: dict[str, Any] = dict.fromkeys(NAMES, pl.String)
    kinds |= {c.KEEP: pl.Boolean, c.SIMILARITY: pl.Float64}
    return frame, pl.DataFrame(told, schema=kinds, orient="row")


def clusters(source: str, n: int, reason: str, *, copies: int = 2) -> list[Row]:
    found: list[Row] = []
    for i in range(n):
        first = f"{source}-{reason}-{i}"
        found.append((source, first, None, None))
        found += [(source, f"{first}-{k}", reason, first) for k in range(copies)]
    return found


def test_near_duplicates_come_first_spread_over_sources_one_of_a_cluster() -> None:
    rows = [*clusters("large", 50, NEAR), *clusters("small", 3, NEAR),
            *clusters("large", 50, EXACT)]  # fmt: skip
    some = chosen(*tables(rows), seed=1)
    assert some.height == SAMPLES
    assert set(some[c.DROP_REASON]) == {NEAR}
    assert some[c.SOURCE].value_counts().sort("count")["count"].to_list() == [3, SAMPLES - 3]
    assert some[c.CLUSTER_ID].is_unique().all()
    for row, kept_row in some.select(c.ROW, "kept_row").iter_rows():
        assert (rows[row][3], rows[row][2]) == (rows[kept_row][1], NEAR)
    few = [*clusters("large", 2, NEAR), *clusters("large", 30, EXACT),
           *clusters("large", 4, REPEATED_URL)]  # fmt: skip
    reasons = chosen(*tables(few), seed=1)[c.DROP_REASON].to_list()
    wanted = [NEAR] * 2 + [REPEATED_URL] * 4
    assert reasons == wanted + [EXACT] * (SAMPLES - len(wanted))


def test_another_order_shows_the_same_and_another_seed_does_not() -> None:
    rows = clusters("web", 60, NEAR)
    ids = chosen(*tables(rows), seed=1)[c.DOC_ID].to_list()
    shuffled = random.Random(3).sample(rows, len(rows))
    assert chosen(*tables(shuffled), seed=1)[c.DOC_ID].to_list() == ids
    assert chosen(*tables(rows), seed=2)[c.DOC_ID].to_list() != ids


def test_what_has_no_kept_twin_or_no_duplicates_shows_nothing() -> None:
    gone: list[Row] = [("web", "a", "empty", None), ("web", "b", NEAR, "a")]
    # An index may have a document of an id that this run has too, with another text.
    indexed: list[Row] = [("web", "a", None, None), ("web", "a", INDEXED, "a")]
    for rows in ([], gone[:1], gone, indexed):
        some = chosen(*tables(rows), seed=1)
        assert some.is_empty()
        assert samples(some, lambda rows: []).twins == ()


def test_a_copy_of_a_near_duplicate_is_called_near() -> None:
    frame, decisions = tables([*clusters("web", 1, NEAR, copies=1)])
    decisions = decisions.with_columns(pl.col(c.DROP_REASON).replace(NEAR, EXACT))
    (row,) = chosen(frame, decisions, seed=1).to_dicts()
    assert (row[c.DROP_REASON], row[c.LEVEL], row[c.SIMILARITY]) == (EXACT, "near", 0.9)


def test_texts_are_those_of_the_rows() -> None:
    rows = clusters("web", 3, NEAR, copies=1)
    texts = [f"{doc_id} says hello" for _, doc_id, _, _ in rows]

    def read(wanted: Any) -> Iterator[pa.Array]:
        for row in wanted:
            yield pa.array([texts[row]], pa.large_string())

    found = samples(chosen(*tables(rows), seed=1), read).twins
    assert len(found) == 3
    for one in found:
        assert (one.level, one.similarity) == ("near", 0.9)
        assert one.kept == ((True, one.kept_id), (False, "says hello"))
        assert one.dropped == ((True, one.doc_id), (False, "says hello"))


def shown(passage: Passage) -> str:
    return " ".join(text for _, text in passage)


def marked(passage: Passage) -> list[str]:
    return [text for differs, text in passage if differs]


def test_words_that_differ_are_marked_and_long_stretches_cut() -> None:
    words = [f"w{i}" for i in range(600)]
    other = [*words[:300], "otherwise", *words[301:320], *words[322:]]
    left, right = beside(" ".join(words), " ".join(other))
    assert marked(left) == ["w300", "w320 w321"]
    assert marked(right) == ["otherwise"]
    assert shown(left) == " ".join(["…", *words[300 - AROUND : 322 + AROUND], "…"])
    assert shown(right).split()[:3] == ["…", "w288", "w289"]


def test_equal_texts_show_how_they_begin() -> None:
    text = corpora.prose("equal", 300)
    left, right = beside(text, text.replace(" ", "\n"))
    assert left == right == ((False, " ".join(text.split()[:WORDS])), (False, "…"))
    assert beside("", "") == ((), ())


def test_personal_data_is_masked_on_both_sides() -> None:
    text = f"{corpora.prose('mail', 60)} write to jane.doe@example.org or +49 170 1234567 now"
    for passage in beside(text, text.replace("write", "send")):
        assert "<email> or <number>" in shown(passage)
        assert "jane" not in shown(passage)


NUMBER = "+49 170 1234567 "


def test_no_half_of_a_number_is_left_where_the_text_is_cut() -> None:
    words = [word for word in corpora.prose("cut", 2_000).split() if word.isalpha()]
    for shift in range(8):
        some, long = " ".join(words[:shift]), " ".join(words[: 760 + shift])
        for left, right in (
            (f"{some} {NUMBER * 40}. left end", f"{some} {NUMBER * 40}. end"),
            (f"one {long} {NUMBER * 100}", f"other {long} {NUMBER * 100}"),
            (f"one {long} a {NUMBER * 100}", f"other {long} {NUMBER * 100}"),
        ):
            for passage in beside(left, right):
                assert not re.search("[0-9]", shown(passage)), (shift, passage)


def test_no_half_of_an_address_is_left_where_a_word_is_cut() -> None:
    for before in range(380, 410):
        word = f"{'/' * before}jane.doe@example.org{'/' * 500}"
        for passage in beside(f"one {word}", f"other {word}"):
            assert "jane" not in shown(passage)


@given(st.lists(st.sampled_from("abcd"), max_size=400), st.lists(st.sampled_from("abcd")))
def test_excerpts_are_short_and_of_their_text(left: list[str], right: list[str]) -> None:
    both = beside(" ".join(left), " ".join(right))
    for words, passage in zip((left, right), both, strict=True):
        pieces = [text for _, text in passage if text != "…"]
        assert sum(len(piece.split()) for piece in pieces) <= WORDS
        assert all(piece in " ".join(words) for piece in pieces)
    if left != right:
        assert any(differs for passage in both for differs, _ in passage)


def test_huge_documents_take_no_time() -> None:
    chance = random.Random(1)
    left, right = (" ".join(chance.choices("abcdef", k=200_000)) for _ in range(2))
    beside(left, right)
    beside("x" * 10_000_000, "y" * 10_000_000)
    begin = time.process_time()
    beside(f"x {'0 ' * 3_000}", f"y {'0 1 ' * 3_000}")  # a table of few numbers
    assert time.process_time() - begin < 5
