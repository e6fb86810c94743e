"""``openmoat overlap``: files compared with each other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from schemas.tables import PAIRS
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path


def openmoat(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", "overlap", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def told(*arguments: object) -> dict[str, Any]:
    done = openmoat(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    body: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return body


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Give a pool, an eval file whose text is a `question` and whose ids repeat, and a stranger."""
    pool = corpora.records("news", 12, words=200)
    asked = [
        {"id": "same-id", "question": pool[3]["text"]},
        {"id": "same-id", "question": pool[4]["text"].replace("river", "stream", 1)},
        {"question": corpora.prose("nobody's")},
    ]
    corpora.write_shards(tmp_path / "pool", pool, 3)
    evals = corpora.write_jsonl(tmp_path / "evals.jsonl", asked)
    other = corpora.write_jsonl(tmp_path / "other.jsonl.gz", corpora.records("laws", 3))
    return tmp_path / "pool", evals, other


def test_what_files_have_in_common(sets: tuple[Path, Path, Path], tmp_path: Path) -> None:
    pool, evals, other = sets
    fields = ("--text-field", "text", "--text-field", "question", "--text-field", "text")
    out = tmp_path / "pairs.parquet"
    answer = told(*sets, *fields, "--out", out)
    assert [(s["documents"], s["rejects"]) for s in answer["sets"]] == [(12, 0), (3, 0), (3, 0)]
    counts = {(m["left"], m["right"]): list(m.values())[2:] for m in answer["matched"]}
    assert counts == {
        (str(pool), str(evals)): [2, 2, 1, 1],
        (str(pool), str(other)): [0, 0, 0, 0],
        (str(evals), str(other)): [0, 0, 0, 0],
    }
    exact, near = answer["pairs"]
    assert (exact["left_id"], exact["right_id"], exact["level"]) == ("news-3", "same-id", "exact")
    assert (near["left_id"], near["level"]) == ("news-4", "near")
    assert 0.8 <= near["similarity"] < 1
    assert pq.read_table(out).schema.equals(PAIRS)
    assert pl.read_parquet(out).to_dicts() == answer["pairs"]

    shown = openmoat(*sets, *fields, "--estimated")
    assert shown.returncode == 0
    assert re.search(r"news-3 +same-id +exact +1\.00", shown.stdout)
    assert "Jaccard similarity, estimated, of 0.8 or more" in shown.stdout

    # The other way round it is the same, from the other side; documents without ids have places.
    back = told(evals, pool, "--text-field", "question", "--text-field", "text", "--threshold", 0)
    assert back["matched"][0]["left_matched"] >= 2
    assert "same-id" in {p["left_id"] for p in back["pairs"]} <= {"same-id", f"{evals}:3"}


def test_mistakes_have_a_way_out_and_no_traceback(
    sets: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    pool, evals, other = sets
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text("{\n")
    for arguments, said in (
        ((pool,), "two sets or more"),
        ((pool, pool), "twice"),
        ((pool, tmp_path / "no.jsonl"), "no file"),
        ((pool, empty), "got no document"),
        ((pool, damaged), "1 records that could not be read"),
        ((pool, evals), "--text-field"),
        ((pool, evals, other, "--text-field", "a", "--text-field", "b"), "2 fields for 3 sets"),
        ((pool, other, "--threshold", "2"), "less than or equal to 1"),
    ):
        done = openmoat(*arguments)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_documents_of_one_word(tmp_path: Path) -> None:
    words = [{"text": word} for word in ("one", "two", "three")]
    left = corpora.write_jsonl(tmp_path / "left.jsonl", words)
    right = corpora.write_jsonl(tmp_path / "right.jsonl", words[1:])
    answer = told(left, right)
    assert [(p["left_id"], p["right_id"]) for p in answer["pairs"]] == [
        (f"{left}:2", f"{right}:1"),
        (f"{left}:3", f"{right}:2"),
    ]


def test_it_does_not_start_prefect_and_help_imports_nothing_heavy(
    sets: tuple[Path, Path, Path],
) -> None:
    pool, _, other = map(str, sets)
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom flows.cli import app\n"
        "def call(*a):\n"
        "    result = CliRunner().invoke(app, ['overlap', *a])\n"
        "    assert result.exit_code == 0, result.output\n"
        "call('--help')\n"
        "assert not {'polars', 'pyarrow', 'numpy'} & set(sys.modules)\n"
        f"call({pool!r}, {other!r})\n"
        "assert 'prefect' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_place_that_is_none_of_files_is_refused(tmp_path: Path) -> None:
    from tests.refusals import refusal

    other = corpora.write_jsonl(tmp_path / "other.jsonl", corpora.records("other", 3))
    said = refusal("overlap", "hf://owner/name", other)
    assert said.startswith("hf://owner/name: got 'hf://owner/name', wanted files, folders, globs")
