"""The benches run, say what they measured, and stop with a message where they cannot."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import documents, measuring, parity, printing, texts
from benchmarks.definitions import datatrove_c4, datatrove_gopher, steps
from schemas.errors import OpenmoatError
from schemas.tables import SIGNALS
from tasks.signals.rules import rules
from tests.tasks.signals.texts import ANY_TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
OWN = "benchmarks.contenders.ingest_openmoat"


def bench(
    *options: str, name: str = "ingest", env: Mapping[str, str] | None = None, rc: int = 0
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *options],
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


@pytest.fixture(scope="module")
def quick_signals() -> dict[str, Any]:
    """Give the figures of a quick run of some jobs, without the folder of real data."""
    jobs = ("rules", "language-1000", "pass1-first-1000")
    options = ("--quick", "--json", "--mb", "1", "--documents", "200", "--jobs", *jobs)
    done = bench(*options, name="signals", env={"OPENMOAT_DATA": "/none"})
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def quick_dedup() -> dict[str, Any]:
    """Give the figures of a quick run, without the folder of real data."""
    options = ("--quick", "--json", "--documents", "600", "--some", "200")
    done = bench(*options, name="dedup", env={"OPENMOAT_DATA": "/none"})
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def keys_on_the_page(heading: str) -> set[str]:
    _, _, section = PAGE.read_text(encoding="utf-8").partition(f"\n{heading}\n")
    rows = [r for r in section.partition("\n#")[0].splitlines() if r.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_the_last_line_is_the_figures_that_the_page_names(quick: dict[str, Any]) -> None:
    assert set(quick) == keys_on_the_page("## The figures of bench-ingest")
    assert {key for run in quick["runs"] for key in run} == keys_on_the_page("### ingest runs")


def test_so_are_the_figures_of_signals(quick_signals: dict[str, Any]) -> None:
    assert set(quick_signals) == keys_on_the_page("## The figures of bench-signals")
    keys = {key for run in quick_signals["runs"] for key in run}
    assert keys == keys_on_the_page("### signals runs")


def test_signals_are_timed_and_labels_compared(quick_signals: dict[str, Any]) -> None:
    runs = [(run["job"], run["contender"]) for run in quick_signals["runs"]]
    assert runs == [
        ("rules", "openmoat"),
        ("language-1000", "openmoat"),
        ("language-1000", "fasttext-predict"),
        ("pass1-first-1000", "openmoat"),
    ]
    for run in quick_signals["runs"]:
        assert run["cpu_seconds"] > 0 < run["mb_per_cpu_second"]
        assert (run["times_slower"] == 1.0) == (run["contender"] == "openmoat")
    assert quick_signals["labels"] == {"language-1000": {"documents": 200, "differing": 0}}
    assert set(quick_signals["input"]["origins"]) == {"python-readmes", "python-licenses"}


def test_so_are_the_figures_of_deduplication(quick_dedup: dict[str, Any]) -> None:
    assert set(quick_dedup) == keys_on_the_page("## The figures of bench-dedup")
    keys = {key for run in quick_dedup["runs"] for key in run}
    assert keys == keys_on_the_page("### signals runs")
    assert quick_dedup["runs"][0]["documents"] == 200
    assert quick_dedup["runs"][0]["cpu_seconds"] > 0
    assert quick_dedup["input"]["copies"] == 90


def test_what_deduplication_finds_is_judged(quick_dedup: dict[str, Any]) -> None:
    found = quick_dedup["found"]
    own = found["lists"]["openmoat"]
    assert set(own) == keys_on_the_page("### dedup lists")
    assert set(own["recall"]) == set(found["pairs"])
    assert found["pairs"]["all"] == found["pairs"]["planted"] + found["pairs"]["natural"] >= 18
    assert own["recall"]["1 %"] >= 0.9
    assert 0 < own["precision"] <= own["alike"] <= 1
    assert quick_dedup["runs"][1]["written_mb"] > 0


def test_every_stage_of_the_first_pass_is_told(quick_signals: dict[str, Any]) -> None:
    stages = quick_signals["stages"]
    assert {"normalise", "signals: rules", "signals: language", "write signals"} <= set(stages)
    assert all(ms >= 0 for ms in stages.values())
    assert len(quick_signals["floors"]) == 4


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


@given(st.text(alphabet="ab #\n", max_size=9_000) | st.text())
def test_pieces_are_the_text_and_as_long_as_it_allows(text: str) -> None:
    found = list(documents.pieces(text))
    assert "".join(found) == text
    for piece in found:
        assert len(piece) <= documents.PIECE_CHARS or "\n" not in piece[:-1]


def test_a_page_of_html_is_its_paragraphs() -> None:
    page = "<h1>Title</h1><nav>no</nav><p class=x>One &amp; <b>two</b></p>"
    assert documents.plain(page) == "Title\n\nOne & two"


@given(ANY_TEXT)
def test_our_definitions_are_those_of_the_kernel(text: str) -> None:
    column = pa.chunked_array([pa.array([text], pa.large_string())])
    (values,) = rules(column, pl.Series(["en"])).to_dicts()
    theirs: dict[str, Any] = {"sentences": {}}
    document = steps.Document(text, values, theirs)
    state = steps.State(dict(values), {})
    datatrove_c4.judged(document, state, datatrove_c4.Rules())
    datatrove_gopher.stop_words(document, state)
    if values["gopher_mean_word_length"] is not None:
        datatrove_gopher.repetition(document, state)
    assert state.values == values


def test_the_last_step_that_changes_the_verdict_is_the_cause() -> None:
    def limit(most: float) -> steps.Step:
        change = {"words": (None, most)}
        return steps.Step(f"at most {most:g}", lambda _, state: state.limits.update(change))

    document = steps.Document("", {"words": 7.0}, {}, {"words": (None, 9.0)})
    way = (limit(8.0), limit(5.0), limit(8.5), limit(6.0), limit(4.0))
    found = steps.compare(document, way, they_drop=True)
    assert found == steps.Finding(we_drop=False, they_drop=True, cause="at most 6", rule="words")
    found = steps.compare(document, way, they_drop=False)
    assert found.cause == steps.UNEXPLAINED
    assert steps.compare(document, way[:3], they_drop=False).cause is None


def test_every_rule_that_is_compared_has_a_signal() -> None:
    names = {column for one in parity.filters() for column in one.limits}
    assert names <= {field.name for field in SIGNALS}


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
