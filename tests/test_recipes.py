"""Every shipped recipe is read, and each runs on the sample texts as its users would run it."""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import threading
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.shipped import names, shipped
from tasks import ledger, tokens
from tasks.recipe import load, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.config import RunConfig

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample"
VARIABLES = ("DOLMA", "DOLMA_LISTS", "NEW_DATA", "TOKENIZER")
FOLDERS = {"notes": "wiki", "recipes": "books", "letters": "cc_en_head"}
"""Where the sample's sources lie once they are laid out like Dolma."""

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Mixed(NamedTuple):
    """What a run came to."""

    stages: dict[str, Any]
    sources: dict[str, Any]
    asked: dict[str, Any]
    train: dict[str, Any]
    valid: dict[str, Any]


def run(config: RunConfig, out: Path) -> Mixed:
    from flows.pipeline import pipeline

    pipeline(config, str(out), workers=2)
    stages = {stage: ledger.read(str(out), stage) for stage in ledger.read_run(str(out)).stages}
    details = stages["mixture"].details
    achieved = details["achieved"]
    return Mixed(
        stages,
        stages["ingest"].details["sources"],
        details["asked"],
        achieved["train"],
        achieved["validation"],
    )


def is_within_a_document(mixed: Mixed) -> bool:
    gap = abs(mixed.train["replay_tokens"] - mixed.asked["replay_tokens"])
    return bool(gap <= mixed.train["largest_document_tokens"])


