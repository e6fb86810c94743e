"""Known mixtures of the bench of inference, and how it says what it found."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from benchmarks import mixture_inference as bench
from tests.real_data import ROOT, real_data


def test_mixtures_are_of_four_to_seven_sources_at_the_shares_that_are_said() -> None:
    rng = np.random.default_rng(0)
    texts = {name: [name * 500] * 50 for name in bench.PLACES}
    for _ in range(20):
        some, shares = bench.mixed(texts, rng)
        assert 4 <= (shares > 0).sum() <= 7
        sizes = [sum(len(t) for t in some if t.startswith(name[:4])) for name in bench.PLACES]
        np.testing.assert_allclose(np.array(sizes) / sum(sizes), shares, atol=1e-4)


@pytest.mark.slow
def test_the_bench_finds_known_mixtures() -> None:
    real_data()
    command = [sys.executable, "-m", "benchmarks.mixture_inference"]
    command += ["--tokenizers", "2", "--self-test", "2", "--known-only"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    mean = next(line.split() for line in done.stdout.splitlines() if line.startswith("mean"))
    error, even = float(mean[1]), float(mean[5])
    assert error < even / 3
