"""One file that holds many sources, as The Pile does, through the whole path."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import zstandard

from schemas.errors import SourceError
from tasks import ledger
from tasks.recipe import load
from tasks.verify import verify
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("prefect")
SETS = ("Pile-CC", "Github", "PubMed Abstracts")
RECIPE = """
name = "pile"

[[ingest.sources]]
name = "pile"
url = "pile"
source_field = "meta.pile_set_name"

[[ingest.sources]]
name = "own"
url = "own"
origin = "new"
{more}

[select]
gopher = false
exempt = ["Github"]

[tokenizer]
train_vocab_size = 300

[replay]
shares = {{ "Pile-CC" = 0.5, "Github" = 0.5 }}

[mixture]
replay_share = 0.25
total_tokens = 4000
"""


def write(folder: Path, *, more: str = "", own: list[dict[str, Any]] | None = None) -> Path:
    rows = [
        {"text": text, "meta": {"pile_set_name": SETS[i % 3]}} if i % 50 else {"text": text}
        for i, text in enumerate(corpora.prose(f"old {n}") for n in range(400))
    ]
    (folder / "pile").mkdir(parents=True)
    (folder / "own").mkdir()
    body = "".join(json.dumps(r) + "\n" for r in rows).encode()
    (folder / "pile" / "00.jsonl.zst").write_bytes(zstandard.compress(body))
    new = own or [{"text": corpora.prose(f"new {n}")} for n in range(200)]
    (folder / "own" / "a.jsonl").write_text("".join(json.dumps(r) + "\n" for r in new))
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.format(more=more))
    return recipe


def test_records_go_by_the_source_they_name(tmp_path: Path) -> None:
    from flows.pipeline import pipeline

    recipe, out = write(tmp_path / "in"), tmp_path / "out"
    pipeline(load(str(recipe)), str(out))
    documents = pl.read_parquet(out / "documents" / "*.parquet")
    counts = dict(documents.group_by("source").len().iter_rows())
    assert counts == {"Pile-CC": 131, "Github": 131, "PubMed Abstracts": 130, "pile": 8, "own": 200}
    said = ledger.read(str(out), "ingest").details["sources"]["pile"]
    assert said["named"] == {k: v for k, v in counts.items() if k != "own"}
    mixture = pl.read_parquet(out / "mixture" / "train" / "*.parquet")
    tokens = dict(mixture.group_by("source").agg(pl.col("tokens").sum()).iter_rows())
    assert tokens.keys() == {"Pile-CC", "Github", "own"}
    assert abs(tokens["Pile-CC"] - tokens["Github"]) < 400
    assert set(mixture.filter(pl.col("source") == "Github")["origin"]) == {"replay"}
    assert [f for f in verify(str(out)) if not f.ok] == []
    assert "PubMed Abstracts" in (out / "report.html").read_text()


def test_old_and_new_data_must_not_go_by_one_name(tmp_path: Path) -> None:
    from flows.build_corpus import build_corpus

    own: list[dict[str, Any]] = [{"text": "a b c", "meta": "Github"}, {"text": "d e f"}]
    recipe = write(tmp_path / "in", more='source_field = "meta"', own=own)
    with pytest.raises(SourceError, match=r"'Github', which is a name in 'pile' too"):
        build_corpus(load(str(recipe)), str(tmp_path / "out"))
