"""Tokens of every document are estimated from a sample, whatever budgets count beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest

from tasks import ledger, tokens
from tasks.recipe import load
from tasks.verify import verify
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

    from flows.pipeline import Goal

pytestmark = pytest.mark.usefixtures("prefect")
RECIPE = """
name = "estimated"

[[ingest.sources]]
name = "old"
url = "old.jsonl"

[[ingest.sources]]
name = "own"
url = "own.jsonl"
origin = "new"

[tokenizer]
path = "{size}.json"

[replay]
shares = {{ old = 1.0 }}

[mixture]
replay_share = 0.5
"""


def write(folder: Path) -> None:
    folder.mkdir()
    for name, n in (("old", 600), ("own", 30)):
        texts = [corpora.prose((name, i)) for i in range(n)]
        rows = "".join(json.dumps({"id": f"{i}", "text": t}) + "\n" for i, t in enumerate(texts))
        (folder / f"{name}.jsonl").write_text(rows)
        for size in (300, 400):
            (folder / f"{size}.json").write_bytes(tokens.train(texts, vocab_size=size))


def recipe(folder: Path, size: int) -> Path:
    place = folder / "recipe.toml"
    place.write_text(RECIPE.format(size=size))
    return place


def run(place: Path, out: Path, goal: Goal) -> pl.DataFrame:
    from flows.pipeline import pipeline

    pipeline(load(str(place)), str(out), goal=goal)
    shards = ledger.read(str(out), "ingest").shards
    read = [
        pl.concat([pl.read_parquet(out / folder / s.file) for s in shards], how="vertical")
        for folder in ("documents", "decisions")
    ]
    return read[0].select("doc_id", "source", "text").hstack([read[1]["tokens_est"]])


def test_estimates_are_near_and_do_not_depend_on_what_was_counted_before(tmp_path: Path) -> None:
    write(tmp_path / "in")
    first = run(recipe(tmp_path / "in", 300), tmp_path / "out", "corpus")
    tokenizer = tokens.load((tmp_path / "in" / "300.json").read_bytes(), where="300.json")
    exact = sum(tokens.count(tokenizer, first["text"].to_list()))
    assert first["tokens_est"].sum() == pytest.approx(exact, rel=0.05)
    said = ledger.read(str(tmp_path / "out"), "select").details["tokens_est"]
    assert 3 <= said["sampled"] <= 30

    run(recipe(tmp_path / "in", 300), tmp_path / "out", "mixture")  # budgets count many more
    again = run(recipe(tmp_path / "in", 400), tmp_path / "out", "mixture")
    record = ledger.read_run(str(tmp_path / "out")).stages["ingest"]
    assert (record.shards_written, record.shards_reused) == (0, 2), "a tokenizer measures nothing"
    assert again["tokens_est"].sum() != first["tokens_est"].sum()
    back = run(recipe(tmp_path / "in", 300), tmp_path / "out", "corpus")
    assert back.equals(first)
    assert all(f.ok for f in verify(str(tmp_path / "out")))


def test_a_trained_tokenizer_learns_anew_where_a_text_changed_under_its_id(tmp_path: Path) -> None:
    write(tmp_path / "in")
    place = recipe(tmp_path / "in", 300)
    place.write_text(place.read_text().replace('path = "300.json"', "train_vocab_size = 300"))
    run(place, tmp_path / "out", "replay")
    first = ledger.read_run(str(tmp_path / "out")).stages["tokenizer"].digest
    old = tmp_path / "in" / "old.jsonl"
    old.write_text(old.read_text().replace("river", "zyzzyva"))
    run(place, tmp_path / "out", "replay")
    again = ledger.read_run(str(tmp_path / "out")).stages["tokenizer"].digest
    run(place, tmp_path / "fresh", "replay")
    fresh = ledger.read_run(str(tmp_path / "fresh")).stages["tokenizer"].digest
    assert again == fresh != first
