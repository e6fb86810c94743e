"""Strata of target and pool: nearest centres against plain Python, and what clusters are of."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.replay import packed, passages, strata
from tasks.replay.sides import Side
from tests.real_data import real_texts
from tests.tasks.signals.kernels import imports_numba

KINDS = ("code", "legal", "news", "science")


@cache
def real() -> tuple[Side, Any]:
    """Return passages of four kinds of documents, and the kind of each."""
    texts, kinds = [], []
    for kind in range(len(KINDS)):
        file = f"dolma/documents/{KINDS[kind]}/part-00000.jsonl.gz"
        some = [text for text in real_texts(file, 200) if len(text) > 800][:60]
        texts += some
        kinds += [kind] * len(some)
    cut = passages.cut(pa.array(texts, pa.large_string()), most=2_000)
    keys = passages.keys([str(i) for i in range(len(texts))], cut)
    tokens = cut.ends - cut.starts
    own = Side(packed.of(cut.texts), keys, cut.documents, tokens)
    return own, np.array(kinds)[cut.documents]


def rows_of(side: Side, rows: Any) -> Side:
    counts, firsts = side.counts, side.counts.firsts
    body = [counts.body[firsts[i] : firsts[i + 1]] for i in rows]
    limits = np.cumsum([0, *map(len, body)])
    own = packed.Packed(limits, np.concatenate([*body, np.zeros(0, np.uint8)]))
    return Side(own, side.keys[rows], side.documents[rows], side.tokens[rows])


def part(rows: Any) -> Side:
    return rows_of(real()[0], rows)


def dealt() -> tuple[Any, Any]:
    """Target: the even documents of the first two kinds; pool: the odd ones of all kinds."""
    side, kinds = real()
    even = side.documents % 2 == 0
    return np.flatnonzero(even & (kinds < 2)), np.flatnonzero(~even)


@given(st.integers(0, 6), st.integers(1, 5), st.integers(1, 4), st.integers(0, 99))
def test_nearest_equals_the_reference(n: int, centres: int, width: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    points, some = (chance.standard_normal((k, width)).astype(np.float32) for k in (n, centres))
    own, away = strata.nearest(points, some)
    for i, point in enumerate(points.tolist()):
        apart = [sum((a - b) ** 2 for a, b in zip(point, c, strict=True)) for c in some.tolist()]
        assert apart[own[i]] == pytest.approx(min(apart), abs=1e-5)
        assert away[i] == pytest.approx(min(apart), abs=1e-4)


def test_of_equals_the_first_is_nearest() -> None:
    points = np.ones((1, 2), np.float32)
    assert strata.nearest(points, np.ones((3, 2), np.float32))[0].tolist() == [0]


def test_centres_find_groups_that_lie_apart() -> None:
    chance = np.random.default_rng(5)
    middles = np.eye(6, dtype=np.float32) * 4
    points = np.repeat(middles, 30, axis=0) + chance.standard_normal((180, 6)) * 0.2
    found = strata.centres(points.astype(np.float32), 6, seed=1)
    own, away = strata.nearest(points.astype(np.float32), found)
    assert len({tuple(set(group)) for group in own.reshape(6, 30).tolist()}) == 6
    assert away.mean() < 0.5


def test_there_are_no_more_centres_than_different_points() -> None:
    points = np.array([[0, 1], [1, 0], [0, 1]], np.float32)
    assert sorted(strata.centres(points, 9, seed=1).tolist()) == [[0, 1], [1, 0]]


def test_foreign_text_of_the_pool_has_clusters_of_its_own() -> None:
    target, pool = map(part, dealt())
    found = strata.clustered(target, pool, seed=1, clusters=32)
    assert found.shares.sum() == pytest.approx(1)
    _, kinds = real()
    foreign = pool.tokens * (kinds[dealt()[1]] > 1)
    assert foreign.sum() / pool.tokens.sum() > 0.08
    have, alien = (np.bincount(found.pool, n, 32) for n in (pool.tokens, foreign))
    assert (found.shares * alien / np.maximum(1, have)).sum() < 0.03
    own = np.bincount(found.target, target.tokens, 32)  # type: ignore[arg-type]
    assert found.shares == pytest.approx(own / own.sum())


def test_strata_do_not_depend_on_the_order_of_passages() -> None:
    of_target, of_pool = dealt()
    found = strata.clustered(part(of_target), part(of_pool), seed=3, clusters=8)
    turned = strata.clustered(part(of_target[::-1]), part(of_pool[::-1]), seed=3, clusters=8)
    assert turned.pool[::-1].tolist() == found.pool.tolist()
    assert turned.shares.tolist() == found.shares.tolist()


def test_a_side_without_passages_is_refused() -> None:
    target, pool = map(part, dealt())
    for one, other in ((part([]), pool), (target, part([]))):
        with pytest.raises(ValueError, match="wanted some in target and pool"):
            strata.clustered(one, other, seed=1)


def test_importing_the_package_imports_no_compiler() -> None:
    assert not imports_numba("tasks.replay.strata")
