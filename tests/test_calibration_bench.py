"""The bench of the certificate's verdicts runs, and says what it measured."""

from __future__ import annotations

import json

import pytest

from benchmarks.calibration import wilson
from tests.real_data import real_data
from tests.test_benchmarks import bench


@pytest.mark.slow
def test_verdicts_are_counted() -> None:
    env = {"OPENMOAT_DATA": str(real_data())}
    done = bench("--json", "--draws", "3", "--n-eff", "400", name="calibration", env=env)
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found["rows"]) == 8
    for row in found["rows"]:
        assert sum(row["verdicts"].values()) == 3
        assert row["n_eff"] >= 400
    missing = [row for row in found["rows"] if row["class"] == "a fifth missing"]
    assert all("indistinguishable" not in row["verdicts"] for row in missing)


def test_without_real_data_it_says_what_to_set() -> None:
    done = bench(name="calibration", env={"OPENMOAT_DATA": "/none"}, rc=1)
    assert "OPENMOAT_DATA" in done.stderr


def test_the_interval_is_that_of_wilson() -> None:
    assert wilson(10, 10) == pytest.approx((0.7225, 1), abs=1e-4)
    assert wilson(95, 100) == pytest.approx((0.8882, 0.9785), abs=1e-4)
