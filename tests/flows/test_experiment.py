"""``openmoat experiment forgetting``: the small form shows that replay works, and says how."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from schemas.experiment import Result, Spoken
from tests.real_data import real_data
from tests.tasks.training.models import needs_torch

if TYPE_CHECKING:
    from pathlib import Path


def openmoat(
    *arguments: object, kind: str = "forgetting", **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", "experiment", kind, *map(str, arguments)]
    own = {k: v for k, v in os.environ.items() if k != "OPENMOAT_DATA"} | environment
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=1_800, env=own
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Run the small form once: about four minutes of one core."""
    needs_torch()
    out = tmp_path_factory.mktemp("experiment") / "small"
    done = openmoat("--small", "--data", real_data(), "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    body: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return out, body


def test_replay_forgets_less_and_the_surrogate_less_than_a_random_draw(
    run: tuple[Path, dict[str, Any]],
) -> None:
    """Recovery beside true replay is printed, and asserted by nobody: it is one seed."""
    old = {one["arm"]["name"]: one["old"]["mean"] for one in run[1]["arms"]}
    assert set(old) == {"none", "true 5 %", "random 5 %", "surrogate: sample 5 %"}
    assert old["none"] > old["random 5 %"] > old["surrogate: sample 5 %"]
    assert old["none"] > old["true 5 %"]
    assert old["true 5 %"] > run[1]["base_old"]["mean"]
    for one in run[1]["arms"]:
        assert one["new"]["mean"] < run[1]["base_new"]["mean"]
        assert one["old"]["low"] is None  # one seed has no interval


def test_a_closed_pipeline_sees_no_old_text(run: tuple[Path, dict[str, Any]]) -> None:
    closed, sample = (set(run[1]["given"][kind]) for kind in ("closed", "sample"))
    assert sample - closed == {"sample.parquet"}
    assert {name.split("/")[0] for name in closed} == {"card.json", "model", "pool.parquet"}
    gate = run[1]["gate"]["pool"]
    assert set(gate["left_out"]) >= {"old_train", "old_held"}


def test_what_is_written_says_the_same(run: tuple[Path, dict[str, Any]]) -> None:
    out, body = run
    written = Result.model_validate_json((out / "result.json").read_bytes())
    assert written.model_dump(mode="json") == {k: v for k, v in body.items() if k != "out"}
    courses = pq.read_table(out / "trajectories.parquet").to_pylist()
    assert {row["arm"] for row in courses} == {arm.arm.name for arm in written.arms}
    begun = {(row["old"], row["new"]) for row in courses if row["step"] == 0}
    assert len(begun) == 1  # all arms start from the same model
    page = (out / "report.html").read_text()
    for text in ("surrogate: sample 5 %", "Old loss against new loss", "tokens a parameter"):
        assert text in page
    told = (out / "report.md").read_text()
    assert "![Losses: none old" in told
    assert f"| none |  | {body['arms'][0]['old']['mean']:.3f} |" in told
    assert "openmoat experiment forgetting --setting german --small --seeds 1" in told
    assert (out / "report.svg").read_text().startswith("<svg ")


def test_a_second_run_finds_all_of_it(run: tuple[Path, dict[str, Any]]) -> None:
    out, body = run
    at = out / "seed-0" / "arms" / "none" / "outcome.json"
    before = at.stat().st_mtime_ns
    again = openmoat("--small", "--data", real_data(), "--out", out)
    assert again.returncode == 0, again.stderr
    assert at.stat().st_mtime_ns == before
    assert f"{body['arms'][0]['old']['mean']:.3f}" in again.stdout


@pytest.mark.slow
def test_what_a_model_writes_stands_side_by_side(tmp_path: Path) -> None:
    needs_torch()
    done = openmoat(
        "--preset", "small", "--data", real_data(), "--out", tmp_path / "out", kind="speaking"
    )
    assert done.returncode == 0, done.stderr
    spoken = Spoken.model_validate_json((tmp_path / "out/seed-0/spoken/spoken.json").read_bytes())
    english = {one.model: one.languages.get("en", 0.0) for one in spoken.speeches}
    assert list(english) == ["before", "none", "surrogate: card 25 %"]
    assert english["before"] > english["none"]
    assert english["surrogate: card 25 %"] > english["none"]
    for name in ("speaking.html", "speaking.md"):
        page = (tmp_path / "out" / name).read_text()
        for text in ("Loss by domain", "distinct-2", "Side by side", "surrogate: card 25 %"):
            assert text in page


def test_without_a_folder_of_data_it_says_so(tmp_path: Path) -> None:
    done = openmoat("--small", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "--data" in done.stderr
    done = openmoat("--small", "--out", tmp_path / "out", OPENMOAT_DATA=str(tmp_path))
    assert done.returncode == 2
    assert "wiki" in done.stderr


@pytest.mark.parametrize("name", ["run.json", "thesis.tex"])
def test_a_folder_of_something_else_is_left_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / name).write_text("mine")
    done = openmoat("--small", "--data", real_data(), "--out", tmp_path)
    assert done.returncode == 2
    assert "wanted a new folder, an empty one, or that of an experiment" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["parts", name])
