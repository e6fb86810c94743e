"""Runs day by day: what an index has is dropped, explained, and not asked for again in vain."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from schemas import columns as c
from schemas.errors import ConfigError, SourceError
from tasks import index, inspection, ledger, plan, preflight, storage
from tasks.recipe import load
from tasks.verify import verify
from tests import corpora

if TYPE_CHECKING:
    from schemas.config import RunConfig

pytestmark = pytest.mark.usefixtures("prefect")
RECIPE = """
name = "{day}"

[[ingest.sources]]
name = "news"
url = "{day}/*.jsonl"

[[ingest.sources]]
name = "own"
url = "own/*.jsonl"
origin = "new"

[signals]
{signals}

[select]
gopher = false
languages = []
max_drop_share = {most}

[dedup]
{dedup}
"""
AGAINST = 'against = "index"'


def news(first: int, behind: int) -> list[dict[str, Any]]:
    return corpora.records("news", behind)[first:]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Give a folder with a finished first day and its index, and the sources of the second day.

    Of the second day's news, 0 and 1 are there again, 2 with another ending; ``a`` has the text of
    3, ``b`` nearly that of 4, ``c`` and ``d`` are twins that nobody has yet.
    """
    write(tmp_path / "own", [{"id": "own-0", "text": corpora.prose("own")}])
    write(tmp_path / "monday", news(0, 8))
    run(tmp_path, "monday")
    index.build(str(tmp_path / "runs/monday"), str(tmp_path / "index"))
    texts = {row["id"]: row["text"] for row in news(0, 8)}
    twin = corpora.prose("twin")
    rows = [
        *news(0, 2),
        {"id": "news-2", "text": texts["news-2"] + " indeed."},
        {"id": "a", "text": texts["news-3"]},
        {"id": "b", "text": texts["news-4"] + " indeed."},
        {"id": "c", "text": twin},
        {"id": "d", "text": twin + " indeed."},
        *news(8, 12),
    ]
    write(tmp_path / "tuesday", rows[:5], "1")
    write(tmp_path / "tuesday", rows[5:], "2")
    write(tmp_path / "own", [{"id": "own-1", "text": texts["news-5"]}], "2")
    return tmp_path


def write(folder: Path, rows: list[dict[str, Any]], name: str = "1") -> None:
    corpora.write_jsonl(folder / f"{name}.jsonl", rows)


def recipe(desk: Path, day: str, dedup: str, **keys: Any) -> RunConfig:
    at = desk / f"{day}.toml"
    keys = {"most": 1.0, "signals": "", **keys}
    at.write_text(RECIPE.format(day=day, dedup=dedup, **keys))
    return load(str(at))


def run(desk: Path, day: str, dedup: str = "", workers: int = 2, **keys: Any) -> dict[str, Any]:
    """Run a day's recipe; return what was decided by each record's own id."""
    from flows.pipeline import pipeline

    out = str(desk / "runs" / day)
    config = recipe(desk, day, dedup, **keys)
    preflight.check(config, out)
    pipeline(config, out, goal="corpus", workers=workers)
    return decided(out)


def decided(out: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for shard in ledger.read(out, "select").shards:
        left, right = (
            pl.DataFrame(storage.read_table(storage.join(ledger.folder(out, stage), shard.file)))
            for stage in ("ingest", "select")
        )
        both = left.select(c.RECORD_ID).hstack(right)
        found |= {row[c.RECORD_ID]: row for row in both.to_dicts()}
    return found


def ids(desk: Path, day: str) -> dict[str, str]:
    return {name: row[c.DOC_ID] for name, row in decided(str(desk / "runs" / day)).items()}


def test_the_second_day_has_only_what_the_first_had_not(desk: Path) -> None:
    monday = ids(desk, "monday")
    found = run(desk, "tuesday", AGAINST)
    matched = {
        "news-0": "news-0",
        "news-1": "news-1",
        "news-2": "news-2",
        "a": "news-3",
        "b": "news-4",
        "own-0": "own-0",
        "own-1": "news-5",
    }
    for name, other in matched.items():
        row = found[name]
        assert row[c.DROP_REASONS] == ["indexed_duplicate"]
        assert (row[c.LEVEL], row[c.MATCHED_ID]) == ("index", monday[other])
        near = name in {"news-2", "b"}
        assert 0.75 <= row[c.SIMILARITY] <= 1.0 if near else row[c.SIMILARITY] == 1.0
        assert row[c.CLUSTER_ID] == row[c.DOC_ID]
    rest = {name: row for name, row in found.items() if name not in matched}
    assert [name for name, row in rest.items() if not row[c.KEEP]] == ["c"]
    assert rest["c"][c.MATCHED_ID] == rest["d"][c.DOC_ID]
    out = str(desk / "runs" / "tuesday")
    assert all(f.ok for f in verify(out))
    dropped = ledger.read(out, "select").details["sources"]
    assert dropped["news"]["dropped"] == {"indexed_duplicate": 5, "near_duplicate": 1}
    report = inspection.inspect(out, "b").documents[0]
    assert report.twin is not None
    assert (report.twin.doc_id, report.twin.location) == (monday["news-4"], None)
    assert f"to {monday['news-4']}, a document of an index ({desk / 'index'})" in (
        report.reasons[0].said
    )
    # A document whose own id the index has is told so as well, not as a twin of itself.
    own = inspection.inspect(out, "news-0").documents[0].twin
    assert own is not None
    assert (own.doc_id, own.keep) == (monday["news-0"], None)


def test_a_higher_threshold_lets_stay_what_is_less_alike_but_no_equal_text(desk: Path) -> None:
    found = run(desk, "tuesday", AGAINST + "\nagainst_threshold = 1.0")
    known = {name for name, row in found.items() if row[c.DROP_REASON] == "indexed_duplicate"}
    assert known >= {"news-0", "news-1", "a", "own-0", "own-1"}
    assert found["b"][c.KEEP] == (found["b"][c.SIMILARITY] is None)


def test_workers_order_and_several_indexes_change_nothing(desk: Path) -> None:
    once = run(desk, "tuesday", AGAINST, workers=1)
    shutil.copytree(desk / "index", desk / "copy")
    shutil.rmtree(desk / "runs" / "tuesday")
    assert run(desk, "tuesday", 'against = ["copy", "index"]', workers=3) == once


def test_an_index_that_stays_is_not_asked_again_and_one_that_grew_is(desk: Path) -> None:
    run(desk, "tuesday", AGAINST)
    out = desk / "runs" / "tuesday"

    def files() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in (out / "decisions").rglob("*.parquet")}

    before = files()
    run(desk, "tuesday", AGAINST)
    assert files() == before
    run(desk, "tuesday", AGAINST + "\nthreshold = 0.9")  # rules change, what the index has does not
    kept = {p: t for p, t in files().items() if p.name.startswith("index-")}
    assert kept
    assert kept.items() <= before.items()

    write(desk / "wednesday", [{"id": "news-9", "text": news(9, 10)[0]["text"]}])
    run(desk, "wednesday")
    index.append(str(desk / "runs" / "wednesday"), str(desk / "index"))
    assert run(desk, "tuesday", AGAINST)["news-9"][c.DROP_REASON] == "indexed_duplicate"


