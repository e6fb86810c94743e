"""``verify`` on mixtures that were changed together with every digest and count said of them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from schemas.config import RunConfig
from tasks import ledger, mixture, storage
from tasks.hashing import add_hex, table_digest
from tasks.recipe import load
from tasks.verify import verify
from tasks.verify_frames import Frames
from tasks.verify_places import ORDER, PADDING
from tasks.verify_rights import COUNTED
from tasks.verify_rows import STATEMENT
from tests import corpora

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Row = dict[str, Any]
    Change = Callable[[list[Row]], object]

pytestmark = pytest.mark.usefixtures("prefect")

CHAT = """
[[ingest.sources]]
name = "chat"
url = "{folder}/chat.jsonl"
format = "chat"
origin = "new"
loss_weight = 2.5

[replay]"""


def make(folder: Path, keys: str) -> Path:
    from flows.pipeline import pipeline

    given, out = folder / "in", folder / "out"
    at = corpora.three_sources(given, n=40)
    turns = [
        {"messages": [
            {"role": "user", "content": corpora.prose(("q", i), 20)},
            {"role": "assistant", "content": corpora.prose(("a", i), 20 + i)},
        ]}
        for i in range(30)
    ]  # fmt: skip
    corpora.write_jsonl(given / "chat.jsonl", turns)
    body = at.read_text().replace("[replay]", CHAT.format(folder=given))
    body = body.replace("[tokenizer]", '[tokenizer]\nchat_template = "chatml"')
    at.write_text(body.replace("[mixture]", f'[mixture]\nformat = "tokens"\n{keys}'))
    pipeline(load(str(at)), str(out))
    return out


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    return make(tmp_path_factory.mktemp("packed"), "row_tokens = 192\nepochs = 2")


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    keys = 'max_doc_tokens = 128\norder = "dissimilar_first"'
    return make(tmp_path_factory.mktemp("documents"), keys)


def forged(finished: Path, out: Path, change: Change) -> set[str]:
    """Change rows of the first training shard, and all that is said of them; return what fails."""
    shutil.copytree(finished, out)
    manifest = ledger.read(str(out), "mixture")
    first, *others = manifest.shards
    at = str(out / "mixture" / first.file)
    table = storage.read_table(at)
    rows = table.to_pylist()
    change(rows)
    table = pa.Table.from_pylist(rows, table.schema)
    said = {"rows": table.num_rows, "digest": table_digest(table)}
    shards = (first.model_copy(update=said), *others)
    with storage.writing(at, table.schema) as file:
        file.write(table)
        file.finish(shards[0])
    total = add_hex(s.digest for s in shards)
    counts = {"digest": total, "rows_out": sum(s.rows for s in shards)}
    manifest = manifest.model_copy(update={"shards": shards, **counts})
    run = json.loads((out / "run.json").read_text())
    config = RunConfig.model_validate(run["recipe"])
    assert config.mixture is not None
    told = mixture.told(Frames(str(out), config, {"mixture": manifest}).rows, config.mixture)
    details = {"details": {**manifest.details, **told}}
    ledger.finish(str(out), manifest.model_copy(update=details))
    run["stages"]["mixture"].update(counts)
    (out / "run.json").write_text(json.dumps(run))
    return {f.statement for f in verify(str(out)) if not f.ok}


def nothing(_: list[Row]) -> None:
    """Change no row."""


def exchange(rows: list[Row]) -> None:
    """Two rows of one origin take each other's place."""
    other = next(i for i in range(1, len(rows)) if rows[i]["origin"] == rows[0]["origin"])
    rows[0], rows[other] = rows[other], rows[0]
    rows[0]["position"], rows[other]["position"] = 0, other


def padded(name: str, value: int) -> Change:
    """Another value at the last place of a row that has padding."""
    return lambda rows: next(r for r in rows if 0 in r["attention_mask"])[name].__setitem__(
        -1, value
    )


def unseen(rows: list[Row]) -> None:
    rows[0]["attention_mask"][3] = 0


def learned(rows: list[Row]) -> None:
    row = next(r for r in rows if -100 in r["labels"][:9])
    place = row["labels"].index(-100)
    row["labels"][place] = row["input_ids"][place]


def every(name: str, value: Any) -> Change:
    """Another value in every row, or of every piece."""

    def change(rows: list[Row]) -> None:
        for row in rows:
            row[name] = [value] * len(row[name]) if isinstance(row[name], list) else value

    return change


BOTH: dict[str, tuple[Change, set[str]]] = {
    "nothing": (nothing, set()),
    "two rows": (exchange, {ORDER}),
    "attention": (unseen, {PADDING}),
    "a label": (learned, {STATEMENT}),
    "licence": (every("license", "MIT"), {STATEMENT, COUNTED}),
    "loss weight": (every("loss_weight", 9.0), {STATEMENT}),
    "weight": (every("weight", 0.5), {STATEMENT}),
}


@pytest.mark.parametrize("case", BOTH)
def test_a_change_of_documents_is_found(documents: Path, tmp_path: Path, case: str) -> None:
    change, wanted = BOTH[case]
    assert forged(documents, tmp_path / "out", change) == wanted


PACKED: dict[str, tuple[Change, set[str]]] = {
    "a label of padding": (padded("labels", 5), {PADDING}),
    "an id of padding": (padded("input_ids", 77), {PADDING}),
    "padding that is seen": (padded("attention_mask", 1), {PADDING}),
}


@pytest.mark.parametrize("case", BOTH | PACKED)
def test_a_change_of_packed_rows_is_found(packed: Path, tmp_path: Path, case: str) -> None:
    change, wanted = (BOTH | PACKED)[case]
    assert forged(packed, tmp_path / "out", change) == wanted
