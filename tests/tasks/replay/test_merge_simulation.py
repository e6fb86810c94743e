"""Merges applied to the words of sources: the kernel against plain Python, and real trainings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import replay, tokens
from tasks.replay import merges as plain
from tasks.replay.merges import formats, simulation, words
from tasks.replay.merges.lists import MergeList
from tasks.replay.merges.splitting import Splitting
from tests.real_data import real_texts
from tests.tasks.signals.kernels import bounds_checked, imports_numba

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tasks.replay.merges.simulation import History

    Word = tuple[int, ...]

FEW = 3
WORDS = st.lists(
    st.lists(st.integers(0, FEW - 1), min_size=2, max_size=12).map(tuple),
    min_size=1,
    max_size=12,
    unique=True,
)


@st.composite
def trainings(draw: st.DrawFn) -> tuple[list[Word], list[list[int]], list[tuple[int, int, int]]]:
    """Words, their counts in two sources, and merges of any symbols that are there by then."""
    some = draw(WORDS)
    counts = [draw(st.lists(st.integers(0, 9), min_size=2, max_size=2)) for _ in some]
    made = []
    for step in range(draw(st.integers(1, 8))):
        symbols = st.integers(0, FEW + step - 1)
        made.append((draw(symbols), draw(symbols), FEW + step))
    return some, counts, made


def symbols(some: list[Word], counts: list[list[int]]) -> words.Symbols:
    values = np.array([symbol for word in some for symbol in word], np.int32)
    firsts = np.cumsum([0, *map(len, some)])
    return words.Symbols(values, firsts, np.array(counts, np.int64))


def merge_list(made: list[tuple[int, int, int]]) -> MergeList:
    texts = tuple(chr(97 + i) for i in range(FEW + len(made)))
    return MergeList("made", Splitting("made"), texts, FEW, np.array(made, np.int64), ())


def at(history: History, step: int) -> dict[tuple[int, int], list[int]]:
    """Return the pairs that occur at a step."""
    rows = zip(history.pairs.tolist(), history.at(step).tolist(), strict=True)
    return {(left, right): row for (left, right), row in rows if any(row)}


@given(trainings())
def test_counts_at_each_step_are_those_of_the_reference(
    training: tuple[list[Word], list[list[int]], list[tuple[int, int, int]]],
) -> None:
    some, counts, made = training
    history = simulation.simulated(symbols(some, counts), merge_list(made))
    wanted = list(plain.steps(some, counts, made))
    of_merges = history.of_merges().tolist()
    for step, (left, right, _) in enumerate(made):
        assert at(history, step) == {p: row for p, row in wanted[step].items() if any(row)}
        assert of_merges[step] == wanted[step].get((left, right), [0, 0])


@given(trainings(), st.floats(0, 1), st.floats(0, 0.5), st.integers(1, 4))
def test_violated_orders_are_those_of_the_reference(
    training: tuple[list[Word], list[list[int]], list[tuple[int, int, int]]],
    share: float,
    slack: float,
    most: int,
) -> None:
    some, counts, made = training
    history = simulation.simulated(symbols(some, counts), merge_list(made))
    weights: NDArray[np.float64] = np.array([share, 1 - share])
    scales: NDArray[np.float64] = np.arange(len(made), dtype=np.float64) * 2
    free = (np.full(len(made), slack), np.full(len(history.pairs), slack))
    finds, amounts, differences = history.violated(weights, scales, free, most=most)
    numbers = {(left, right): i for i, (left, right) in enumerate(history.pairs.tolist())}
    for step, now in enumerate(plain.steps(some, counts, made)):
        merge = np.array(now.get(made[step][:2], [0, 0]))
        above = {
            numbers[pair]: (np.array(row) - merge) @ weights / scales[step] - 2 * slack
            for pair, row in now.items()
            if scales[step] > 0 and pair != made[step][:2]
        }
        here = finds[:, 0] == step
        wanted = sorted((a for a in above.values() if a > 1e-9), reverse=True)[:most]
        clear = amounts[here] > 1e-9
        np.testing.assert_allclose(amounts[here][clear], wanted, atol=1e-9)
        for pair, difference in zip(finds[here, 1].tolist(), differences[here], strict=True):
            own = now.get(tuple(history.pairs[pair].tolist()), [0, 0])
            assert difference.tolist() == (np.array(own) - merge).tolist()


def test_pairs_that_the_training_could_not_join_are_passed_over() -> None:
    some = MergeList(
        "made",
        Splitting("made", spaced=True),
        ("a", "▁", "b", "ab"),
        3,
        np.array([[0, 2, 3]], np.int64),
        (),
    )
    history = simulation.simulated(symbols([(0, 1, 0, 2)], [[5]]), some)
    finds, *_ = history.violated(
        np.ones(1), np.full(1, 0.5), (np.full(1, -1.0), np.zeros(3)), most=9
    )
    assert history.pairs[finds[:, 1]].tolist() == [[1, 0]]


@pytest.mark.parametrize("file", ["science", "code"])
def test_a_tokenizer_of_one_source_is_in_order_throughout(file: str) -> None:
    """A fault in splitting, counting or joining would break the order of some step."""
    texts = real_texts(f"dolma/documents/{file}/part-00000.jsonl.gz", 300)
    some = formats.read(tokens.train(texts, vocab_size=257 + 600), where="trained")
    table = words.table({file: texts}, some.splitting)
    history = simulation.simulated(words.encoded(table, some), some)
    free = (np.zeros(history.n_steps), np.zeros(len(history.pairs)))
    finds, *_ = history.violated(np.ones(1), np.ones(history.n_steps), free, most=1)
    assert not len(finds)
    assert history.of_merges()[:, 0].min() > 0


def test_bounds_hold(tmp_path: Path) -> None:
    test = f"{__file__}::test_counts_at_each_step_are_those_of_the_reference"
    other = f"{__file__}::test_violated_orders_are_those_of_the_reference"
    assert not bounds_checked(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", test, other)


def test_importing_the_stage_imports_no_numba() -> None:
    assert replay.__doc__
    assert not imports_numba("tasks.replay.merges.simulation")
