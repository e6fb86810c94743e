"""Twins against a plain comparison of all with all, and what must hold of any decision on them."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import columns as c
from schemas import levels
from schemas.config import DedupConfig, SelectConfig, SignalsConfig
from tasks import compiled, dedup, hashing, select
from tasks.dedup import near, semantic
from tasks.signals.minhash import minhash
from tests import corpora, strategies
from tests.real_data import real_texts

if TYPE_CHECKING:
    import random

THRESHOLD = 0.65  # of six values: four must agree
SEED = 3
COSINE = 0.95
Row = dict[str, Any]


def decided(
    rows: list[Row],
    *,
    exact: bool = True,
    near: bool = True,
    signals: SignalsConfig = strategies.SMALL_SKETCHES,
    threshold: float = THRESHOLD,
    memory_bytes: int = dedup.MEMORY_BYTES,
    known: dict[int, tuple[str, float]] | None = None,
    degrees: list[int] | None = None,
    addresses: list[str | None] | None = None,
) -> list[Row]:
    """Return the rows with what was found and decided of each.

    ``known``: what an index has; ``degrees``: where each row's embedding points to; ``addresses``:
    of which each row has one, in turn.
    """
    of_index = pl.DataFrame(
        [(row, *match) for row, match in (known or {}).items()],
        schema={c.ROW: pl.Int64, c.MATCHED_ID: pl.String, c.SIMILARITY: pl.Float64},
        orient="row",
    )
    frame = pl.DataFrame(rows, schema=strategies.SCHEMA)
    config = DedupConfig(exact=exact, near=near, threshold=threshold, urls=bool(addresses))
    if addresses:
        own = [addresses[i % len(addresses)] for i in range(frame.height)]
        frame = frame.with_columns(pl.Series(c.ADDRESS, own, pl.String))
    frame = frame.with_columns(dedup.rank(frame, config, seed=SEED))
    state = frame.hstack(dedup.exact(frame, config, known=of_index[c.ROW].to_numpy()))
    ranks = dedup.taking_part(state)
    lazy = frame.with_row_index(c.ROW).lazy()
    pairs = [
        dedup.pairs(lazy, ranks, span, config=signals, threshold=threshold)
        for span in dedup.spans(frame.height, signals, memory_bytes)
    ]
    found = dedup.settle(lambda: pairs, ranks)
    twins = dedup.twins(state, found, of_index)
    left = select.surviving(frame.hstack(twins), config)
    if degrees is not None:
        twins = dedup.joined(
            twins, meaning_alike(left, ranks=frame[c.RANK], degrees=degrees), levels.SEMANTIC
        )
    frame = frame.hstack(twins)
    decisions = select.decide(frame, select=SelectConfig(), dedup=config, seed=SEED)
    assert degrees is not None or left.to_list() == decisions[c.KEEP].to_list()
    return (
        frame.hstack(decisions.drop(c.DOC_ID, c.SIMILARITY))
        .with_columns(decisions[c.SIMILARITY])
        .to_dicts()
    )


def meaning_alike(left: pl.Series, *, ranks: pl.Series, degrees: list[int]) -> pl.DataFrame:
    """Settle what is left by the cosine of angles."""
    rows = np.array(sorted(left.arg_true().to_list(), key=ranks.to_list().__getitem__), np.int64)
    angles = np.radians([degrees[row % len(degrees)] for row in rows])
    unit = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    gone, others, cosines = semantic.settle(unit, COSINE)
    return pl.DataFrame({c.ROW: rows[gone], c.TWIN_ROW: rows[others], c.SIMILARITY: cosines})


def preference(row: Row) -> tuple[Any, ...]:
    """Sort the document that is preferred first."""
    return (
        len(row[c.BROKEN]) > 0,
        row[c.ORIGIN] != "new",
        -row[c.N_BYTES],
        hashing.seeded([row[c.DOC_ID]], seed=SEED, stage="dedup")[0],
        row[c.DOC_ID],
        row[c.TEXT_HASH],
        row[c.DOCUMENT_DIGEST],
    )


def estimate(equal: float) -> float:
    """Estimate Jaccard similarity from the share of bytes that are equal."""
    return max(0.0, (equal - 1 / 256) / (1 - 1 / 256))


def agreement(left: Row, right: Row) -> float:
    """Estimate Jaccard similarity."""
    pairs = list(zip(left[c.MINHASH_SKETCH], right[c.MINHASH_SKETCH], strict=True))
    return estimate(sum(a == b for a, b in pairs) / len(pairs))


def reference(rows: list[Row]) -> list[tuple[str | None, Row, float | None]]:
    """Kind, document that stands for it, and similarity of each row: all compared with all.

    Of a row that repeats an id whose own document is a duplicate: that one's kind.
    """
    found: dict[int, tuple[str | None, Row, float | None]] = {}
    of_id: dict[str, Row] = {}
    of_text: dict[str, Row] = {}
    alone: list[Row] = []
    for row in sorted(rows, key=preference):
        if row[c.DOC_ID] in of_id:
            kind, stands, _ = found[id(of_id[row[c.DOC_ID]])]
            found[id(row)] = (kind or levels.REPEATED_ID, stands, None)
            continue
        of_id[row[c.DOC_ID]] = row
        if row[c.GOPHER_WORD_COUNT] == 0:
            found[id(row)] = (None, row, None)
        elif row[c.TEXT_HASH] in of_text:
            kind, stands, similarity = found[id(of_text[row[c.TEXT_HASH]])]
            found[id(row)] = (kind or levels.EXACT, stands, similarity or 1.0)
        else:
            of_text[row[c.TEXT_HASH]] = row
            meet = [o for o in alone if set(o[c.MINHASH_BANDS]) & set(row[c.MINHASH_BANDS] or [])]
            best = max(meet, key=lambda o: agreement(o, row), default=None)
            if best is not None and agreement(best, row) >= THRESHOLD:
                found[id(row)] = (levels.NEAR, best, agreement(best, row))
            else:
                found[id(row)] = (None, row, None)
                if row[c.MINHASH_BANDS] is not None:
                    alone.append(row)
    return [found[id(row)] for row in rows]


@given(strategies.documents(), st.sampled_from([500, 2_000, dedup.MEMORY_BYTES]))
def test_twins_are_those_that_comparing_all_with_all_finds(
    rows: list[Row], memory_bytes: int
) -> None:
    found = decided(rows, memory_bytes=memory_bytes)
    for row, (kind, stands, similarity) in zip(found, reference(rows), strict=True):
        duplicates = [r for r in row[c.DROP_REASONS] if r != "some_rule"]
        # A copy of a near-duplicate counts as a copy, though its kept twin is only near.
        if kind is None:
            assert not duplicates
        elif similarity is None:
            assert duplicates == [levels.REPEATED_ID]
        else:
            assert duplicates in ([kind], [levels.EXACT] if kind == levels.NEAR else [kind])
        assert row[c.MATCHED_ID] == (None if kind is None else stands[c.DOC_ID])
        assert row[c.LEVEL] == (None if kind is None else levels.LEVELS[kind])
        assert row[c.SIMILARITY] == similarity


@settings(max_examples=50)
@given(strategies.documents(), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(rows: list[Row], chance: random.Random) -> None:
    said = [c.DOC_ID, c.TEXT_HASH, c.KEEP, c.DROP_REASON, c.MATCHED_ID, c.SIMILARITY, c.SPLIT]
    said.append(c.CLUSTER_ID)

    def multiset(rows: list[Row]) -> Counter[tuple[Any, ...]]:
        return Counter(tuple(row[name] for name in said) for row in decided(rows))

    assert multiset(rows) == multiset(chance.sample(rows, len(rows)))


@settings(max_examples=50)
@given(strategies.documents(), st.booleans(), st.booleans())
def test_what_was_kept_is_kept_again(rows: list[Row], exact: bool, near: bool) -> None:  # noqa: FBT001
    kept = [
        row
        for row, outcome in zip(rows, decided(rows, exact=exact, near=near), strict=True)
        if outcome[c.KEEP]
    ]
    assert all(row[c.KEEP] for row in decided(kept, exact=exact, near=near))


@settings(max_examples=50)
@given(strategies.documents(), st.booleans(), st.booleans())
def test_reasons_are_true(rows: list[Row], exact: bool, near: bool) -> None:  # noqa: FBT001
    outcomes = decided(rows, exact=exact, near=near)
    of_id = defaultdict(list)
    for row in outcomes:
        of_id[row[c.DOC_ID]].append(row)
    duplicate = {*levels.LEVELS}
    for row in outcomes:
        assert row[c.KEEP] == (not row[c.DROP_REASONS])
        assert row[c.DROP_REASON] == next(iter(row[c.DROP_REASONS]), None)
        assert sum(other[c.KEEP] for other in of_id[row[c.DOC_ID]]) <= 1
        if row[c.DROP_REASON] not in duplicate:
            continue
        matched = [
            other
            for other in of_id[row[c.MATCHED_ID]]
            if other is not row and levels.REPEATED_ID not in other[c.DROP_REASONS]
        ]
        assert len(matched) == 1
        assert not duplicate & set(matched[0][c.DROP_REASONS]), "a chain"
        if row[c.DROP_REASON] == levels.REPEATED_ID:
            same = row[c.MATCHED_ID] == row[c.DOC_ID]
            assert same == (row[c.LEVEL] == levels.LEVELS[levels.REPEATED_ID])
            assert row[c.SIMILARITY] is None
            continue
        assert matched[0][c.CLUSTER_ID] == row[c.CLUSTER_ID]
        assert row[c.GOPHER_WORD_COUNT] > 0
        if row[c.DROP_REASON] == levels.EXACT:
            assert exact
            assert sum(o[c.TEXT_HASH] == row[c.TEXT_HASH] for o in outcomes) > 1
        if row[c.LEVEL] == levels.LEVELS[levels.EXACT]:
            assert matched[0][c.TEXT_HASH] == row[c.TEXT_HASH]
            assert row[c.SIMILARITY] == 1.0
        else:
            assert near
            assert row[c.TEXT_HASH] != matched[0][c.TEXT_HASH] or not exact
            equal = row[c.TEXT_HASH] == matched[0][c.TEXT_HASH]  # such may have no sketch
            assert row[c.SIMILARITY] == (1.0 if equal else agreement(row, matched[0]))
            assert row[c.SIMILARITY] >= THRESHOLD


@settings(max_examples=50)
@given(strategies.documents())
def test_every_document_that_breaks_no_rule_is_kept_or_has_a_kept_twin(rows: list[Row]) -> None:
    outcomes = decided(rows)
    kept = {row[c.DOC_ID] for row in outcomes if row[c.KEEP]}
    for row in outcomes:
        if not row[c.BROKEN]:
            assert row[c.CLUSTER_ID] in kept


@settings(max_examples=50)
@given(strategies.documents(), st.sets(st.integers(0, 13)), st.booleans(), st.booleans())
def test_what_an_index_has_goes_and_the_rest_is_decided_without_it(
    rows: list[Row],
    places: set[int],
    exact: bool,  # noqa: FBT001
    near: bool,  # noqa: FBT001
) -> None:
    known = {i: (f"old-{i}", 0.9) for i in sorted(places) if i < len(rows)}
    outcomes = decided(rows, exact=exact, near=near, known=known)
    rest = [row for i, row in enumerate(rows) if i not in known]
    alone = decided(rest, exact=exact, near=near)
    said = [c.DOC_ID, c.TEXT_HASH, c.DROP_REASONS, c.MATCHED_ID, c.LEVEL, c.SIMILARITY, c.SPLIT]
    said.append(c.CLUSTER_ID)
    left = [row for i, row in enumerate(outcomes) if i not in known]
    assert [[row[n] for n in said] for row in left] == [[row[n] for n in said] for row in alone]
    for i, match in known.items():
        row = outcomes[i]
        assert row[c.DROP_REASONS] == [levels.INDEXED, *row[c.BROKEN]]
        assert (row[c.MATCHED_ID], row[c.SIMILARITY]) == match
        assert row[c.LEVEL] == levels.LEVELS[levels.INDEXED]
        assert row[c.CLUSTER_ID] == row[c.DOC_ID]


@settings(max_examples=100)
@given(
    strategies.documents(),
    st.lists(st.sampled_from([0, 15, 30, 90, 180]), min_size=1, max_size=14),
    st.booleans(),
    st.booleans(),
)
def test_twins_by_embedding_come_last_and_are_kept(
    rows: list[Row],
    degrees: list[int],
    exact: bool,  # noqa: FBT001
    near: bool,  # noqa: FBT001
) -> None:
    before = decided(rows, exact=exact, near=near)
    outcomes = decided(rows, exact=exact, near=near, degrees=degrees)
    kept = [row for row in outcomes if row[c.KEEP]]
    ids = {row[c.DOC_ID] for row in kept}
    for old, row in zip(before, outcomes, strict=True):
        if row[c.DROP_REASON] == levels.SEMANTIC:
            assert old[c.KEEP]
            assert row[c.MATCHED_ID] in ids
            assert row[c.SIMILARITY] >= COSINE
        else:
            assert row[c.DROP_REASONS] == old[c.DROP_REASONS]
        if not row[c.BROKEN]:
            assert row[c.CLUSTER_ID] in ids
            assert row[c.MATCHED_ID] in ids | {None}
        if row[c.LEVEL] != "semantic":
            assert row[c.MATCHED_ID] == old[c.MATCHED_ID]


@settings(max_examples=200)
@given(
    strategies.documents(),
    st.lists(st.sampled_from(["a", "b", None]), max_size=6),
    st.none() | st.lists(st.sampled_from([0, 15, 30, 90, 180]), min_size=1, max_size=14),
    st.booleans(),
    st.booleans(),
)
def test_the_twin_that_a_duplicate_names_is_no_duplicate_itself(
    rows: list[Row],
    addresses: list[str | None],
    degrees: list[int] | None,
    exact: bool,  # noqa: FBT001
    near: bool,  # noqa: FBT001
) -> None:
    outcomes = decided(rows, exact=exact, near=near, degrees=degrees, addresses=addresses)
    best = {r[c.DOC_ID]: r for r in outcomes if levels.REPEATED_ID not in r[c.DROP_REASONS]}
    for row in outcomes:
        if row[c.MATCHED_ID] is None:
            assert not {*levels.LEVELS} & {*row[c.DROP_REASONS]}
            continue
        stays = best[row[c.MATCHED_ID]]
        assert not {*levels.LEVELS} & {*stays[c.DROP_REASONS]}
        assert row is not stays
        if near:
            assert stays[c.CLUSTER_ID] == row[c.CLUSTER_ID] == stays[c.DOC_ID]


A = [1, 1, 1, 1, 1, 1]
ALMOST_A = [1, 1, 1, 1, 1, 9]


def outcome(rows: list[Row], **options: Any) -> dict[str, tuple[Any, ...]]:
    """Return matched id, level, similarity and cluster of each text."""
    said = (c.KEEP, c.MATCHED_ID, c.LEVEL, c.SIMILARITY, c.CLUSTER_ID)
    return {row[c.TEXT_HASH][8:]: tuple(map(row.get, said)) for row in decided(rows, **options)}


def test_new_data_is_preferred_over_replay_unless_it_breaks_a_rule() -> None:
    replay = [strategies.row(f"r{i}", "old", A) for i in range(20)]
    for broken in (False, True):
        rows = [*replay, strategies.row("n", "new", ALMOST_A, source="mine", broken=broken)]
        kept = [row for row in decided(rows) if row[c.KEEP]]
        assert [row[c.ORIGIN] for row in kept] == ["replay" if broken else "new"]


def test_a_repeated_id_keeps_the_longest_text_then_the_least_hash() -> None:
    rows = [strategies.row("i", text, None) for text in ("aa", "bbbb", "cccc", "d")]
    assert outcome(rows) == {
        "aa": (False, "i", "id", None, "i"),
        "bbbb": (True, None, None, None, "i"),
        "cccc": (False, "i", "id", None, "i"),
        "d": (False, "i", "id", None, "i"),
    }
    short, *_, long = (strategies.row("i", t, None, broken=t == "bbbb") for t in ("aa", "bbbb"))
    assert [row[c.KEEP] for row in decided([long, short])] == [False, True]


def chain() -> list[Row]:
    """Return a document, a near twin of it and one equal to that twin, in this preference."""
    first = strategies.row("n", "first", A, source="mine")
    rows = [strategies.row(f"r{i}", "almost", ALMOST_A) for i in range(2)]
    return [first, *sorted(rows, key=preference)]


@pytest.mark.parametrize(
    ("exact", "near", "wanted"),
    [
        (True, True, [None, ("near", "n", estimate(5 / 6)), ("near", "n", estimate(5 / 6))]),
        (False, True, [None, ("near", "n", estimate(5 / 6)), ("near", "n", estimate(5 / 6))]),
        (True, False, [None, ("near", "n", estimate(5 / 6)), ("exact", "twin", 1.0)]),
        (False, False, [None, ("near", "n", estimate(5 / 6)), ("exact", "twin", 1.0)]),
    ],
)
def test_a_chain_ends_at_what_is_kept(exact: bool, near: bool, wanted: list[Any]) -> None:  # noqa: FBT001
    rows = chain()
    outcomes = decided(rows, exact=exact, near=near)
    assert [row[c.KEEP] for row in outcomes] == [True, not near, not near and not exact]
    assert {row[c.CLUSTER_ID] for row in outcomes} == {"n"}
    assert len({row[c.SPLIT] for row in outcomes}) == 1
    for row, said in zip(outcomes, wanted, strict=True):
        level, matched, similarity = said or (None, None, None)
        matched = rows[1][c.DOC_ID] if matched == "twin" else matched
        assert (row[c.LEVEL], row[c.MATCHED_ID], row[c.SIMILARITY]) == (level, matched, similarity)


def test_a_repeated_id_of_a_near_duplicate_names_the_one_that_stays() -> None:
    rows = [*chain()[:2], strategies.row("r", "x", None)]
    rows[2][c.DOC_ID] = rows[1][c.DOC_ID]
    first, almost, again = decided(rows)
    assert [row[c.DROP_REASONS] for row in (first, almost, again)] == [
        [],
        [levels.NEAR],
        [levels.REPEATED_ID],
    ]
    # The texts of one id may be unlike each other: there is no similarity to tell.
    assert (again[c.MATCHED_ID], again[c.LEVEL], again[c.SIMILARITY]) == ("n", "near", None)
    assert again[c.CLUSTER_ID] == "n"


def test_a_copy_of_what_goes_by_its_embedding_names_what_that_goes_for() -> None:
    """Also where near twins may stay: not its near twin, whose meaning is another."""
    mine = strategies.row("mine", "quite another", [7] * 6, source="mine")
    rows = [mine, *chain()]
    degrees = {"mine": 0, "n": 90}
    outcomes = decided(rows, near=False, degrees=[degrees.get(r[c.DOC_ID], 1) for r in rows])
    assert [row[c.DROP_REASON] for row in outcomes] == [None, None, levels.SEMANTIC, levels.EXACT]
    assert [row[c.MATCHED_ID] for row in outcomes] == [None, None, "mine", "mine"]


def test_texts_without_words_have_no_twins() -> None:
    rows = [strategies.row(f"i{i}", "empty", None, words=0) for i in range(3)]
    assert all(row[c.DROP_REASONS] == ["some_rule"] for row in decided(rows))
    assert all(row[c.CLUSTER_ID] == row[c.DOC_ID] for row in decided(rows))


def test_nothing_at_all() -> None:
    assert decided([]) == []


def test_one_document_a_hundred_thousand_times() -> None:
    rows = [strategies.row(f"i{i}", "same", A) for i in range(100_000)]
    assert sum(row[c.KEEP] for row in decided(rows)) == 1


def test_one_document_slightly_changed_each_time() -> None:
    rows = [strategies.row(f"i{i}", f"text {i}", [1, 1, 1, 1, 1, i]) for i in range(5_000)]
    assert sum(row[c.KEEP] for row in decided(rows)) == 1


def test_ten_thousand_documents_with_one_boilerplate_page() -> None:
    """Each says something of its own, so none goes; and all are not compared with all."""
    config, n = SignalsConfig(), 10_000
    page = corpora.prose("imprint", 200)
    texts = [f"{page} {' '.join(f'{word}of{i}' for word in range(100))}" for i in range(n)]
    # Two that are twins of two in the crowd are found all the same, by the bands of their own.
    texts += [texts[i].replace(f"50of{i}", "otherwise") for i in (10, 8_000)]
    signals = minhash(pa.array(texts, pa.large_string()), config)
    rows = [
        strategies.row(f"i{i}", f"text {i}", None) | found
        for i, found in enumerate(signals.to_dicts())
    ]
    dropped = [row for row in decided(rows, signals=config, threshold=0.75) if not row[c.KEEP]]
    assert {frozenset((row[c.DOC_ID], row[c.MATCHED_ID])) for row in dropped} == {
        frozenset(("i10", "i10000")),
        frozenset(("i8000", "i10001")),
    }
    lists = signals[c.MINHASH_BANDS].explode().to_numpy()
    members = np.repeat(np.arange(len(texts)), config.minhash_bands)
    order = np.lexsort((members, lists))
    sketches = np.frombuffer(b"".join(signals[c.MINHASH_SKETCH]), np.uint8).reshape(len(texts), -1)
    filled = np.zeros((len(texts), 112), np.uint8)
    filled[:, :108] = sketches
    kernel = compiled.load("tasks.dedup.kernel")
    _, compared = kernel.pairs(lists[order], members[order], filled, config.minhash_rows, 90)
    assert n < compared < n * n / 25


def test_a_crowd_costs_no_square() -> None:
    kernel = compiled.load("tasks.dedup.kernel")
    n = 20_000
    sketches = np.random.default_rng(5).integers(0, 256, (n, 112), dtype=np.uint8)
    keys = np.full(n, 7, np.uint64)
    for alike in (False, True):
        sketches[:, :104] = 1 if alike else sketches[:, :104]
        found, compared = kernel.pairs(keys, np.arange(n), sketches, 8, 90)
        assert compared <= 2 * kernel.CROWD * n
        assert len(found) <= 2 * kernel.ENOUGH * n
        assert len(found) == len({(a, b) for a, b, _ in found.tolist()})
        assert set(found[:, 0]) == (set(range(1, n)) if alike else set())


def test_pairs_that_share_many_keys_come_once() -> None:
    kernel = compiled.load("tasks.dedup.kernel")
    n, bands = 3_000, 14
    sketches = np.repeat(np.arange(n // 2, dtype=np.uint8)[:, None], 112, axis=1).repeat(2, axis=0)
    sketches[:, 0] = np.arange(n) // 512
    keys = np.repeat(np.arange(n // 2 * bands, dtype=np.uint64), 2)
    members = np.tile(np.arange(n), bands)
    found, compared = kernel.pairs(keys, members, sketches, 8, 112)
    assert compared == len(members) // 2
    assert sorted(found.tolist()) == [[i + 1, i, 112] for i in range(0, n, 2)]


PAIRS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from((0.8, 0.9, 1.0))).filter(
        lambda pair: pair[0] != pair[1]
    ),
    max_size=40,
)


@given(PAIRS, st.permutations(range(10)), st.integers(1, 5))
def test_who_goes_for_whom_in_whatever_parts_pairs_come(
    drawn: list[tuple[int, int, float]], ranks: list[int], size: int
) -> None:
    alike = {tuple(sorted(pair, key=ranks.__getitem__)): value for *pair, value in drawn}
    rows = [(later, earlier, value) for (earlier, later), value in alike.items()]
    rows += rows[:3]  # found in two ranges
    parts = [
        pl.DataFrame(rows[i : i + size], schema=near.PAIR, orient="row")
        for i in range(0, max(1, len(rows)), size)
    ]
    found = dedup.settle(lambda: parts, np.array(ranks))
    wanted: dict[int, tuple[int, int, float]] = {}
    for row in sorted(range(10), key=ranks.__getitem__):
        open_to = [pair for pair in rows if pair[0] == row and pair[1] not in wanted]
        if open_to:
            wanted[row] = min(open_to, key=lambda pair: (-pair[2], ranks[pair[1]]))
    assert found.rows() == [wanted[row] for row in sorted(wanted)]


def test_ranges_of_keys_are_whole_and_grow_with_the_documents() -> None:
    config = SignalsConfig()
    for documents, memory_bytes in ((0, 1), (1, 10**9), (10**6, 10**9), (10**8, 10**9)):
        found = dedup.spans(documents, config, memory_bytes)
        assert [found[0][0], found[-1][1]] == [0, 2**64]
        assert all(a[1] == b[0] for a, b in pairwise(found))
        assert len(found) >= documents * 18 * 100 / memory_bytes


def test_real_documents_and_edited_copies_of_them() -> None:
    texts = real_texts("dolma/documents/news/part-00000.jsonl.gz", 300)
    long = [text for text in dict.fromkeys(texts) if len(text.split()) > 200]
    copies = [text.replace(text.split()[90], "otherwise", 1) for text in long]
    config = SignalsConfig()
    both = [*long, *copies]
    signals = minhash(pa.array(both, pa.large_string()), config)
    rows = [
        strategies.row(f"i{i}", text, None) | found
        for i, (text, found) in enumerate(zip(both, signals.to_dicts(), strict=True))
    ]
    outcomes = decided(rows, signals=config, threshold=0.75)
    for one, other in zip(outcomes[: len(long)], outcomes[len(long) :], strict=True):
        assert one[c.CLUSTER_ID] == other[c.CLUSTER_ID]
        assert not (one[c.KEEP] and other[c.KEEP])
    kept = [row for row in outcomes if row[c.KEEP]]
    assert len(kept) > 0.9 * len(long)
    assert len(long) > 50


def test_a_copy_of_a_near_duplicate_counts_as_a_copy() -> None:
    near, kept = [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 7]
    rows = [
        strategies.row("mine-0", "first", kept, source="mine"),
        strategies.row("web-1", "second", near),
        strategies.row("web-2", "second", near),
    ]
    outcome = decided(rows)
    reasons = sorted(r for row in outcome for r in row[c.DROP_REASONS])
    assert reasons == [levels.EXACT, levels.NEAR]
    assert {row[c.MATCHED_ID] for row in outcome} == {None, "mine-0"}
    assert {row[c.LEVEL] for row in outcome} == {None, "near"}
