"""The bench of replay runs, and says what it measured."""

from __future__ import annotations

import json

import pytest

from tests.real_data import real_data
from tests.test_benchmarks import bench, keys_on_the_page


@pytest.mark.slow
def test_the_last_line_is_the_figures_that_the_page_names() -> None:
    env = {"OPENMOAT_DATA": str(real_data())}
    done = bench("--quick", "--json", "--copies", "2", name="replay", env=env)
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == keys_on_the_page("## The figures of bench-replay")
    assert set(found["cpu_seconds"]) == {"cutting", "counts", "fit", "strata", "selection"}
    about = found["input"]
    assert about["pool"] > about["drawn"] > 0
    assert about["tokens"] == pytest.approx(about["budget_tokens"], abs=1_000)


def test_without_real_data_it_says_what_to_set() -> None:
    done = bench("--quick", name="replay", env={"OPENMOAT_DATA": "/none"}, rc=1)
    assert "OPENMOAT_DATA" in done.stderr
