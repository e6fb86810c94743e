"""``openmoat generate`` as scripts call it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.tasks.training.models import needs_torch, tiny

if TYPE_CHECKING:
    from pathlib import Path


def openmoat(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", "generate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.slow
def test_what_it_wrote_is_told_and_other_tools_read_it(tmp_path: Path) -> None:
    needs_torch()
    model, out = tiny(tmp_path / "model"), tmp_path / "gens.parquet"
    done = openmoat(model, "--tokens", 500, "--length", 20, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["tokens"] >= 500
    assert told["made"] >= 1
    assert set(told["dropped"]) == {"empty", "short", "loop"}
    again = openmoat(model, "--tokens", 500, "--length", 20, "--out", out)
    assert again.returncode == 0, again.stderr
    assert "0 shards made" in again.stdout
    # What it writes is a source as any other.
    from schemas.config import SignalsConfig, Source
    from tasks.measured import Seen, measured

    source, seen = Source(name="own", url=(str(out),)), Seen()
    list(measured(source, SignalsConfig(minhash=False), seen, where="own"))
    assert seen.documents == told["rows"]
    assert not seen.rejects


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tokens", "0"], "--tokens"),
        (["--tokens", "9", "--temperature", "0"], "--temperature"),
        (["--tokens", "9", "--length", "0"], "--length"),
        ([], "--tokens"),
    ],
)
def test_wrong_usage_exits_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = openmoat(tmp_path, "--out", tmp_path / "x.parquet", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_name_that_is_no_folder_is_told_what_to_do(tmp_path: Path) -> None:
    done = openmoat("allenai/OLMo-1B", "--tokens", 9, "--out", tmp_path / "x.parquet")
    assert done.returncode == 2
    assert "Download the model first" in done.stderr
    assert not list(tmp_path.iterdir())
