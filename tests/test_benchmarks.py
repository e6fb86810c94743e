"""The benches run, say what they measured, and stop with a message where they cannot."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import measuring, printing, texts
from schemas.errors import OpenmoatError

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
OWN = "benchmarks.contenders.ingest_openmoat"


def bench(
    *options: str, env: Mapping[str, str] | None = None, rc: int = 0
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.ingest", *options],
        cwd=ROOT,
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == rc, done.stderr
    return done


@pytest.fixture(scope="module")
def quick() -> dict[str, Any]:
    """Give the figures of a quick run; one megabyte, so that it is quicker still."""
    done = bench("--quick", "--json", "--mb", "1")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def keys_on_the_page(heading: str) -> set[str]:
    _, _, section = PAGE.read_text(encoding="utf-8").partition(f"\n{heading}\n")
    rows = [r for r in section.partition("\n#")[0].splitlines() if r.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_the_last_line_is_the_figures_that_the_page_names(quick: dict[str, Any]) -> None:
    assert set(quick) == keys_on_the_page("## The figures")
    assert {key for run in quick["runs"] for key in run} == keys_on_the_page("### runs")


def test_every_format_is_read_and_measured(quick: dict[str, Any]) -> None:
    assert [r["format"] for r in quick["runs"]] == ["jsonl.gz", "jsonl", "jsonl.zst", "parquet"]
    for run in quick["runs"]:
        assert run["contender"] == "openmoat"
        assert run["cpu_seconds"] > 0 < run["mb_per_cpu_second"]
        assert 20 < run["peak_mb"] < 1_000
        assert 0.1 < run["written_mb"] < 2
    assert set(quick["floors"]) == {"gunzip", "parse", "write"}
    assert quick["input"]["documents"] > 100
    assert 1_000_000 <= quick["input"]["text_bytes"] < 1_020_000


@pytest.mark.slow
def test_memory_is_of_one_text_under_new_ids(tmp_path: Path) -> None:
    done = bench("--memory", "--quick", "--json", env={"OPENMOAT_DATA": str(tmp_path / "none")})
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["runs"] == []
    assert found["rounds"] == 1
    assert found["input"] is None
    small, large = found["memory"]
    assert small["documents"] < large["documents"]
    assert small["distinct_texts"] <= large["distinct_texts"] < large["documents"]


def test_peers_that_are_not_there_are_an_error_with_a_way_out() -> None:
    done = bench("--peers", sys.executable, "--mb", "1", rc=1)
    assert "a Python that has datatrove and datasets" in done.stderr
    assert "requirements-peers.txt" in done.stderr
    assert "Traceback" not in done.stderr


@given(st.lists(st.text(min_size=1), min_size=1), st.integers(1, 2_000))
def test_records_hold_what_was_asked_for_under_ids_of_their_own(found: list[str], n: int) -> None:
    rows = list(texts.records([t.encode("utf-8", "replace").decode() for t in found], n))
    sizes = [len(r["text"].encode()) for r in rows]
    assert sum(sizes) >= n > sum(sizes[:-1])
    assert len({r["id"] for r in rows}) == len(rows)


def test_the_same_input_every_time_in_every_format(tmp_path: Path) -> None:
    rows = list(texts.records(["one", "zwei\n", "три"], 500))
    for kind in ("jsonl", "jsonl.gz", "jsonl.zst", "fast.jsonl.gz", "parquet"):
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir(exist_ok=True)
            texts.write(tmp_path / folder / f"input.{kind}", rows, kind)
        first, second = (tmp_path / f / f"input.{kind}" for f in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()
    assert pq.read_table(tmp_path / "a" / "input.parquet").to_pylist() == rows


def test_a_contender_that_leaves_documents_out_is_refused(tmp_path: Path) -> None:
    rows = list(texts.records(["some text"], 90))
    for name in ("input.jsonl", "small.jsonl"):
        texts.write(tmp_path / name, rows, "jsonl")
    own, small = measuring.Contender("openmoat", OWN), tmp_path / "small.jsonl"
    given_ = tmp_path / "input.jsonl"
    cost = measuring.measured(own, given_, small=small, documents=len(rows))
    assert cost.documents == 10
    with pytest.raises(OpenmoatError, match="got 10 documents, wanted 11"):
        measuring.measured(own, given_, small=small, documents=11)


def test_a_contender_that_fails_says_why(tmp_path: Path) -> None:
    own = measuring.Contender("openmoat", OWN)
    missing = tmp_path / "missing.jsonl"
    with pytest.raises(OpenmoatError, match=r"(?s)exit code 1.*missing\.jsonl"):
        measuring.measured(own, missing, small=missing, documents=1)


def test_the_best_round_counts_and_the_highest_peak() -> None:
    slow = measuring.Cost(1, 2.0, 3.0, 0.5, 7_000_000, 10)
    best = measuring.Cost(1, 1.0, 1.5, 0.6, 5_000_000, 10)
    found = measuring.figures([slow, best], 10_000_000)
    assert found["mb_per_cpu_second"] == 10.0
    assert found["cpu_seconds_of_rounds"] == [2.0, 1.0]
    assert found["wall_seconds"] == 1.5
    assert found["peak_mb"] == 7.0


def test_aims_say_whether_they_are_met() -> None:
    found = printing.aims({"speed": (40, ">=", 40.0), "peak": (1_000, "<", 1_000.0)})
    assert found == {
        "speed": {"wanted": ">= 40", "got": 40.0, "met": True},
        "peak": {"wanted": "< 1000", "got": 1_000.0, "met": False},
    }
