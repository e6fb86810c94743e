"""Shares in windows of rows, against counting them one by one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.mixture import diffusion
from tasks.mixture.windows import windows

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 50)), max_size=80)


def bounds(rows: int, number: int) -> list[tuple[int, int]]:
    """Windows that are as even as can be."""
    return [(i * rows // number, (i + 1) * rows // number) for i in range(number)]


@given(ROWS, st.integers(1, 20), st.sampled_from(["rows", "tokens"]))
def test_windows_hold_what_counting_gives(
    rows: list[tuple[bool, int]], most: int, unit: str
) -> None:
    is_replay = np.array([own for own, _ in rows], bool)
    tokens = np.array([n for _, n in rows], np.int64)
    found = windows(is_replay, tokens=tokens if unit == "tokens" else None, most=most)
    wanted = []
    for start, end in bounds(len(rows), len(found.replay)):
        assert end - start in {found.rows_per_window, found.rows_per_window - 1}
        part = [(own, n if unit == "tokens" else 1) for own, n in rows[start:end]]
        total = sum(n for _, n in part)
        wanted.append(sum(n for own, n in part if own) / total if total else 0.0)
    assert found.replay == pytest.approx(wanted, abs=1e-6)
    assert len(found.replay) <= most
    assert found.wanted == ()


@given(st.integers(1, 300), st.fractions(0, 1, max_denominator=20), st.integers(1, 30))
def test_error_diffusion_has_what_was_asked_in_every_window(
    rows: int, first: Fraction, most: int
) -> None:
    schedule = diffusion.ramp(rows, first, Fraction(1) - first)
    found = windows(diffusion.is_replay(schedule), schedule=schedule, most=most)
    sizes = [end - start for start, end in bounds(rows, len(found.replay))]
    assert len(found.wanted) == len(found.replay)
    for had, asked, n in zip(found.replay, found.wanted, sizes, strict=True):
        assert abs(had - asked) * n < 1 + 1e-3


def test_a_schedule_of_tokens_is_stretched_over_documents() -> None:
    is_replay = np.array([True, False, False, False])
    found = windows(
        is_replay,
        tokens=np.array([30, 10, 20, 60]),
        schedule=diffusion.heavy_start(100, Fraction(1), Fraction(0), part=Fraction(1, 4)),
        most=2,
    )
    assert found.model_dump() == {
        "rows_per_window": 2,
        "unit": "tokens",
        "replay": (0.75, 0.0),
        "wanted": (0.75, 0.0),
    }


def test_no_rows_no_windows() -> None:
    found = windows(np.zeros(0, bool), schedule=diffusion.constant(0, Fraction(1, 2)))
    assert (found.replay, found.wanted) == ((), ())
