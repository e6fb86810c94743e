"""Masks in the text as it is written: in every stage, in its counts, and in what is said of it."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tasks import ledger, tokens
from tasks.recipe import load
from tasks.signals import pii
from tasks.verify import verify
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("prefect")

MASKING = '\n[masking]\nkinds = ["email", "ip", "phone"]\n'
CONTACT = " Write to joe.public@mail.org or 91.50.44.33/joe, or call (212) 555-2345."
KEPT = " The account is DE89 3704 0044 0532 0130 00."
WRITTEN = " Write to <EMAIL> or <IP>/joe, or call <PHONE>."


def sources(folder: Path) -> Path:
    """Write sources in which every third document of a file names a contact, and a recipe."""
    recipe = corpora.three_sources(folder / "in")
    for file in sorted((folder / "in").rglob("*.jsonl.gz")):
        rows = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
        for row in rows[::3]:
            row["text"] += CONTACT + KEPT
        corpora.write_jsonl(file, rows)
    both = "[corpus]\nmaterialize = true\n\n[replay]\nmaterialize = true"
    recipe.write_text(recipe.read_text().replace("[replay]", both))
    return recipe


def run(recipe: Path, extra: str = "") -> Path:
    """Run a recipe with some more lines; return the run's folder."""
    from flows.pipeline import pipeline

    asked = recipe.with_name("asked.toml")
    asked.write_text(recipe.read_text() + extra)
    pipeline(load(str(asked)), str(recipe.parent / "out"))
    return recipe.parent / "out"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    return run(sources(tmp_path_factory.mktemp("masking")), MASKING)


def manifest(out: Path, stage: str) -> Any:
    return json.loads((out / ledger.FOLDERS[stage] / "manifest.json").read_bytes())


WRITTEN_FILES = {
    "corpus": "corpus/*.parquet",
    "replay": "replay/text/*.parquet",
    "mixture": "mixture/*/*.parquet",
}


@pytest.mark.parametrize("stage", list(WRITTEN_FILES))
def test_text_is_written_masked_and_counted_so(finished: Path, stage: str) -> None:
    frame = pl.read_parquet(finished / WRITTEN_FILES[stage])
    told = frame.filter(pl.col("text").str.contains(WRITTEN, literal=True))
    assert told.height > 0
    assert told["text"].str.contains(KEPT, literal=True).all()
    assert not frame["text"].str.contains("joe.public").any()
    spans = pii.spans(frame["text"].to_arrow()).to_pylist()
    assert {s["kind"] for found in spans for s in found} == {"iban"}
    said = manifest(finished, stage)["details"]["masked"]
    by_source = dict(told.group_by("source").len().iter_rows())
    assert said == {s: {"ip": n, "email": n, "phone": n} for s, n in by_source.items()}


def test_tokens_are_those_of_the_masked_text(finished: Path) -> None:
    at = finished / "tokenizer/tokenizer.json"
    tokenizer = tokens.load(at.read_bytes(), where=str(at))
    frame = pl.read_parquet(finished / WRITTEN_FILES["mixture"])
    assert frame["tokens"].to_list() == tokens.count(tokenizer, frame["text"].to_list())


def test_verify_counts_it_again(finished: Path) -> None:
    findings = verify(str(finished))
    assert [f for f in findings if not f.ok] == []
    counted = {f.statement for f in findings if f.statement.endswith("what was masked")}
    assert counted == {f"{s}: its manifest counts what was masked" for s in WRITTEN_FILES}


def test_verify_counts_it_again_where_there_is_only_a_corpus(tmp_path: Path) -> None:
    recipe = sources(tmp_path)
    before, _, _ = recipe.read_text().partition("[tokenizer]")
    recipe.write_text(before + "[corpus]\nmaterialize = true\n")
    findings = verify(str(run(recipe, MASKING)))
    assert [f for f in findings if not f.ok] == []
    assert "corpus: its manifest counts what was masked" in {f.statement for f in findings}


def test_card_and_report_say_it(finished: Path) -> None:
    card, report = ((finished / name).read_text() for name in ledger.PAGES)
    assert "| email | `<EMAIL>` |" in card
    for stage in WRITTEN_FILES:
        assert f"Masked in {stage}/" in report


def test_a_run_without_the_section_says_nothing_of_it(finished: Path, tmp_path: Path) -> None:
    out = run(sources(tmp_path))
    frame = pl.read_parquet(out / WRITTEN_FILES["mixture"])
    assert frame["text"].str.contains(CONTACT + KEPT, literal=True).any()
    assert [f for f in verify(str(out)) if not f.ok] == []
    for stage in ("corpus", "replay", "mixture"):
        assert "masked" not in json.dumps(manifest(out, stage))
    assert "masking" not in (out / "run.json").read_text()
    same = {
        s: manifest(out, s)["digest"] == manifest(finished, s)["digest"] for s in ledger.FOLDERS
    }
    # The tokenizer is another one, because it learns from what is written.
    written = {"corpus", "tokenizer", "replay", "mixture"}
    assert {stage for stage, equal in same.items() if not equal} == written


def test_other_masks_make_what_is_written_anew_and_nothing_else(tmp_path: Path) -> None:
    recipe = sources(tmp_path)
    run(recipe, MASKING)
    out = run(recipe, MASKING + 'style = "dolma"\nexempt = ["books"]\n')
    stages = json.loads((out / "run.json").read_bytes())["stages"]
    assert stages["ingest"]["shards_written"] == stages["select"]["shards_written"] == 0
    frame = pl.read_parquet(out / WRITTEN_FILES["corpus"])
    written = frame["text"].str.contains("|||EMAIL_ADDRESS|||", literal=True)
    left = frame["text"].str.contains("joe.public@mail.org", literal=True)
    assert left.any()
    assert (left <= (frame["source"] == "books")).all()
    assert (written <= (frame["source"] != "books")).all()
    assert [f for f in verify(str(out)) if not f.ok] == []
