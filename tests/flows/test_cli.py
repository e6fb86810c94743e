"""The command line as scripts and people use it: real processes, exit codes, what is printed."""

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
HEAVY = ("prefect", "datasets", "datasketch", "polars", "pyarrow", "pydantic", "numpy", "httpx")


def openmoat(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*OPENMOAT, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        timeout=300,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """One whole run by the command line, with a source whose name is terminal markup."""
    folder = tmp_path_factory.mktemp("made")
    recipe = corpora.three_sources(folder / "in")
    recipe.write_text(recipe.read_text().replace("news", "[red]news[/red]").replace(
        f"{folder}/in/[red]news[/red]", f"{folder}/in/news"
    ).replace("[red]news[/red] = 0.6", '"[red]news[/red]" = 0.6'))  # fmt: skip
    out = folder / "out"
    return out, openmoat("run", recipe, "--out", out, "--workers", 2, "--json")


def test_help_answers_without_heavy_imports() -> None:
    code = (
        "import sys\nimport flows.cli as cli\n"
        "from typer.testing import CliRunner\n"
        "result = CliRunner().invoke(cli.app, ['--help'])\n"
        "assert result.exit_code == 0, result.output\n"
        "assert 'verify' in result.output\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_run_ends_with_one_json_object(
    made: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, result = made
    assert result.returncode == 0, result.stderr
    body = json.loads(result.stdout.splitlines()[-1])
    assert body["out"] == str(out)
    assert body["stages"]["mixture"]["rows_out"] > 0
    assert body["details"]["mixture"]["achieved"]["train"]["replay_tokens"] > 0


def test_markup_in_a_name_is_printed_and_not_obeyed(
    made: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    shown = openmoat("inspect", made[0])
    assert shown.returncode == 0
    assert "[red]news[/red]" in shown.stdout
    assert "\x1b[31m" not in shown.stdout
    report = (made[0] / "report.html").read_text()
    assert "[red]news[/red]" in report
    card = (made[0] / "README.md").read_text()
    assert "\\[red\\]news\\[/red\\]" in card


def test_verify_exits_0_and_then_4_when_a_row_is_changed(
    made: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    import shutil

    import polars as pl

    assert openmoat("verify", made[0]).returncode == 0
    copy = tmp_path / "copy"
    shutil.copytree(made[0], copy)
    shard = next((copy / "mixture" / "train").glob("*.parquet"))
    frame = pl.read_parquet(shard)
    frame.with_columns(pl.lit("changed").alias("text")).write_parquet(shard)
    result = openmoat("verify", copy, "--json")
    assert result.returncode == 4
    body = json.loads(result.stdout.splitlines()[-1])
    failed = {f["statement"] for f in body["findings"] if not f["ok"]}
    assert "mixture: shards hold the rows their manifest says" in failed
    statement = "mixture: every row is the text of a kept document, or of its place in one"
    assert statement in failed


def test_verify_of_no_run_exits_4_with_the_way_out(tmp_path: Path) -> None:
    result = openmoat("verify", tmp_path)
    assert result.returncode == 4
    assert "run.json" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("seed = 7", "sed = 7"), "Did you mean 'seed'"),
        (("news = 0.6", "news = 0.5"), "sum to 0.9"),
        (("/news", "/nothing-there"), "nothing-there"),
        (("train_vocab_size = 400", 'path = "/no/tokenizer.json"'), "/no/tokenizer.json"),
        (("replay_share = 0.25", "replay_share = 25"), "mixture.replay_share"),
    ],
)
def test_a_wrong_recipe_stops_before_any_work(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    recipe = corpora.three_sources(tmp_path / "in", n=6)
    text = recipe.read_text()
    assert change[0] in text
    recipe.write_text(text.replace(*change))
    result = openmoat("run", recipe, "--out", tmp_path / "out")
    assert result.returncode == 2, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_wrong_usage_exits_2() -> None:
    assert openmoat("run").returncode == 2
    assert openmoat("fly").returncode == 2


def test_too_much_bad_input_exits_3_and_points_to_the_rejects(tmp_path: Path) -> None:
    recipe = corpora.three_sources(tmp_path / "in", n=6)
    bad = tmp_path / "in" / "news" / "bad.jsonl"
    bad.write_text("not json\n" * 50)
    result = openmoat("run", recipe, "--out", tmp_path / "out")
    assert result.returncode == 3, result.stderr
    assert "50 of" in result.stderr
    assert "invalid_json" in result.stderr
    assert "rejects" in result.stderr
    assert "Traceback" not in result.stderr
    assert list((tmp_path / "out" / "rejects").glob("*.parquet"))


def test_plan_writes_nothing_and_names_the_extra_reads(tmp_path: Path) -> None:
    recipe = corpora.three_sources(tmp_path / "in")
    before = sorted(tmp_path.rglob("*"))
    result = openmoat("plan", recipe, "--out", tmp_path / "out", "--json")
    assert result.returncode == 0, result.stderr
    plan = json.loads(result.stdout.splitlines()[-1])
    assert sorted(tmp_path.rglob("*")) == before
    assert [s["documents"] for s in plan["sources"]] == [61, 63, 30]
    assert any(read.startswith("tokens:") for read in plan["extra_reads"])
    assert plan["memory_bytes"] > 0
    assert plan["disk_bytes"] > 0


@pytest.mark.usefixtures("made")  # what is compiled takes memory once, and is kept
def test_a_run_stays_within_its_plan(tmp_path: Path) -> None:
    """Of documents that are nearly all near-duplicates, so that there are many pairs."""
    folder = tmp_path / "in"
    folder.mkdir()
    texts = [corpora.prose(i // 50) for i in range(2_000)]
    rows = [{"id": str(i), "text": f"{text} {i:x}"} for i, text in enumerate(texts)]
    (folder / "web.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'name = "alike"\n[[ingest.sources]]\nname = "web"\nurl = "in"\n'
        "[select]\nmax_drop_share = 1.0\n"
    )
    out = tmp_path / "out"
    planned = openmoat("plan", recipe, "--out", out, "--json")
    assert planned.returncode == 0, planned.stderr
    done = openmoat("corpus", recipe, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(planned.stdout.splitlines()[-1])
    stages = json.loads(done.stdout.splitlines()[-1])["stages"]
    assert stages["select"]["rows_out"] < len(rows) // 20
    assert max(stage["peak_bytes"] for stage in stages.values()) <= plan["memory_bytes"]
    pairs = sum(p.stat().st_size for p in out.glob("decisions/near/*.parquet"))
    assert 0 < pairs <= plan["pairs_bytes"]
    assert sum(p.stat().st_size for p in out.rglob("*.parquet")) <= plan["disk_bytes"]


def test_killed_in_the_middle_and_run_again_gives_the_same(tmp_path: Path) -> None:
    """SIGKILL when some shards stand: the second run keeps them, and ends with the same digests."""
    recipe = corpora.three_sources(tmp_path / "in", shards=12, n=200)
    recipe.write_text(recipe.read_text().replace("[ingest]", "[ingest]\nunit_mb = 0.001"))
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*OPENMOAT, "run", str(recipe), "--out", str(out), "--workers", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(list(out.glob("documents/*.parquet"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    standing = {p: p.stat().st_mtime_ns for p in out.glob("documents/*.parquet")}
    assert 5 <= len(standing) < 36
    assert not (out / "documents" / "manifest.json").exists()

    resumed = openmoat("run", recipe, "--out", out, "--json")
    assert resumed.returncode == 0, resumed.stderr
    stages = json.loads(resumed.stdout.splitlines()[-1])["stages"]
    assert stages["ingest"]["shards_reused"] >= len(standing)
    assert stages["ingest"]["shards_reused"] + stages["ingest"]["shards_written"] == 36
    assert standing == {p: p.stat().st_mtime_ns for p in standing}
    assert not list(out.rglob("*.tmp"))

    fresh = openmoat("run", recipe, "--out", tmp_path / "fresh", "--json")
    again = json.loads(fresh.stdout.splitlines()[-1])["stages"]
    assert {k: s["digest"] for k, s in stages.items()} == {k: s["digest"] for k, s in again.items()}


def test_a_run_needs_neither_a_home_nor_the_server_that_a_variable_names(tmp_path: Path) -> None:
    recipe = corpora.three_sources(tmp_path / "in", n=6)
    (tmp_path / "tmp").mkdir()
    environment = {
        **os.environ,
        "HOME": "/proc/nobody",
        "PREFECT_API_URL": "http://127.0.0.1:1",
        "TMPDIR": str(tmp_path / "tmp"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    result = subprocess.run(
        [*OPENMOAT, "corpus", str(recipe), "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert list((tmp_path / "tmp").iterdir()) == []
