"""The bench of mixtures runs, and says what it measured."""

from __future__ import annotations

import json

import pytest

from benchmarks import mixture
from tests.test_benchmarks import bench

KEYS = {"bench", "versions", "machine", "quick", "rounds", "input", "made", "runs", "memory",
        "aims", "seconds"}  # fmt: skip


@pytest.mark.slow
def test_everybody_reads_all_rows() -> None:
    done = bench("--quick", "--json", name="mixture")
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == KEYS
    rows = found["input"]["large"]["documents"]
    assert rows > 500
    assert [(r["job"], r["contender"], r["documents"]) for r in found["runs"]] == [
        (job, one.name, rows) for job, one in mixture.READING
    ]
    assert found["aims"] == {}  # a quick run proves nothing
    assert "rows one by one: openmoat" in done.stdout


def test_aims_are_reckoned_from_what_was_measured() -> None:
    def run(job: str, who: str, speed: float) -> dict[str, object]:
        return {"job": job, "contender": who, "mb_per_cpu_second": speed}

    runs = [
        run("rows", "openmoat", 100),
        run("rows", "datasets, interleaved", 20),
        run("rows", "datasets, interleaved, NumPy", 25),
        run("batches", "openmoat", 90),
        run("batches", "pyarrow", 100),
        run("tekken", "openmoat", 10),
        run("tekken", "tiktoken", 14),
    ]
    peaks = [
        {"making_mb": 600.0, "reading_mb": 100.0},
        {"making_mb": 630.0, "reading_mb": 110.0},
    ]
    assert list(mixture.aims(runs, peaks).values()) == [
        *((1.5, "<=", 1.4), (3, ">=", 3.6), (3, ">=", 4.0), (0.8, ">=", 0.9)),
        *((1.25, "<", 1.05), (1.25, "<", 1.1)),
    ]
    assert mixture.aims(runs[:1], []) == {}
