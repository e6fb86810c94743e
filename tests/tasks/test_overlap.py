"""What sets have in common, against a plain comparison of all with all."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import truth
from schemas import columns as c
from schemas.config import SignalsConfig
from schemas.tables import PAIRS
from tasks import compiled, hashing
from tasks.overlap import MATCHES, How, overlap
from tasks.signals.minhash import minhash
from tests import strategies
from tests.indexed import likeness
from tests.real_data import real_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

THRESHOLD = 0.65  # of six values: four must agree
Row = dict[str, Any]
Found = Counter[tuple[frozenset[tuple[str, str]], str, float]]


def frame(rows: Sequence[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=strategies.SCHEMA, infer_schema_length=None)


def found(
    sets: dict[str, list[Row]], memory_bytes: int = 10**9, threshold: float = THRESHOLD
) -> list[Row]:
    table = overlap(
        {name: frame(rows).lazy() for name, rows in sets.items()},
        How(threshold, memory_bytes),
        config=strategies.SMALL_SKETCHES,
    )
    assert table.schema == PAIRS
    rows: list[Row] = table.to_pylist()
    return rows


def unordered(rows: Sequence[Row]) -> Found:
    return Counter(
        (
            frozenset({(r[c.LEFT_SET], r[c.LEFT_ID]), (r[c.RIGHT_SET], r[c.RIGHT_ID])}),
            r[c.LEVEL],
            r[c.SIMILARITY],
        )
        for r in rows
    )


def reference(sets: dict[str, list[Row]]) -> Found:
    """All compared with all."""
    pairs: Found = Counter()
    for left, right in combinations(sets, 2):
        for one in sets[left]:
            for other in sets[right]:
                if one[c.MINHASH_SKETCH] is None or other[c.MINHASH_SKETCH] is None:
                    continue
                key = frozenset({(left, one[c.DOC_ID]), (right, other[c.DOC_ID])})
                similarity = likeness(one[c.MINHASH_SKETCH], other[c.MINHASH_SKETCH])
                if one[c.TEXT_HASH] == other[c.TEXT_HASH]:
                    pairs[key, "exact", 1.0] += 1
                elif (
                    set(one[c.MINHASH_BANDS]) & set(other[c.MINHASH_BANDS])
                    and similarity >= THRESHOLD
                ):
                    pairs[key, "near", similarity] += 1
    return pairs


@st.composite
def several(draw: st.DrawFn) -> dict[str, list[Row]]:
    """Up to three sets of few texts: none has more alike ones in another than are listed."""
    rows = draw(strategies.documents())[: 3 * MATCHES]
    numbers = draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    return {
        str(n): [row for row, own in zip(rows, numbers, strict=True) if own == n][:MATCHES]
        for n in range(draw(st.integers(2, 3)))
    }


@given(several())
def test_pairs_are_those_that_comparing_all_with_all_finds(sets: dict[str, list[Row]]) -> None:
    assert unordered(found(sets)) == reference(sets)


@settings(max_examples=50)
@given(several(), st.sampled_from([500, 2_000]))
def test_neither_the_order_of_sets_nor_memory_matters(
    sets: dict[str, list[Row]], memory_bytes: int
) -> None:
    pairs = found(sets)
    assert found(sets, memory_bytes) == pairs
    for names in permutations(sets):
        again = found({name: sets[name] for name in names})
        assert unordered(again) == unordered(pairs)
        assert all(names.index(r[c.LEFT_SET]) < names.index(r[c.RIGHT_SET]) for r in again)


A = [1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("alike", [False, True])
def test_a_crowd_in_both_sets_costs_no_square(alike: bool) -> None:  # noqa: FBT001
    n = 100_000 if not alike else 10_000
    sets = {
        name: [
            strategies.row(f"{name}{i}", f"{name}{i}" if alike else "same", [*A[:5], i * alike])
            for i in range(n)
        ]
        for name in ("l", "r")
    }
    pairs = pl.DataFrame(found(sets))
    assert n <= pairs.height <= 2 * MATCHES * n
    assert pairs[c.LEFT_ID].n_unique() == pairs[c.RIGHT_ID].n_unique() == n
    assert set(pairs[c.LEVEL]) == {"near" if alike else "exact"}


def test_the_likest_are_listed_the_same_texts_first() -> None:
    one = strategies.row("one", "same", A)
    copies = [strategies.row(f"copy{i}", "same", A) for i in range(2)]
    close = [strategies.row(f"close{i}", f"close {i}", [*A[:5], 2 + i]) for i in range(MATCHES)]
    far = [strategies.row(f"far{i}", f"far {i}", [*A[:4], 2 + i, 2]) for i in range(20)]
    other = strategies.row("other", "other", [*A[:4], 9, 9])
    pairs = found({"left": [one, other], "right": [*far, *close, *copies]}, threshold=0.1)
    of_one = [r for r in pairs if r[c.LEFT_ID] == "one"]
    # Those that one lists itself come first; for the others it is one of at most eight.
    assert [r[c.LEVEL] for r in of_one[:2]] == ["exact", "exact"]
    assert {r[c.RIGHT_ID] for r in of_one[:MATCHES]} <= {r[c.DOC_ID] for r in (*copies, *close)}
    assert {r[c.RIGHT_ID] for r in pairs} == {r[c.DOC_ID] for r in (*far, *close, *copies)}
    assert [r[c.SIMILARITY] for r in of_one] == sorted(
        (r[c.SIMILARITY] for r in of_one), reverse=True
    )


def test_a_boilerplate_of_many_hides_no_match() -> None:
    config, n = SignalsConfig(minhash_bands=14, minhash_rows=8), 3_000
    sketches = np.random.default_rng(5).integers(0, 2**32, (2 * n, 112), dtype=np.uint32)
    sketches[:, :70] = 1  # what all have in common: eight bands, a similarity of .625
    for i in range(0, n, 100):  # one in a hundred has a match that shares more of it
        sketches[2 * n - 1 - i] = sketches[i]
        sketches[2 * n - 1 - i, 7::12] = 7
    rows = [
        strategies.row(f"i{i}", f"text {i}", sketch.tolist(), signals=config)
        for i, sketch in enumerate(sketches)
    ]
    sets = {"left": frame(rows[:n]), "right": frame(rows[n:])}
    pairs = overlap(sets, How(0.75), config=config).to_pylist()
    assert {(r[c.LEFT_ID], r[c.RIGHT_ID]) for r in pairs} == {
        (f"i{i}", f"i{2 * n - 1 - i}") for i in range(0, n, 100)
    }


def test_a_crowd_of_many_is_compared_with_few() -> None:
    kernel, n = compiled.load("tasks.dedup.kernel"), 20_000
    sketches = np.random.default_rng(5).integers(0, 256, (n, 112), dtype=np.uint8)
    sketches[:, :104] = 1
    sets = (np.arange(n) >= n // 2).astype(np.int64)
    pairs, compared = kernel.across(
        np.full(n, 7, np.uint64), np.arange(n), sets, sketches, (8, 90, MATCHES)
    )
    assert compared <= 2 * kernel.CROWD * n
    assert len(pairs) <= 2 * MATCHES * n
    assert len(set(pairs[:, 0])) == n
    assert (sets[pairs[:, 0]] != sets[pairs[:, 1]]).all()


def measured(ids: Sequence[str], texts: Sequence[str], config: SignalsConfig) -> pl.DataFrame:
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    hashes = pl.Series(c.TEXT_HASH, hashing.text_hashes(column), pl.String)
    return pl.DataFrame({c.DOC_ID: list(ids)}).with_columns(hashes).hstack(minhash(column, config))


def read(texts: Sequence[str], rows: np.ndarray[Any, Any]) -> Iterator[pa.Array]:
    yield pa.array([texts[i] for i in rows], pa.large_string())


def edited(text: str, every: int) -> str:
    return " ".join("otherwise" if i % every == 7 else w for i, w in enumerate(text.split(" ")))


@pytest.mark.parametrize("memory_bytes", [10**9, 10**6])
def test_of_real_documents_and_planted_copies_every_match_is_found(memory_bytes: int) -> None:
    texts = [t for t in real_texts("dolma/documents/news/part-00000.jsonl.gz") if t]
    texts += real_texts("dolma/documents/legal/part-00000.jsonl.gz", 400)
    planted = [edited(text, every) for i, text in enumerate(texts[::3])
               for every in ((30, 60, 120, 10_000)[i % 4],)]  # fmt: skip
    left, right = texts[::2], [*texts[1::2], *planted]
    ids = [f"l{i}" for i in range(len(left))], [f"r{i}" for i in range(len(right))]
    config = SignalsConfig()
    sets = {
        "left": measured(ids[0], left, config),
        "right": measured(ids[1], right, config),
    }
    how = How(0.8, memory_bytes, partial(read, [*left, *right]))
    pairs = overlap(sets, how, config=config).to_pylist()

    everything = truth.of([*ids[0], *ids[1]], [*left, *right])
    both = np.array([(a, b) for a, b in everything.pairs() if a < len(left) <= b])
    wanted = {everything.ids[i] for i in both.ravel()}
    matched = {r[c.LEFT_ID] for r in pairs} | {r[c.RIGHT_ID] for r in pairs}
    assert len(wanted) > 500
    assert matched <= wanted
    assert len(matched) >= 0.995 * len(wanted)
    near = [r for r in pairs if r[c.LEVEL] == "near"]
    exactly = everything.jaccard([r[c.LEFT_ID] for r in near], [r[c.RIGHT_ID] for r in near])
    assert exactly.tolist() == pytest.approx([r[c.SIMILARITY] for r in near])


def test_texts_without_words_match_nothing_and_one_word_is_enough() -> None:
    config = SignalsConfig()
    one = measured(["a", "b", "c"], ["", "word", "...!"], config)
    other = measured(["d", "e"], ["", "word"], config)
    (pair,) = overlap({"l": one, "r": other}, How(0.8), config=config).to_pylist()
    assert (pair[c.LEFT_ID], pair[c.RIGHT_ID], pair[c.LEVEL]) == ("b", "e", "exact")


def test_empty_sets_and_sets_without_sketches() -> None:
    config = SignalsConfig(minhash=False)
    rows = frame([strategies.row("i", "same", None)])
    assert overlap({"l": rows, "r": rows.clear()}, How(0.8), config=config).num_rows == 0
    assert overlap({"l": rows, "r": rows}, How(0.8), config=config).num_rows == 1
    assert overlap({"l": rows.clear()}, How(0.8), config=SignalsConfig()).num_rows == 0
