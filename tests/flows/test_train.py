"""`openmoat train` and `openmoat forgetting` as people call them, and the flow behind the first."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from schemas.training import RateConfig, TrainConfig
from tasks.forgetting import Question
from tasks.learning import Request
from tests.corpora import prose
from tests.mixtures import Document, written
from tests.tasks.training.models import needs_torch

if TYPE_CHECKING:
    from pathlib import Path

FAST = TrainConfig(batch_rows=4, rates=RateConfig(peak=5e-3, warm_up=0.1))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs_torch()
    folder = tmp_path_factory.mktemp("mixture")
    rows = [Document("a" if i % 3 else "b", prose(("t", i), 20), i % 3 == 0) for i in range(24)]
    splits = {"train": rows, "validation": rows[:6]}
    written(folder, splits, row_format="tokens", row_tokens=32)
    return folder


def openmoat(*arguments: str, torch: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the program; without ``torch``, as if it were not installed."""
    hidden = "" if torch else "sys.modules['torch'] = None\n"
    code = f"import sys\n{hidden}sys.argv = ['openmoat', *{list(arguments)!r}]\n"
    code += "from flows.cli import main\nmain()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("prefect")
def test_the_flow_trains_measures_and_tells(data: Path, tmp_path: Path) -> None:
    from prefect.client.orchestration import get_client

    from flows.train_step import train_step

    one = Request(str(data), "small", str(tmp_path / "one"), FAST)
    train_step(one, Question("", ""))
    assert not (tmp_path / "one" / "forgetting.json").exists()  # a fresh model forgets nothing
    two = Request(str(data), str(tmp_path / "one" / "model"), str(tmp_path / "two"), FAST)
    page = train_step(two, Question("", ""))
    assert page == str(tmp_path / "two" / "report.html")
    html = (tmp_path / "two" / "report.html").read_text(encoding="utf-8")
    for said in ("Worst of old domains: b,", "Loss by step: new rows from ", "<path d="):
        assert said in html
    assert "http" not in html.replace("http://www.w3.org", "")
    found = json.loads((tmp_path / "two" / "forgetting.json").read_bytes())
    assert {(d["name"], d["side"]) for d in found["domains"]} == {("a", "new"), ("b", "old")}
    with get_client(sync_client=True) as client:
        wanted = {"artifacts": {"key": {"any_": ["training"]}}}
        told = client._client.post("/artifacts/filter", json=wanted).json()
    assert any("| b | old |" in artifact["data"] for artifact in told)


def test_the_command_prints_one_object_and_knows_its_folder(data: Path, tmp_path: Path) -> None:
    given = ("train", str(data), "--model", "small", "--out", str(tmp_path / "out"), "--json",
             "--batch", "4", "--peak", "0.005", "--max-steps", "3")  # fmt: skip
    done = openmoat(*given)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["steps"] == 3
    assert said["rows"] == 12
    assert said["forgetting"] is None
    assert "step 3 of 3, loss " in done.stderr
    other = openmoat(*given, "--seed", "1")
    assert other.returncode == 2
    assert "a run with other settings" in other.stderr


def test_forgetting_prints_one_object_and_writes_a_page(data: Path, tmp_path: Path) -> None:
    from tasks import learning

    base = learning.train(Request(str(data), "small", str(tmp_path / "a"), FAST)).model
    texts = tmp_path / "held.jsonl"
    texts.write_text("".join(json.dumps({"text": prose(i, 20)}) + "\n" for i in range(4)))
    done = openmoat("forgetting", base, base, "--held-out", f"prose={texts}", "--mixture",
                    str(data), "--report", str(tmp_path / "page.html"), "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert [d["name"] for d in said["domains"]] == ["prose", "b", "a"]
    assert all(d["rise"] == 0 for d in said["domains"])
    assert "Worst of old domains" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "m", "--model", "small", "--out", "o", "--peak", "0"), "peak"),
        (("train", "m", "--model", "small", "--out", "o", "--schedule", "infinite",
          "--cool-down", "0.9", "--anneal", "0.5"), "100 % at most"),
        (("train", "m", "--model", "small", "--out", "o", "--held-out", "x"), "NAME=FILES"),
        (("forgetting", "a", "b", "--new", "x=1", "--new", "x=2"), "'x', twice"),
        (("forgetting", "a", "b"), "nothing to measure with"),
        (("forgetting", "a", "b", "--held-out", "x=y"), "Download the model first"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_one_message(arguments: tuple[str, ...], said: str) -> None:
    done = openmoat(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_without_torch_the_extra_is_named(tmp_path: Path) -> None:
    done = openmoat("train", "m", "--model", "small", "--out", str(tmp_path / "o"), torch=False)
    assert done.returncode == 2
    assert 'pip install "openmoat[train]"' in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "o").exists()
