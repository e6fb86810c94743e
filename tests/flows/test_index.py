"""``openmoat index``: built of a finished run, asked, appended to, deleted from."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from flows.pipeline import pipeline
from tasks.recipe import load
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

OPENMOAT = [sys.executable, "-m", "flows.cli"]


def openmoat(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*OPENMOAT, "index", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def told(*arguments: object) -> dict[str, Any]:
    done = openmoat(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    body: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return body


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    """Give a finished run over three sources with twins."""
    folder = tmp_path_factory.mktemp("run")
    recipe = corpora.three_sources(folder / "in", n=20)
    pipeline(load(str(recipe)), str(folder / "out"), workers=2, goal="corpus")
    return folder / "out"


def test_an_index_from_the_first_command_to_the_last(run: Path, tmp_path: Path) -> None:
    at = tmp_path / "index"
    kept = json.loads((run / "decisions" / "manifest.json").read_text())["rows_out"]
    built = told("build", run, "--out", at)
    assert (built["added"], built["documents"], built["parts"]) == (kept, kept, 1)
    assert told("append", run, at)["present"] == kept
    every = told("append", run, at, "--all")
    assert every["added"] + every["replaced"] > 0

    asked = corpora.write_jsonl(tmp_path / "asked.jsonl", corpora.records("news", 2))
    answer = told("query", at, asked, "--threshold", 0.9)
    assert (answer["documents"], answer["matched"], answer["threshold"]) == (2, 2, 0.9)
    found = [r["matches"][0] for r in answer["records"]]
    assert [f["level"] for f in found] == ["exact", "exact"]
    shown = openmoat("query", at, asked).stdout
    assert "2 of 2 documents match" in shown
    assert re.search(rf"news-0 +{found[0]['doc_id']} +exact +1\.00", shown)

    ids = tmp_path / "ids.txt"
    gone = [m["doc_id"] for r in answer["records"] for m in r["matches"]]
    ids.write_text("# asked to go\n" + "\n".join(gone) + "\nnobody\n")
    deleted = told("delete", at, "--ids", ids, "--id", "nobody-else")
    assert deleted["deleted"] == len(gone)
    assert deleted["unknown"] == ["nobody", "nobody-else"]
    assert told("query", at, asked)["matched"] == 0
    assert told("append", run, at, "--all")["kept_out"] == len(set(gone))
    assert "nobody" in openmoat("delete", at, "--id", "nobody-at-all").stdout


def test_mistakes_have_a_way_out_and_no_traceback(run: Path, tmp_path: Path) -> None:
    at = tmp_path / "index"
    told("build", run, "--out", at)
    for arguments, code, said in (
        (("build", run, "--out", at), 2, "openmoat index append"),
        (("query", tmp_path, "x.jsonl"), 4, "index.json"),
        (("query", at, tmp_path / "x.jsonl"), 2, "no file"),
        (("query", at, tmp_path, "--threshold", "2"), 2, "less than or equal to 1"),
        (("append", tmp_path, at), 4, "run.json"),
        (("delete", at), 2, "--ids"),
        (("delete", at, "--ids", tmp_path / "no.txt"), 2, "no.txt"),
    ):
        done = openmoat(*arguments)
        assert done.returncode == code, done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_no_command_starts_prefect_and_help_imports_nothing_heavy(
    run: Path, tmp_path: Path
) -> None:
    asked = corpora.write_jsonl(tmp_path / "asked.jsonl", corpora.records("news", 2))
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom flows.cli import app\n"
        "def call(*a):\n"
        "    result = CliRunner().invoke(app, ['index', *a])\n"
        "    assert result.exit_code == 0, result.output\n"
        "call('--help')\n"
        "assert not {'polars', 'pyarrow', 'numpy'} & set(sys.modules)\n"
        f"call('build', {str(run)!r}, '--out', {str(tmp_path / 'index')!r})\n"
        f"call('query', {str(tmp_path / 'index')!r}, {str(asked)!r})\n"
        "assert 'prefect' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
