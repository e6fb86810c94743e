"""Packed counts and points: kernels against plain Python, and what distances mean."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import compiled, ngrams
from tasks.replay import features, order, packed
from tasks.replay.features import Space
from tasks.shingles import mixed
from tests.real_data import real_texts
from tests.tasks.signals.kernels import imports_numba
from tests.tasks.signals.texts import ANY_TEXT, real_documents

if TYPE_CHECKING:
    from tasks.replay.packed import Packed

TEXTS = st.lists(ANY_TEXT, max_size=4)
OFTEN = st.integers(1, 6) | st.integers(250, 260) | st.integers(1, 1 << 31)
ROWS = st.lists(st.dictionaries(st.integers(0, 9_999), OFTEN, max_size=8), max_size=4)


def large(texts: list[str]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def rows(found: Packed) -> list[dict[int, int]]:
    return [packed.row(found, i) for i in range(found.size)]


def by_hand(counts: list[dict[int, int]]) -> Packed:
    """Pack counts by the kernel; the bytes must be those of the definition."""
    flat = [sorted(row.items()) for row in counts]
    entries = np.array([e for row in flat for e in row], np.uint32).reshape(-1, 2)
    firsts = np.cumsum([0, *map(len, flat)])
    kernel = compiled.load(packed.KERNEL)
    made = packed.Packed(*kernel.packed(firsts, entries[:, 0].copy(), entries[:, 1].copy()))
    assert made.body.tobytes() == b"".join(map(packed.written, counts))
    return made


@cache
def real() -> Packed:
    return packed.of(large([text[:3_000] for text in real_documents()[::2]]))


@given(ROWS)
def test_what_is_packed_is_what_it_was(counts: list[dict[int, int]]) -> None:
    made = by_hand(counts)
    assert rows(made) == counts
    assert packed.sizes(made).tolist() == [sum(row.values()) for row in counts]


@given(TEXTS)
def test_texts_are_counted_as_n_grams(texts: list[str]) -> None:
    wanted = [ngrams.counted(text, width=2, buckets=10_000) for text in texts]
    assert rows(packed.of(large(texts))) == wanted


@given(st.lists(ROWS, max_size=4))
def test_a_builder_gives_the_rows_of_its_parts_and_is_empty_then(
    parts: list[list[dict[int, int]]],
) -> None:
    builder, every = packed.Builder(), [row for part in parts for row in part]
    for part in parts:
        builder.add(by_hand(part))
    assert rows(builder.packed()) == every
    assert not builder.packed().size
    assert rows(packed.joined([by_hand(part) for part in parts])) == every


def test_a_builder_grows() -> None:
    part = packed.of(large([text[:4_000] for text in real_documents()[:40]]))
    builder, many = packed.Builder(), 3 * packed.FIRST_BYTES // len(part.body)
    for _ in range(many):
        builder.add(part)
    made = builder.packed()
    assert made.body.tobytes() == part.body.tobytes() * many
    assert made.size == part.size * many


@given(ROWS, st.data())
def test_taken_rows_of_packed_ones(counts: list[dict[int, int]], data: st.DataObject) -> None:
    places = st.integers(0, max(0, len(counts) - 1))
    some = data.draw(st.lists(places, max_size=8 if counts else 0))
    found = packed.taken(by_hand(counts), np.array(some, np.int64))
    assert rows(found) == [counts[i] for i in some]


def test_real_passages_take_little_more_than_a_byte_a_bucket() -> None:
    made = packed.of(large([text[:4_000] for text in real_documents() if len(text) > 4_000]))
    buckets = sum(map(len, rows(made)))
    assert buckets < len(made.body) < 1.2 * buckets


@given(ROWS, st.data())
def test_sums_and_frequencies(counts: list[dict[int, int]], data: st.DataObject) -> None:
    made = by_hand(counts)
    some = data.draw(st.permutations(range(len(counts))))[: len(counts) // 2 + 1]
    chosen = np.array(some, np.int64)
    total, df = packed.sums(made, chosen), packed.frequencies(made, chosen)
    for bucket in {b for row in counts for b in row}:
        assert total[bucket] == sum(counts[i].get(bucket, 0) for i in some)
        assert df[bucket] == sum(bucket in counts[i] for i in some)
    assert df.sum() == sum(len(counts[i]) for i in some)


@given(ROWS)
def test_points_equal_the_reference(counts: list[dict[int, int]]) -> None:
    chance = np.random.default_rng(1)
    basis = chance.standard_normal((10_000, 5)).astype(np.float32)
    space = Space(basis, chance.random(10_000).astype(np.float32))
    made = by_hand(counts)
    points = features.project(space, made, np.arange(made.size))
    for point, row in zip(points, counts, strict=True):
        assert point == pytest.approx(features.point(row, space), abs=1e-4)


def space(directions: int = 12, seed: int = 1) -> Space:
    return features.fit([(real(), np.arange(real().size))], seed=seed, directions=directions)


def matrix(found: Packed, idf: list[float]) -> Any:
    made = np.zeros((found.size, 10_000))
    for i, row in enumerate(rows(found)):
        for bucket, weight in features.weights(row, idf).items():
            made[i, bucket] = weight
    return made


def test_directions_are_those_of_the_singular_values() -> None:
    one = space(40)
    vectors = matrix(real(), one.idf.tolist())
    singular = np.linalg.svd(vectors, compute_uv=False)
    basis = one.basis.astype(np.float64)
    assert basis.T @ basis == pytest.approx(np.eye(40), abs=1e-5)
    kept = np.square(vectors @ basis).sum()
    assert kept > 0.95 * np.square(singular[:40]).sum(), "those near the last one are alike"
    largest = np.abs(basis).argmax(axis=0)
    assert (basis[largest, np.arange(40)] > 0).all()


def test_idf_by_hand() -> None:
    found = packed.of(large(["a b", "a", "a", ""]))
    idf = features.fit([(found, np.arange(4))], seed=0, directions=2).idf
    (word,) = packed.row(found, 1)
    others = set(packed.row(found, 0)) - {word}
    assert idf[word] == pytest.approx(np.log(5 / 4))
    assert [idf[b] for b in others] == pytest.approx([np.log(5 / 2)] * 2)


def test_a_space_is_the_same_every_time_and_of_its_seed() -> None:
    one, again, other = space(), space(), space(seed=2)
    assert one.basis.tobytes() == again.basis.tobytes()
    assert one.basis.tobytes() != other.basis.tobytes()


def test_more_directions_than_texts_and_texts_without_words() -> None:
    found = packed.of(large(["", "a b c", "…", "a b d"]))
    one = features.fit([(found, np.arange(4))], seed=3, directions=8)
    points = features.project(one, found, np.arange(4))
    assert np.isfinite(points).all()
    assert np.abs(points[[0, 2]]).max() == 0
    assert np.linalg.norm(points[[1, 3]], axis=1) == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="no passages"):
        features.fit([(found, np.arange(0))], seed=3)


def test_texts_of_a_kind_lie_near_each_other() -> None:
    kinds = ("code", "legal", "news")
    files = [real_texts(f"dolma/documents/{kind}/part-00000.jsonl.gz", 150) for kind in kinds]
    texts = [[text[:3_000] for text in file if len(text) > 800][:40] for file in files]
    found = packed.of(large([text for some in texts for text in some]))
    one = features.fit([(found, np.arange(found.size))], seed=1, directions=24)
    points = features.project(one, found, np.arange(found.size))
    nearest = (points @ points.T - 9 * np.eye(len(points))).argmax(axis=1)
    assert (nearest // 40 == np.arange(120) // 40).mean() > 0.9


def test_batches_are_all_points() -> None:
    one = space()
    joined = np.concatenate(list(features.batches(one, real())))
    assert joined.tobytes() == features.project(one, real(), np.arange(real().size)).tobytes()


@settings(max_examples=20)
@given(st.lists(st.tuples(*[st.integers(0, 2**64 - 1)] * 2), unique=True), st.randoms())
def test_what_is_drawn_depends_on_key_and_seed_only(
    some: list[tuple[int, int]], chance: Any
) -> None:
    keys = np.array(some, np.uint64).reshape(-1, 2)
    salt = mixed(mixed(7) ^ order.DRAW)
    wanted = [mixed(a ^ mixed(b ^ salt)) for a, b in some]
    assert order.drawn(keys, seed=7, use=order.DRAW).tolist() == wanted
    shuffled = np.array(chance.sample(some, len(some)), np.uint64).reshape(-1, 2)
    same = [k[order.order(k, seed=7, use=order.DRAW)].tolist() for k in (keys, shuffled)]
    assert same[0] == same[1]
    assert (
        features.sample(keys, seed=7, most=3).tolist()
        == (order.order(keys, seed=7, use=order.FIT).tolist()[:3])
    )
    chances = order.chances(keys, seed=7, use=order.NOISE)
    assert ((chances > 0) & (chances < 1)).all()


def test_two_passages_of_one_key_are_refused() -> None:
    keys = np.array([[1, 2], [1, 3], [1, 2]], np.uint64)
    with pytest.raises(ValueError, match="wanted each once"):
        order.by_key(keys)
    assert order.by_key(keys[[1, 0]]).tolist() == [1, 0]


def test_importing_the_package_imports_no_compiler() -> None:
    assert not imports_numba("tasks.replay.features")
