"""Shares inferred from merges: against the whole linear program, and of known mixtures."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from schemas.errors import ConfigError
from tasks import tokens
from tasks.replay.merges import beside, formats, inference, program, simulation, words
from tasks.replay.merges.lists import MergeList
from tasks.replay.merges.splitting import Splitting
from tests.real_data import real_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.replay.merges.simulation import History

    Floats = NDArray[np.float64]

SYMBOLS = 6
N_BYTES = np.array([1_000, 2_000, 500])


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Random words in three sources, and merges in an order that no mixture may have."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.integers(0, SYMBOLS, 400)
    firsts = np.arange(0, 401, 8)
    counts = rng.integers(0, 40, (50, 3))
    made = [(*rng.integers(0, SYMBOLS + step, 2), SYMBOLS + step) for step in range(24)]
    some = words.Symbols(values.astype(np.int32), firsts, counts)
    texts = tuple(chr(97 + i) for i in range(SYMBOLS + len(made)))
    merges = MergeList("made", Splitting("made"), texts, SYMBOLS, np.array(made, np.int64), ())
    return simulation.simulated(some, merges)


def whole(history: History, scales: Floats) -> float:
    """Return the least slack when all orders are there from the start."""
    n_pairs, n_steps = len(history.pairs), history.n_steps
    rows = []
    for step in np.flatnonzero(scales).tolist():
        now = history.at(step) / N_BYTES / scales[step]
        for pair in range(n_pairs):
            if pair != history.merged[step] and now[pair].any():
                slack = np.zeros(n_steps + n_pairs)
                slack[[step, n_steps + pair]] = -1
                rows.append(np.concatenate([now[pair] - now[history.merged[step]], slack]))
    sums = np.concatenate([np.ones(3), np.zeros(n_steps + n_pairs)])
    found = linprog(
        1 - sums, A_ub=np.array(rows), b_ub=np.zeros(len(rows)), A_eq=sums[None], b_eq=[1]
    )
    return float(found.fun)


@settings(max_examples=15, deadline=None)
@given(histories())
def test_orders_added_when_violated_come_to_the_whole_program(history: History) -> None:
    own = program.rates(history, N_BYTES)
    scales: Floats = np.where(own.any(axis=1), own.mean(axis=1), 0.0)
    answer = program.lazily(history, N_BYTES, scales, np.full(3, 1 / 3))
    assert answer.fit * answer.n_steps == pytest.approx(whole(history, scales), rel=1e-3, abs=1e-3)
    assert answer.n_steps + answer.unseen == history.n_steps
    assert answer.shares.min() >= 0
    assert answer.shares.sum() == pytest.approx(1)


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=30))
def test_the_falling_row_is_the_nearest(values: list[float]) -> None:
    """Its blocks are means, and no block could be cut into a higher and a lower half."""
    found = beside.falling(np.array(values))
    assert all(a >= b for a, b in pairwise(found))
    for level in set(found.tolist()):
        own = np.array(values)[found == level]
        assert own.mean() == pytest.approx(level, abs=1e-9)
        assert all(own[:i].mean() <= level + 1e-9 for i in range(1, len(own)))


def halves(file: str, limit: int) -> tuple[list[str], list[str]]:
    texts = real_texts(f"dolma/documents/{file}/part-00000.jsonl.gz", limit)
    return texts[::2], texts[1::2]


@pytest.fixture(scope="module")
def real() -> tuple[words.Table, MergeList, Floats]:
    """Candidates, a tokenizer of other documents, and the shares of its text."""
    some = {"science": 2_400, "code": 200, "docs": 200, "news": 2_400}
    both = {name: halves(name, limit) for name, limit in some.items()}
    shares = {"science": 0.4, "docs": 0.35, "news": 0.25}
    texts = []
    for name, share in shares.items():
        text = "\n".join(both[name][1])
        texts.append(text[: int(1_000_000 * share)])
    sizes = {name: len(t.encode()) for name, t in zip(shares, texts, strict=True)}
    known = np.array([sizes.get(name, 0) for name in both]) / sum(sizes.values())
    merges = formats.read(tokens.train(texts, vocab_size=257 + 300), where="trained")
    table = words.table({name: own for name, (own, _) in both.items()}, merges.splitting)
    return table, merges, known


def test_the_shares_of_a_known_mixture_are_found(
    real: tuple[words.Table, MergeList, Floats],
) -> None:
    table, merges, known = real
    found = inference.inferred(table, merges)
    even = np.abs(1 / len(known) - known).mean()
    for shares in (found.shares, found.curve, found.logistic):
        assert shares.sum() == pytest.approx(1)
        assert np.abs(shares - known).mean() < even / 3
    assert (found.n_steps, found.unseen) == (300, 0)


def test_a_source_that_is_missing_makes_the_fit_worse(
    real: tuple[words.Table, MergeList, Floats],
) -> None:
    table, merges, _ = real
    without = [i for i, name in enumerate(table.sources) if name != "science"]
    less = table._replace(
        sources=tuple(table.sources[i] for i in without),
        counts=table.counts[:, without],
        n_bytes=table.n_bytes[without],
    )
    assert inference.inferred(less, merges).fit > 1.5 * inference.inferred(table, merges).fit


def test_shares_do_not_depend_on_how_much_there_is_of_a_source(
    real: tuple[words.Table, MergeList, Floats],
) -> None:
    table, merges, _ = real
    factors = np.array([1, 3, 1, 2])
    more = table._replace(counts=table.counts * factors, n_bytes=table.n_bytes * factors)
    first, second = (inference.inferred(some, merges, steps=100) for some in (table, more))
    np.testing.assert_allclose(first.shares, second.shares, atol=0.005)


def test_a_word_that_a_candidate_repeats_does_not_decide(
    real: tuple[words.Table, MergeList, Floats],
) -> None:
    table, merges, known = real
    notice = table.words.index("Ġpublished")
    counts, n_bytes, more = table.counts.copy(), table.n_bytes.copy(), 1_000
    counts[notice, table.sources.index("news")] += more
    n_bytes[table.sources.index("news")] += more * len("Ġpublished")
    found = inference.inferred(table._replace(counts=counts, n_bytes=n_bytes), merges)
    even = np.abs(1 / len(known) - known).mean()
    for shares in (found.shares, found.curve, found.logistic):
        assert np.abs(shares - known).mean() < even / 3


def test_one_source_is_no_choice(real: tuple[words.Table, MergeList, Floats]) -> None:
    table, merges, _ = real
    one = table._replace(
        sources=table.sources[:1], counts=table.counts[:, :1], n_bytes=table.n_bytes[:1]
    )
    with pytest.raises(ConfigError, match="one candidate source, science"):
        inference.inferred(one, merges)


def test_sources_that_have_none_of_the_merges_are_refused() -> None:
    counts = np.array([[5, 5]])
    table = words.Table(("x", "y"), ("ab",), counts, *(np.array([9, 9]) for _ in range(3)))
    merges = MergeList("made", Splitting("made"), ("a", "b", "ab"), 2, np.array([[0, 1, 2]]), ())
    with pytest.raises(ConfigError, match="1 of 1 merges occur, wanted 20 or more"):
        inference.inferred(table, merges)