def test_a_run_does_not_drop_itself_after_it_was_appended(desk: Path) -> None:
    before = run(desk, "tuesday", AGAINST)
    index.append(str(desk / "runs" / "tuesday"), str(desk / "index"))
    with pytest.raises(ConfigError, match="all 5 documents that this run has kept before"):
        run(desk, "tuesday", AGAINST)
    assert decided(str(desk / "runs" / "tuesday")) == before
    assert all(f.ok for f in verify(str(desk / "runs" / "tuesday")))


def test_the_days_of_the_page(desk: Path) -> None:
    """The commands of docs/index.md, from Monday's first to the one that appends Tuesday."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "index.md").read_text(encoding="utf-8")
    _, _, section = page.partition("\n## Day by day\n")
    (commands,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    (written,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    for folder in ("runs", "index"):
        shutil.rmtree(desk / folder)
    recipe(desk, "monday", "")
    recipe(desk, "tuesday", written.removeprefix("[dedup]\n"))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    (desk / "openmoat").write_text(f'#!/bin/sh\nexec {sys.executable} -m flows.cli "$@"\n')
    (desk / "openmoat").chmod(0o700)
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=desk,
        env=os.environ | {"PATH": f"{desk}{os.pathsep}{path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reasons = [row[c.DROP_REASON] for row in decided(str(desk / "runs" / "tuesday")).values()]
    assert reasons.count("indexed_duplicate") == 7
    assert index.read(str(desk / "index")).rows == 14
    assert index.read(str(desk / "index-before-tuesday")).rows == 9


def test_the_alarm_of_dropped_shares_counts_what_an_index_has(desk: Path) -> None:
    write(desk / "tuesday", corpora.records("news", 60))
    write(desk / "monday", corpora.records("news", 60), "2")
    run(desk, "monday")
    index.append(str(desk / "runs" / "monday"), str(desk / "index"))
    with pytest.raises(SourceError, match=r"of them for indexed_duplicate.*max_drop_share"):
        run(desk, "tuesday", AGAINST, most=0.5)


def test_plan_says_that_the_index_is_read(desk: Path) -> None:
    reads = plan.plan(recipe(desk, "tuesday", AGAINST), str(desk / "out")).extra_reads
    assert any(f"9 documents in {desk / 'index'}" in said for said in reads), reads


@pytest.mark.parametrize(
    ("dedup", "signals", "said"),
    [
        ('against = "nowhere"', "", r"nowhere', where there is no index.*openmoat index build"),
        (AGAINST, "minhash_rows = 8", r"minhash_rows = 8, wanted minhash_rows = 6"),
        ('against = ""', "", "the folder of an index"),
    ],
)
def test_an_index_that_does_not_fit_is_refused_before_anything_runs(
    desk: Path, dedup: str, signals: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        run(desk, "tuesday", dedup, signals=signals)
    assert not (desk / "runs" / "tuesday").exists()


def test_an_index_of_another_version_of_the_sketches_is_refused(desk: Path) -> None:
    from tasks.hashing import digest
    from tasks.index import folder as files

    at = desk / "index" / "index.json"
    body = json.loads(at.read_text())
    body["settings"]["sketch"] = "other-0"
    own = files.read(str(desk / "index")).settings.model_copy(update={"sketch": "other-0"})
    body |= {"fingerprint": digest(body["version"], own), "parts": []}
    at.write_text(json.dumps(body))
    with pytest.raises(ConfigError, match=r'wanted sketch = "other-0".*build another index'):
        run(desk, "tuesday", AGAINST)
