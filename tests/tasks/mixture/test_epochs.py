"""The order of later epochs: every row once, each place of the origin that it had."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.mixture import epochs
from tasks.mixture.epochs import CHUNK, Epoch, Origins

FEW = st.lists(st.booleans(), min_size=1, max_size=60)
LONG = st.tuples(st.integers(1, 3 * CHUNK), st.floats(0, 1), st.integers(0, 9)).map(
    lambda said: (np.random.default_rng(said[2]).random(said[0]) < said[1]).tolist()
)


@st.composite
def orders(draw: st.DrawFn) -> Epoch:
    origins = Origins(np.array(draw(FEW | LONG), dtype=bool))
    block = draw(st.integers(1, 9)) if len(origins.is_replay) < 100 else 1024
    return Epoch(
        draw(st.text(max_size=3)), draw(st.integers(1, 99)), origins, block, draw(st.booleans())
    )


def every(epoch: Epoch) -> epochs.Sources:
    return epoch.sources(0, len(epoch.origins.is_replay))


@settings(max_examples=60)
@given(orders())
def test_every_row_comes_once_at_a_place_of_its_origin(epoch: Epoch) -> None:
    is_replay = epoch.origins.is_replay
    rows = every(epoch).rows
    assert sorted(rows.tolist()) == list(range(len(is_replay)))
    assert (is_replay[rows] == is_replay).all()


@settings(max_examples=60)
@given(orders(), st.data())
def test_any_stretch_can_be_had_alone(epoch: Epoch, data: st.DataObject) -> None:
    n = len(epoch.origins.is_replay)
    start = data.draw(st.integers(0, n - 1))
    stop = data.draw(st.integers(start + 1, n))
    found, whole = epoch.sources(start, stop), every(epoch)
    assert (found.rows == whole.rows[start:stop]).all()
    assert (found.blocks == whole.blocks[start:stop]).all()
    step = data.draw(st.integers(1, 5))
    places = np.arange(start, stop, step)
    assert (epochs.positions(epoch, places).rows == whole.rows[places]).all()


@settings(max_examples=60)
@given(orders())
def test_a_row_lies_in_its_block_and_blocks_come_one_after_the_other(epoch: Epoch) -> None:
    found = every(epoch)
    for block in np.unique(found.blocks).tolist():
        own = epoch.rows_of(block)
        assert len(own) <= epoch.block
        assert sorted(found.rows[found.blocks == block].tolist()) == own.tolist()
    for replay in (False, True):
        blocks = found.blocks[epoch.origins.is_replay == replay].tolist()
        changes = sum(a != b for a, b in pairwise(blocks))
        assert changes == max(0, len(set(blocks)) - 1)
        if epoch.in_turn and not replay:
            assert blocks == sorted(blocks)


def test_where_the_nth_row_of_an_origin_stands() -> None:
    is_replay = np.random.default_rng(0).random(2 * CHUNK + 5) < 0.3
    origins = Origins(is_replay)
    for replay in (False, True):
        own = np.flatnonzero(is_replay == replay)
        assert origins.count(replay=replay) == len(own)
        assert (origins.rows(0, len(own), replay=replay) == own).all()
        assert (origins.rows(1000, 1700, replay=replay) == own[1000:1700]).all()
        for row in (0, 1, CHUNK - 1, CHUNK, 2 * CHUNK, 2 * CHUNK + 5):
            assert origins.before(row, replay=replay) == (own < row).sum()


def test_epochs_and_mixtures_have_orders_of_their_own() -> None:
    origins = Origins(np.arange(5000) % 20 == 19)
    orders = [
        every(Epoch(name, number, origins, 1024)).rows for name in "ab" for number in range(1, 4)
    ]
    for i, one in enumerate(orders):
        for other in orders[:i]:
            assert (one == other).mean() < 0.01
    assert every(Epoch("a", 1, origins, 1024)).rows[:3].tolist() == orders[0][:3].tolist()


def test_an_order_is_the_same_for_ever() -> None:
    """Whoever resumes with another version of a library goes on with the same rows."""
    origins = Origins(np.arange(12) % 3 == 2)
    assert every(Epoch("0f train", 1, origins, 4)).rows.tolist() == [
        *(4, 1, 11, 3, 0, 2, 6, 10, 8, 7, 9, 5)
    ]


@pytest.mark.parametrize(
    ("row_tokens", "rows"), [(None, 1024), (2048, 1024), (8192, 512), (2**20, 64)]
)
def test_blocks_of_long_rows_are_small(row_tokens: int | None, rows: int) -> None:
    assert epochs.block_rows(row_tokens) == rows
