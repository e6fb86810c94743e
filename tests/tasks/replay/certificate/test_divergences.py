"""Distances by hand, and against SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tasks.replay.certificate import divergences as d

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=20)


@given(LENGTHS, LENGTHS)
def test_lengths_are_as_far_apart_as_scipy_says(one: list[int], other: list[int]) -> None:
    a, b = (np.array(x, np.int64) for x in (one, other))
    known: Any = stats
    assert d.ks(a, b) == pytest.approx(known.ks_2samp(a, b).statistic)
    assert d.wasserstein(a, b) == pytest.approx(known.wasserstein_distance(a, b))
