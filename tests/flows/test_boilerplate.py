"""Lines that most pages of a source repeat: found in a read of its own, removed, stated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest

from tasks import ledger
from tasks.plan import plan
from tasks.recipe import load
from tasks.verify import verify
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("prefect")
MENU, NOTICE = "Home About Contact", "All rights reserved."
RECIPE = """
name = "pages"

[[ingest.sources]]
name = "pages"
url = "pages"
normalise = { boilerplate = 0.5 }
"""


def write(folder: Path) -> Path:
    (folder / "pages").mkdir(parents=True)
    for part in range(3):
        pages = [f"{MENU}\n\n{corpora.prose((part, i))}\n{NOTICE}" for i in range(20)]
        rows = "".join(json.dumps({"text": page}) + "\n" for page in pages)
        (folder / "pages" / f"{part}.jsonl").write_text(rows)
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE)
    return recipe


def run(recipe: Path, out: Path) -> str:
    from flows.pipeline import pipeline

    pipeline(load(str(recipe)), str(out), goal="corpus")
    return ledger.read_run(str(out)).stages["ingest"].digest


def test_lines_on_most_pages_go_and_are_told_and_looked_for_once(tmp_path: Path) -> None:
    recipe, out = write(tmp_path / "in"), tmp_path / "out"
    reads = plan(load(str(recipe)), str(out)).extra_reads
    assert any("boilerplate: all of pages" in read for read in reads)
    digest = run(recipe, out)
    documents = pl.read_parquet(out / "documents" / "*.parquet")
    assert documents.height == 60
    assert not documents["text"].str.contains(f"{MENU}|{NOTICE}").any()
    signals = pl.read_parquet(out / "signals" / "*.parquet")
    assert all(n >= len(MENU) + len(NOTICE) for n in signals["normalise_boilerplate"])
    (found,) = (out / "boilerplate").iterdir()
    said = json.loads(found.read_bytes())
    assert (said["documents_sampled"], said["lines"]) == (60, sorted([MENU, NOTICE]))
    assert [f for f in verify(str(out)) if not f.ok] == []
    times = {p: p.stat().st_mtime_ns for p in out.rglob("*.parquet")}
    assert run(recipe, out) == digest
    assert ledger.read_run(str(out)).stages["ingest"].shards_written == 0
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*.parquet")} == times
    (more,) = [p for p in (recipe.parent / "pages").iterdir() if p.name == "2.jsonl"]
    more.unlink()
    assert run(recipe, out) != digest
