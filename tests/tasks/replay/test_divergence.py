"""Divergences of counts: by hand, and against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from tasks.replay.divergence import js, kl

COUNTS = st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any)


@given(COUNTS, COUNTS)
def test_js_is_that_of_scipy(one: list[int], other: list[int]) -> None:
    a, b = (np.array(x, float) for x in (one, other))
    assert js(a, b) == pytest.approx(jensenshannon(a, b, base=2) ** 2, abs=1e-9)


def test_js_of_what_has_nothing_in_common_is_a_bit() -> None:
    assert js(np.array([1.0, 0.0]), np.array([0.0, 7.0])) == pytest.approx(1)
    assert js(np.zeros(2), np.ones(2)) is None


def test_kl_by_hand() -> None:
    found = kl(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    assert found == pytest.approx(0.25 * math.log2(0.5) + 0.75 * math.log2(1.5))


@given(COUNTS)
def test_what_is_the_same_is_not_apart(one: list[int]) -> None:
    assert js(np.array(one, float), np.array(one, float)) == 0
