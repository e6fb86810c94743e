"""Shares of sources in a target without labels: against plain Python, and on real documents."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigError
from tasks import compiled
from tasks.replay import labels, packed, passages
from tasks.replay.sides import Side
from tests.real_data import real_texts
from tests.tasks.replay.test_strata import KINDS, rows_of
from tests.tasks.signals.kernels import imports_numba

WANTED = np.array([0.5, 0.3, 0.2, 0.0])


@cache
def real() -> tuple[Side, Any]:
    """Return the beginnings of four hundred documents of four kinds, and the kind of each."""
    texts: list[str] = []
    for kind in KINDS:
        every = real_texts(f"dolma/documents/{kind}/part-00000.jsonl.gz")
        texts += [text[:3_000] for text in every if len(text) > 600][:240]
    cut = passages.cut(pa.array(texts, pa.large_string()), most=1_500)
    keys = passages.keys([str(i) for i in range(len(texts))], cut)
    own = Side(packed.of(cut.texts), keys, cut.documents, cut.ends - cut.starts)
    return own, cut.documents // 240


def part(rows: Any) -> Side:
    return rows_of(real()[0], rows)


@cache
def dealt() -> tuple[Any, Any]:
    """Target: even documents at the shares above, by tokens; pool: the odd ones."""
    side, kinds = real()
    even = side.documents % 2 == 0
    rows = []
    for kind, share in enumerate(WANTED):
        own = np.flatnonzero(even & (kinds == kind))
        rows.append(own[np.cumsum(side.tokens[own]) < share * 300_000])
    return np.concatenate(rows), np.flatnonzero(~even)


def found(target: Any, pool: Any) -> labels.Labelled:
    kinds = real()[1][pool]
    present = sorted(set(kinds.tolist()))
    numbers = np.searchsorted(present, kinds)
    names = [KINDS[k] for k in present]
    return labels.labelled(part(target), part(pool), numbers, names=names, seed=1)


@given(st.integers(1, 5), st.integers(1, 3), st.integers(0, 99))
def test_shares_are_where_a_step_of_the_reference_leaves_them(n: int, k: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    given_, prior = chance.random((n, k)) + 0.05, chance.random(k) + 0.1
    given_, prior = given_ / given_.sum(axis=1, keepdims=True), prior / prior.sum()
    weights, badly = chance.integers(1, 9, n), chance.integers(0, 2, n) / labels.BADLY
    shares, other = labels.estimated(given_, prior, weights, badly)
    assert shares.sum() + other == pytest.approx(1)
    every = [*shares.tolist(), other]
    rows, parts = given_.tolist(), weights.astype(float).tolist()
    now = labels.step(every, rows, prior.tolist(), parts, badly.tolist())
    assert now == pytest.approx(every, abs=1e-3)


@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 5), st.integers(0, 99))
def test_slopes_equal_the_reference(n: int, width: int, k: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    points = chance.standard_normal((n, width)).astype(np.float32)
    weights, sources = chance.standard_normal((width + 1, k)), chance.integers(0, k, n)
    found = compiled.load(labels.KERNEL).slopes(points, weights, sources)
    wanted = np.zeros((width + 1, k))
    for point, source in zip(points.tolist(), sources.tolist(), strict=True):
        odds = [math.exp(sum(x * w for x, w in zip([*point, 1], column, strict=True)))
                for column in weights.T.tolist()]  # fmt: skip
        for s in range(k):
            wanted[:, s] += (odds[s] / sum(odds) - (s == source)) * np.array([*point, 1])
    assert found == pytest.approx(wanted)
    assert labels.posteriors(points, weights).sum(axis=1) == pytest.approx(1)


def test_shares_of_a_hidden_mixture_are_found() -> None:
    told = found(*dealt())
    assert told.accuracy > 0.9
    assert np.abs(told.strata.shares - WANTED).sum() / 2 < 0.05
    assert told.strata.target is not None
    right = told.strata.target == real()[1][dealt()[0]]
    assert right.mean() > 0.9
    assert told.other < 0.05


def test_what_no_source_explains_is_other() -> None:
    target, pool = dealt()
    without = pool[real()[1][pool] != 1]
    told = found(target, without)
    assert told.other > 0.1
    assert told.strata.shares.sum() + told.other == pytest.approx(1)


def test_shares_do_not_depend_on_the_order_of_passages() -> None:
    target, pool = dealt()
    told, turned = found(target, pool), found(target[::-1], pool[::-1])
    assert turned.strata.shares.tolist() == told.strata.shares.tolist()
    assert turned[1:] == told[1:]


def test_sources_of_few_documents_are_named() -> None:
    target, pool = dealt()
    kinds, documents = real()[1][pool], real()[0].documents[pool]
    few = (kinds != 2) | (documents <= documents[kinds == 2].min() + 6)
    with pytest.raises(ConfigError, match=r"documents of source 'news'.*10 documents or more"):
        found(target, pool[few])
    with pytest.raises(ValueError, match="without passages"):
        found(target[:0], pool)
    with pytest.raises(ValueError, match="wanted one of each"):
        labels.labelled(part(target), part(pool), kinds[1:], names=KINDS, seed=1)


def test_importing_the_package_imports_no_compiler() -> None:
    assert not imports_numba("tasks.replay.labels")
