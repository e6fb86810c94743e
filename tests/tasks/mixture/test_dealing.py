"""Rows dealt to ranks and workers: each to one of them, in the order that a loader yields."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.mixture.dealing import Hand

SMALL = st.integers(1, 5)


def hands(world: int, workers: int, run: int) -> list[list[Hand]]:
    return [[Hand(r, world, w, workers, run) for w in range(workers)] for r in range(world)]


@given(st.integers(0, 60), SMALL, SMALL, SMALL)
def test_every_row_is_dealt_once(rows: int, world: int, workers: int, run: int) -> None:
    dealt = []
    for rank, own in enumerate(hands(world, workers, run)):
        for hand in own:
            n = hand.count(rows)
            found = hand.rows(0, n).tolist()
            assert all(row < rows and row % world == rank for row in found)
            assert found == sorted(found)
            assert hand.rows(n, n + 1)[0] >= rows
            dealt += found
    assert sorted(dealt) == list(range(rows))


@given(st.integers(0, 60), SMALL, SMALL, SMALL)
def test_a_loader_that_takes_batches_of_a_run_in_turn_yields_the_order(
    rows: int, world: int, workers: int, run: int
) -> None:
    for rank, own in enumerate(hands(world, workers, run)):
        queues = [hand.rows(0, hand.count(rows)).tolist() for hand in own]
        yielded: list[int] = []
        while any(queues):
            for queue in queues:
                yielded += queue[:run]
                del queue[:run]
        assert yielded == list(range(rank, rows, world))


@given(st.integers(0, 40), st.integers(0, 40), SMALL, SMALL, SMALL)
def test_rows_are_known_without_walking_there(
    first: int, n: int, world: int, workers: int, run: int
) -> None:
    hand = Hand(world - 1, world, workers - 1, workers, run)
    assert hand.rows(first, first + n).tolist() == hand.rows(0, first + n).tolist()[first:]
