"""SIGKILL in every stage, again and again: the run that goes on ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

OPENMOAT = [sys.executable, "-m", "flows.cli"]
SIGNS = (
    "documents/*.parquet",
    "signals/manifest.json",
    "decisions/near/*.parquet",
    "decisions/*.parquet",
    "tokenizer/tokenizer.json",
    "tokens/*.parquet",
    "replay/drawn.parquet",
    ".scratch/mixture-*/*.arrow",
    "mixture/train/*.parquet",
)
"""What is there as soon as a stage has begun to write."""


def killed_at(recipe: Path, out: Path, sign: str) -> None:
    process = subprocess.Popen(
        [*OPENMOAT, "run", str(recipe), "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list(out.glob(sign)) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def finish(recipe: Path, out: Path) -> dict[str, str]:
    command = [*OPENMOAT, "run", str(recipe), "--out", str(out), "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    stages = json.loads(result.stdout.splitlines()[-1])["stages"]
    return {name: stage["digest"] for name, stage in stages.items()}


@pytest.mark.slow
def test_killed_in_every_stage_one_after_the_other(tmp_path: Path) -> None:
    recipe = corpora.three_sources(tmp_path / "in", shards=8, n=200)
    recipe.write_text(recipe.read_text() + "shard_mb = 0.02\n")
    out = tmp_path / "out"
    for sign in SIGNS:
        killed_at(recipe, out, sign)
    ended = finish(recipe, out)
    assert ended == finish(recipe, tmp_path / "fresh")
    assert not list(out.rglob("*.tmp"))
    verified = subprocess.run([*OPENMOAT, "verify", str(out)], check=False)
    assert verified.returncode == 0
