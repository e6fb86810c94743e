"""The bench of hidden originals runs, and says what it measured."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import nearness, originals
from tests.real_data import real_data
from tests.test_benchmarks import bench, keys_on_the_page


@pytest.mark.slow
def test_the_last_line_is_the_figures_that_the_page_names() -> None:
    env = {"OPENMOAT_DATA": str(real_data())}
    done = bench("--quick", "--json", name="hidden_original", env=env)
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == keys_on_the_page("## The figures of bench-hidden-original")
    assert found["input"][0]["pool_foreign"] == pytest.approx(0.5, abs=0.05)
    for arms in (found["cells"], found["missing"]):
        assert len(arms) == 7
        for figures in arms.values():
            assert figures["js_floor"][0] > 0
            assert 0 <= figures["foreign"][0] <= figures["tv"][0] + 1e-9


def test_without_real_data_it_says_what_to_set() -> None:
    done = bench("--quick", name="hidden_original", env={"OPENMOAT_DATA": "/none"}, rc=1)
    assert "OPENMOAT_DATA" in done.stderr


def test_mixtures_are_shares() -> None:
    every = [originals.mixture(number) for number in range(20)]
    assert all(one.sum() == pytest.approx(1) and one.min() > 0.03 for one in every)
    assert originals.mixture(3).tolist() == originals.mixture(3).tolist()


def test_distances_of_distributions() -> None:
    one, other = np.array([1, 2, 3, 4]), np.array([3, 4, 5, 6])
    assert nearness.ks(one, one) == 0
    assert nearness.ks(one, other) == 0.5
    kinds = np.array([True, True, False, False])
    assert nearness._auc(np.array([2.0, 3, 0, 1]), kinds) == 1
    assert nearness._auc(np.array([1.0, 1, 1, 1]), kinds) == 0.5
