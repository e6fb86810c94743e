"""The command ``openmoat export``: what it prints, and what it says when it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests import mixtures

if TYPE_CHECKING:
    from pathlib import Path


def openmoat(*arguments: str, rc: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == rc, done.stderr
    return done


@pytest.fixture
def run(tmp_path: Path) -> str:
    mixtures.write(tmp_path / "run", {"train": mixtures.packed(60)})
    return str(tmp_path / "run")


def test_it_says_what_it_wrote_and_what_is_lost(run: str, tmp_path: Path) -> None:
    done = openmoat("export", run, "--to", "olmo", "--out", str(tmp_path / "olmo"), "--json")
    said = json.loads(done.stdout.splitlines()[-1])
    written = json.loads((tmp_path / "olmo" / "export.json").read_bytes())
    assert said == {"out": str(tmp_path / "olmo"), **written}
    ids = np.fromfile(tmp_path / "olmo" / "train" / "input_ids.npy", said["dtype"])
    assert said["splits"]["train"]["tokens"] == len(ids)
    for_people = openmoat("export", run, "--to", "datasets", "--out", str(tmp_path / "hf")).stdout
    assert "Written" in for_people
    assert f"{len(ids):,}" in for_people
    assert "position i" in for_people


def test_masks_are_dropped_only_when_asked(run: str, tmp_path: Path) -> None:
    asked = ("export", run, "--to", "megatron", "--out", str(tmp_path / "megatron"))
    refused = openmoat(*asked, rc=2)
    assert "Add --drop-masks to have every token learned" in refused.stderr
    assert not (tmp_path / "megatron").exists()
    openmoat(*asked, "--drop-masks")
    assert (tmp_path / "megatron" / "train.idx").exists()


def test_another_trainer_is_not_known(run: str, tmp_path: Path) -> None:
    done = openmoat("export", run, "--to", "nanotron", "--out", str(tmp_path / "x"), rc=2)
    assert "megatron" in done.stderr
