"""``openmoat advise``: what a user is told, by data, by pilots, and of mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from schemas.errors import ConfigError
from tasks.advising import pilots
from tasks.replay.forgetting import fitted
from tests import corpora
from tests.refusals import refusal

if TYPE_CHECKING:
    from pathlib import Path

ROWS = (("0", 3.5, 2.0), ("1%", 3.333, 2.001), ("0.1", 3.108, 2.011), ("0.3", 3.05, 2.036))


def openmoat(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", "advise", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def told(*arguments: object) -> dict[str, Any]:
    done = openmoat(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    body: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return body


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """Give new data and replay of the same made-up prose, enough to tell."""
    new = corpora.write_jsonl(tmp_path / "new.jsonl", corpora.records("new", 500, words=300))
    old = corpora.write_jsonl(tmp_path / "old.jsonl.gz", corpora.records("old", 900, words=300))
    return new, old


def pilot_files(folder: Path) -> list[Path]:
    """Write the same pilots in each format."""
    keys = ("replay_share", "old_loss", "new_loss")
    rows = [dict(zip(keys, row, strict=True)) for row in ROWS]
    table = folder / "pilots.csv"
    lines = [",".join(keys), *(",".join(map(str, row)) for row in ROWS)]
    table.write_text("\n".join(lines) + "\n")
    listed = folder / "pilots.json"
    numbered = [row | {"replay_share": float(str(row["replay_share"]).replace("1%", "0.01"))}
                for row in rows]  # fmt: skip
    listed.write_text(json.dumps(numbered))
    written = folder / "pilots.toml"
    blocks = ["\n".join(f"{k} = {json.dumps(v)}" for k, v in row.items()) for row in numbered]
    written.write_text("".join(f"[[pilots]]\n{block}\n" for block in blocks))
    return [table, listed, written]


def test_data_of_one_kind_is_a_weak_shift(sides: tuple[Path, Path]) -> None:
    new, old = sides
    found = told("--new", new, "--replay", old)
    assert found["shift"] == "weak"
    assert found["share"] == found["prior"] == 0.05
    assert found["measured"]["features"] >= 100_000
    done = openmoat("--new", new, "--replay", old, "--new-tokens", 95_000, "--replay-tokens", 2_500)
    assert "Share of replay: 5.00%" in done.stdout
    assert "Shift: weak" in done.stdout
    assert "seen 2.00 times" in done.stdout
    assert "2403.08763" in done.stdout


def test_what_the_user_says_goes_before_what_is_measured(sides: tuple[Path, Path]) -> None:
    new, old = sides
    found = told("--new", new, "--replay", old, "--shift", "language")
    assert (found["shift"], found["share"]) == ("language", 0.25)
    assert found["measured"]["shift"] == "weak"


def test_pilots_of_every_format_say_the_same(tmp_path: Path) -> None:
    files = pilot_files(tmp_path)
    assert pilots(str(files[0])) == pilots(str(files[1])) == pilots(str(files[2]))
    found = told("--pilots", files[0], "--old-loss", 3.0, "--tolerance", 0.2)
    assert found["share"] == pytest.approx(0.035, abs=0.01)
    assert found["curves"][0]["error"] < 0.01


def test_a_shift_alone_is_enough() -> None:
    found = told("--shift", "language", "--tolerance", 0.5)
    assert found["share"] == pytest.approx(0.0235, abs=0.001)
    assert openmoat("--shift", "domain").returncode == 0


def test_mistakes_have_a_way_out(sides: tuple[Path, Path], tmp_path: Path) -> None:
    new, old = sides
    small = corpora.write_jsonl(tmp_path / "small.jsonl", corpora.records("s", 3))
    empty = corpora.write_jsonl(tmp_path / "empty.jsonl", [])
    for arguments, said in (
        ((), "neither data nor a shift"),
        (("--new", new), "--replay: got nothing"),
        (("--replay", old), "--new: got nothing"),
        (("--new", new, "--replay", tmp_path / "none.jsonl"), "no file"),
        (("--new", empty, "--replay", old), "--new"),
        (("--new", new, "--replay", old, "--new-field", "body"), "--new-field"),
        (("--new", small, "--replay", old), "tell nothing of it"),
        (("--new", "hf://a/b", "--replay", old), "Download a part of the dataset"),
        (("--shift", "far"), "'far'"),
        (("--shift", "weak", "--tolerance", "0"), "--tolerance"),
        (("--shift", "weak", "--max-epochs", "20"), "--allow-many-epochs"),
        (("--shift", "weak", "--new-tokens", "9"), "--replay-tokens"),
        (("--pilots", tmp_path / "none.csv"), "no such file"),
    ):
        assert said in refusal("advise", *arguments)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("few.csv", "replay_share,old_loss\n0,3\n0.1,2\n", "2 different shares"),
        ("names.csv", "share,loss\n0,3\n0.1,2\n0.2,2\n", "run 1"),
        ("words.csv", "replay_share,old_loss\n0,three\n", "old_loss"),
        ("huge.csv", "replay_share,old_loss\n0,1e300\n0.1,1\n0.2,1\n", "old_loss"),
        ("much.csv", "replay_share,old_loss\n1.0,3\n", "replay_share"),
        ("percent.csv", "replay_share,old_loss\nfive%,3\n", "replay_share"),
        ("empty.csv", "", "got no run"),
        ("damaged.json", "{", "Mend the file"),
        ("single.json", "3", "no list of runs"),
        ("empty.json", "[]", "got no run"),
        ("rows.json", "[1, 2, 3]", "run 1"),
        ("damaged.toml", "[[pilots", "Mend the file"),
        ("nothing.toml", "a = 1\n", "no list of runs"),
    ],
)
def test_pilots_that_cannot_be_read(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=said):
        fitted(pilots(str(tmp_path / name)))


def test_help_imports_nothing_heavy_and_advise_does_not_start_prefect() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom flows.cli import app\n"
        "def call(*a):\n"
        "    result = CliRunner().invoke(app, ['advise', *a])\n"
        "    assert result.exit_code == 0, result.output\n"
        "call('--help')\n"
        "assert not {'polars', 'pyarrow', 'numpy', 'scipy'} & set(sys.modules)\n"
        "call('--shift', 'weak')\n"
        "assert 'prefect' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
