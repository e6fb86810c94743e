"""Hidden mixtures of the bench of generations, and how it says what it found."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import generations as bench
from tests.real_data import ROOT, real_data


def test_generations_are_drawn_by_the_shares() -> None:
    some = {"a": ["first text " * 30] * 40, "b": ["second one " * 30] * 20}
    texts = bench.passages_of(some, ["a", "b"], "x")
    side = bench.written(np.random.default_rng(1), texts, np.array([0.25, 0.75]), 400)
    assert side.size == len(set(side.documents.tolist())) == 400
    own = bench.hidden(np.random.default_rng(2), list("abcdefg"))
    assert own.sum() == pytest.approx(1)
    assert 4 <= (own > 0).sum() <= 7


@pytest.mark.slow
def test_the_bench_finds_hidden_mixtures_and_refuses_foreign_text() -> None:
    real_data()
    command = [sys.executable, "-m", "benchmarks.generations", "--quick", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    errors = [row["error"] for row in found["trials"] if "error" in row]
    evens = [row["even"] for row in found["trials"] if "even" in row]
    assert np.mean(errors) < np.mean(evens) / 3
    assert {row["standing"] for row in found["foreign"].values()} == {"foreign"}
