from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.distances import distances
from tasks.replay import packed

WORDS = st.lists(st.sampled_from(["the", "cat", "sat", "on", "a", "mat", "§"]), max_size=30)


def reference(text: str, others: list[str]) -> float:
    """Hellinger's distance of the hashed words and pairs, by the definition."""
    own, total = Counter[int](), Counter[int]()
    own.update(packed.row(packed.of(pa.array([text], pa.large_string())), 0))
    for other in others:
        total.update(packed.row(packed.of(pa.array([other], pa.large_string())), 0))
    n, m = max(1, own.total()), max(1, total.total())
    alike = sum(math.sqrt(own[k] / n * total[k] / m) for k in own)
    return math.sqrt(max(0.0, 1.0 - alike))


@given(WORDS, st.lists(WORDS, max_size=4))
def test_as_the_definition_has_it(words: list[str], others: list[list[str]]) -> None:
    text, old = " ".join(words), [" ".join(o) for o in others]
    counts = packed.of(pa.array(old, pa.large_string()))
    profile = np.zeros(packed.BUCKETS) + packed.sums(counts, packed.rows(counts))
    (found,) = distances(packed.of(pa.array([text], pa.large_string())), profile)
    assert found == pytest.approx(reference(text, old), abs=2e-3)


def test_the_same_and_nothing_in_common() -> None:
    counts = packed.of(pa.array(["a cat sat", "völlig anders", ""], pa.large_string()))
    profile = packed.sums(counts, np.array([0]))
    assert distances(counts, profile).tolist() == pytest.approx([0.0, 1.0, 1.0], abs=2e-3)
