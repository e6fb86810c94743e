"""SIGKILL in every stage, again and again: the run that goes on ends as if nothing had happened."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import polars as pl
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


FOOTER = "Subscribe to our letters and read every story that the harbour has to tell.\n"
SMALL = ("--memory-limit", "0.1MB")
"""So that pieces are compared in many ranges."""


def killed_at(recipe: Path, out: Path, sign: str, *options: str, files: int = 1) -> None:
    """Run a recipe until there are so many files, and kill it."""
    process = subprocess.Popen(
        [*OPENMOAT, "run", str(recipe), "--out", str(out), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if len(list(out.glob(sign))) >= files:
            break
        time.sleep(0.002)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def finish(recipe: Path, out: Path, *options: str) -> dict[str, str]:
    command = [*OPENMOAT, "run", str(recipe), "--out", str(out), *options, "--json"]
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


PACKED = (
    "guard/manifest.json",
    "tokens/ids/*/*.arrow",
    "tokens/*.parquet",
    ".scratch/mixture-*/*.arrow",
    "mixture/train/*.parquet",
    "mixture/manifest.json",
)


@pytest.mark.slow
def test_killed_while_rows_are_packed_and_with_other_workers(tmp_path: Path) -> None:
    recipe = corpora.three_sources(tmp_path / "in", shards=8, n=200)
    keys = 'shard_mb = 0.02\nformat = "tokens"\nrow_tokens = 128\nepochs = 2\n'
    recipe.write_text(recipe.read_text() + keys + "max_doc_tokens = 100\n")
    out = tmp_path / "out"
    for n, sign in enumerate(PACKED):
        killed_at(recipe, out, sign, "--workers", str(1 + n % 3))
    # Ids that were laid by are damaged; they are made anew.
    for part in sorted(out.glob("tokens/ids/*/*.arrow"))[::2]:
        part.write_bytes(part.read_bytes()[:-20])
    ended = finish(recipe, out, "--workers", "3")
    assert ended == finish(recipe, tmp_path / "fresh", "--workers", "1")
    assert not list(out.rglob("*.tmp"))
    verified = subprocess.run([*OPENMOAT, "verify", str(out)], check=False)
    assert verified.returncode == 0


def with_shared_parts(folder: Path) -> Path:
    """Write three sources whose documents share lines and runs of words; return the recipe."""
    recipe = corpora.three_sources(folder, n=200)
    notice = " ".join(corpora.prose("notice", 60).split())
    for file in sorted(folder.rglob("*.jsonl.gz")):
        rows = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
        for i, row in enumerate(rows):
            row["text"] += "\n" + FOOTER * (i % 2) + f"Of page {i}: {notice}" * (i % 3 == 0)
        corpora.write_jsonl(file, rows)
    asked = "[signals]\nline_words = 8\nsubstring_words = 30\n\n[corpus]\nmaterialize = true\n"
    recipe.write_text(recipe.read_text().replace("[tokenizer]", asked + "\n[tokenizer]"))
    return recipe


@pytest.mark.slow
def test_killed_again_and_again_while_parts_are_compared(tmp_path: Path) -> None:
    recipe, out = with_shared_parts(tmp_path / "in"), tmp_path / "out"
    fresh = finish(recipe, tmp_path / "fresh")
    finish(recipe, tmp_path / "small", *SMALL)
    every = len(list((tmp_path / "small/decisions/near").glob("*.parquet")))
    assert every > 20
    stood = 0
    for files in range(1, every + 1, every // 5):
        killed_at(recipe, out, "decisions/near/*.parquet", *SMALL, files=files)
        near = len(list((out / "decisions/near").glob("*.parquet")))
        assert stood <= near
        stood = near
    killed_at(recipe, out, "decisions/removed/*.parquet", *SMALL)
    assert finish(recipe, out, *SMALL) == fresh
    assert not list(out.rglob("*.tmp"))
    removed = [
        pl.read_parquet(o / "decisions/removed/*.parquet") for o in (out, tmp_path / "fresh")
    ]
    assert removed[0].height > 200
    assert removed[0].equals(removed[1])
    verified = subprocess.run([*OPENMOAT, "verify", str(out)], check=False)
    assert verified.returncode == 0