def prose(source: str) -> list[dict[str, Any]]:
    """Return the good records of a replay source of the sample, in Dolma's schema."""
    if source == "letters":
        files = sorted((SAMPLE / "letters").glob("*.txt"))
        found = [(f.stem, f.read_text(encoding="utf-8")) for f in files]
    else:
        lines = (SAMPLE / f"{source}.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.endswith("}")]
        rows = [
            {"id": r.get("id", r.get("slug")), "text": r.get("text", r.get("body"))} for r in rows
        ]
        found = [(r["id"], r["text"]) for r in rows if r["text"]]
    metadata = {"url": f"https://sample.example/{source}", "license": "CC0-1.0"}
    return [{"id": i, "text": t, "source": source, "metadata": metadata} for i, t in found]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay the sample out as ``documents/<source>/*.json.gz``, with new data and a tokenizer."""
    folder = tmp_path_factory.mktemp("inputs")
    texts = []
    for source, name in FOLDERS.items():
        rows = prose(source)
        texts += [row["text"] for row in rows]
        for part in range(2):
            body = "".join(json.dumps(row) + "\n" for row in rows[part::2])
            shard = folder / "documents" / name / f"{name}-{part:04d}.json.gz"
            shard.parent.mkdir(parents=True, exist_ok=True)
            shard.write_bytes(gzip.compress(body.encode(), mtime=0))
    (folder / "mine").mkdir()
    (folder / "mine" / "howto.jsonl").write_bytes((SAMPLE / "howto.jsonl").read_bytes())
    (folder / "tokenizer.json").write_bytes(tokens.train(texts, vocab_size=400))
    return folder


@pytest.fixture
def variables(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set what the shipped recipes read from the environment."""
    values = (inputs, inputs / "lists", inputs / "mine", inputs / "tokenizer.json")
    for name, value in zip(VARIABLES, values, strict=True):
        monkeypatch.setenv(name, str(value))
    return inputs


@pytest.fixture
def server(inputs: Path) -> Iterator[str]:
    """Serve the inputs as Dolma's own server does: files by GET, their size by HEAD."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(inputs))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


@pytest.mark.parametrize("name", names("recipes"))
def test_every_shipped_recipe_is_read_and_says_what_it_is(name: str, variables: Path) -> None:
    recipe = load(name)
    assert recipe.name == name
    assert recipe.description
    assert shipped("recipes", name).read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize("name", names("recipes"))
def test_every_recipe_names_its_variables_in_its_comments(name: str) -> None:
    text = shipped("recipes", name).read_text(encoding="utf-8")
    values = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for variable in VARIABLES:
        assert (f"${{{variable}}}" in values) == (f"export {variable}=" in text)


def test_the_sample_runs_and_drops_what_was_planted(prefect: None, tmp_path: Path) -> None:
    mixed = run(load(str(SAMPLE / "recipe.toml")), tmp_path)
    rejected = {name: counts["rejects"] for name, counts in mixed.sources.items()}
    dropped = {
        name: counts["dropped"]
        for name, counts in mixed.stages["select"].details["sources"].items()
    }
    assert rejected == {
        "notes": {"no_text": 1},
        "recipes": {"invalid_json": 1},
        "letters": {},
        "howto": {},
    }
    assert dropped == {
        "notes": {
            "empty": 1,
            "exact_duplicate": 1,
            "gopher_word_count": 1,
            "language": 1,
            "near_duplicate": 1,
            "repeated_id": 1,
        },
        "recipes": {"exact_duplicate": 1},
        "letters": {},
        "howto": {"exact_duplicate": 1},
    }
    assert mixed.asked["replay_share"] == 0.25
    assert is_within_a_document(mixed)
    assert mixed.train["new_tokens"] == mixed.asked["new_tokens"]
    assert mixed.valid["replay_tokens"] > 0
    assert mixed.valid["new_tokens"] > 0


def test_a_folder_in_dolmas_layout_runs(prefect: None, variables: Path, tmp_path: Path) -> None:
    mixed = run(load("local-dolma"), tmp_path)
    assert {name: counts["files"] for name, counts in mixed.sources.items()} == {
        "wiki": 2,
        "books": 2,
        "web": 2,
        "mine": 1,
    }
    assert mixed.stages["ingest"].rows_in == mixed.stages["ingest"].rows_out == 58
    assert mixed.asked["replay_share"] == 0.05
    assert is_within_a_document(mixed)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "CC0-1.0" in card, "the licence inside the metadata is read"


def test_dolmas_shards_are_read_from_a_list_of_addresses(
    prefect: None, variables: Path, server: str, tmp_path: Path
) -> None:
    lists = variables / "lists"
    lists.mkdir(exist_ok=True)
    for name in ("wiki", "books"):
        urls = [f"{server}/documents/{name}/{name}-{part:04d}.json.gz" for part in range(2)]
        (lists / f"{name}.txt").write_text(
            "# shards\n\n" + "\n".join(urls) + "\n", encoding="utf-8"
        )
    mixed = run(load("dolma-urls"), tmp_path)
    locations = [f.url for s in mixed.stages["ingest"].shards for f in s.inputs]
    assert sum(url.startswith(server) for url in locations) == 4
    assert is_within_a_document(mixed)
    assert mixed.sources["wiki"]["documents"] == 20
    assert mixed.sources["books"]["documents"] == 13


def test_a_dataset_of_the_hub_is_streamed(prefect: None, variables: Path, tmp_path: Path) -> None:
    dataset = hub_dataset(tmp_path / "fineweb-edu")
    raw = tomllib.loads(shipped("recipes", "hub-parquet").read_text(encoding="utf-8"))
    source = raw["ingest"]["sources"][0]
    assert source["url"].startswith("hf://")
    assert len(source["revision"]) == 40
    source |= {"url": str(dataset), "format": "hub"}
    mixed = run(parse(raw, where="hub-parquet", folder=tmp_path), tmp_path / "out")
    files = [
        f for s in mixed.stages["ingest"].shards if s.source == "fineweb-edu" for f in s.inputs
    ]
    assert {f.url for f in files} == {f"{dataset}#{i}-of-2" for i in range(2)}
    assert all(len(f.version) == 32 for f in files), "of a local folder: what it held"
    assert sum(f.records for f in files) == mixed.sources["fineweb-edu"]["documents"] > 0
    assert is_within_a_document(mixed)


def hub_dataset(folder: Path) -> Path:
    """Write the sample as a Hub repository holds it: Parquet shards, and a card that names them."""
    (folder / "sample" / "10BT").mkdir(parents=True)
    rows = [row for source in FOLDERS for row in prose(source)]
    for part in range(2):
        table = pa.Table.from_pylist(
            [
                {"text": r["text"], "id": f"<urn:uuid:{r['id']}>", "score": 2.5}
                for r in rows[part::2]
            ]
        )
        pq.write_table(table, folder / "sample" / "10BT" / f"{part:03d}_00000.parquet")
    card = """---
configs:
- config_name: sample-10BT
  data_files:
  - split: train
    path: sample/10BT/*.parquet
---
# A stand-in
"""
    (folder / "README.md").write_text(card, encoding="utf-8")
    return folder
