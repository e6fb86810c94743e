"""Documents that mean the same through the whole path: decided, explained, counted, reused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas import columns as c
from schemas.errors import ConfigError, SourceError
from tasks import inspection, ledger, plan, storage
from tasks.recipe import load
from tasks.verify import verify
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.config import RunConfig

pytestmark = pytest.mark.usefixtures("prefect")
RECIPE = """
name = "means"

[[ingest.sources]]
name = "old"
url = "{texts}/*.jsonl"

[[ingest.sources]]
name = "mine"
url = "mine.jsonl"
origin = "new"

[select]
gopher = false
languages = []
max_drop_share = 1.0

[[select.rules]]
name = "long"
drop_where = "gopher_word_count > 200"

[dedup]
{dedup}

[dedup.semantic]
embeddings = "vectors/*.parquet"
id_field = "key"
field = "vector"
{semantic}
"""
WIDTH = 16
Decided = dict[str, dict[str, Any]]


def vector(seed: int, *, turned: float = 0.0) -> list[float]:
    """A direction of its own, turned somewhat towards another one."""
    chance = np.random.default_rng(seed)
    found = chance.standard_normal(WIDTH)
    away = chance.standard_normal(WIDTH)
    return [float(x) for x in found / np.linalg.norm(found) + turned * away / np.linalg.norm(away)]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Sources with twins of every level, and vectors.

    ``p`` says what ``mine`` says, ``p-near`` is nearly the text of ``p`` and ``p-copy`` its copy;
    ``q`` and ``r`` mean the same, ``far`` is somewhat like them; ``long`` means the same as ``s``
    but breaks a rule; ``zero`` and ``none`` have no direction.
    """
    text = {name: corpora.prose(name) for name in ("p", "q", "r", "s", "far", "zero", "none")}
    text |= {"p-near": text["p"] + " indeed.", "p-copy": text["p"]}
    text |= {"long": corpora.prose("long", 300)}
    text["p"] += " It was the very last of all that there was to say."
    text["p-copy"] = text["p"]
    rows = [{"id": name, "text": body} for name, body in sorted(text.items())]
    corpora.write_jsonl(tmp_path / "one" / "1.jsonl", rows)
    corpora.write_jsonl(tmp_path / "three" / "1.jsonl", rows[7:])
    corpora.write_jsonl(tmp_path / "three" / "2.jsonl", rows[3:7])
    corpora.write_jsonl(tmp_path / "three" / "3.jsonl", rows[:3])
    corpora.write_jsonl(tmp_path / "mine.jsonl", [{"id": "mine", "text": corpora.prose("mine")}])
    write_vectors(tmp_path, {
        "mine": vector(1), "p": vector(1, turned=0.1), "p-copy": vector(1, turned=0.1),
        "p-near": vector(9), "q": vector(2), "r": vector(2, turned=0.2),
        "far": vector(2, turned=1.0), "s": vector(3), "long": vector(3), "zero": [0.0] * WIDTH,
        "nobody": vector(4),
    })  # fmt: skip
    return tmp_path


def write_vectors(desk: Path, vectors: dict[str, list[float]]) -> None:
    (desk / "vectors").mkdir(exist_ok=True)
    table = pa.table({"key": list(vectors), "vector": list(vectors.values())})
    pq.write_table(table, desk / "vectors" / "1.parquet")


def recipe(desk: Path, *, texts: str = "one", dedup: str = "", semantic: str = "") -> RunConfig:
    at = desk / "recipe.toml"
    at.write_text(RECIPE.format(texts=texts, dedup=dedup, semantic=semantic))
    return load(str(at))


def run(desk: Path, *, out: str = "out", workers: int = 2, **keys: Any) -> Decided:
    from flows.pipeline import pipeline

    pipeline(recipe(desk, **keys), str(desk / out), goal="corpus", workers=workers)
    found: Decided = {}
    for shard in ledger.read(str(desk / out), "select").shards:
        left, right = (
            pl.DataFrame(
                storage.read_table(storage.join(ledger.folder(str(desk / out), stage), shard.file))
            )
            for stage in ("ingest", "select")
        )
        both = left.select(c.RECORD_ID).hstack(right)
        found |= {row[c.RECORD_ID]: row for row in both.to_dicts()}
    return found


def told(found: Decided) -> dict[str, tuple[Any, ...]]:
    """Return of each dropped document the reasons, the level and the twin's own id."""
    names = {row[c.DOC_ID]: name for name, row in found.items()}
    return {
        name: (row[c.DROP_REASONS], row[c.LEVEL], names.get(row[c.MATCHED_ID]))
        for name, row in found.items()
        if not row[c.KEEP]
    }


def cosine(one: list[float], other: list[float]) -> float:
    return float(np.dot(one, other) / np.linalg.norm(one) / np.linalg.norm(other))


def test_what_means_the_same_goes_and_is_explained(desk: Path) -> None:
    found = run(desk)
    dropped = told(found)
    of_two = {"q", "r"} & dropped.keys()
    assert len(of_two) == 1
    (gone,) = of_two
    (stays,) = {"q", "r"} - of_two
    copy = "p" if dropped["p"][0] == ["exact_duplicate"] else "p-copy"
    (first,) = {"p", "p-copy"} - {copy}
    assert dropped == {
        gone: (["semantic_duplicate"], "semantic", stays),
        first: (["semantic_duplicate"], "semantic", "mine"),
        copy: (["exact_duplicate"], "semantic", "mine"),
        "p-near": (["near_duplicate"], "semantic", "mine"),
        "long": (["rule:long"], None, None),
    }
    expected = cosine(vector(2), vector(2, turned=0.2))
    assert found[gone][c.SIMILARITY] == pytest.approx(expected, abs=1e-6)
    assert found["p-near"][c.SIMILARITY] is None
    assert {found[n][c.CLUSTER_ID] for n in ("mine", "p", "p-copy", "p-near")} == {
        found["mine"][c.DOC_ID]
    }
    out = str(desk / "out")
    assert all(f.ok for f in verify(out))
    details = ledger.read(out, "select").details
    # Compared is what the other levels and the rules have left.
    assert details["semantic"] == {"compared": 6, "without_embedding": 1, "zeros": 1}
    assert details["sources"]["old"]["dropped"]["semantic_duplicate"] == 2
    why = inspection.inspect(out, gone).documents[0].reasons[0]
    assert re.match(r"cosine 0\.98.* to .*, which is kept; alike is at least 0\.95", why.said)
    near = inspection.inspect(out, "p-near").documents[0].reasons[0]
    assert found["mine"][c.DOC_ID] in near.said
    assert "near to a document that is dropped (semantic_duplicate) for" in near.said
    assert "semantic_duplicate" in storage.read_bytes(f"{out}/report.html").decode()


def test_a_lower_threshold_takes_more_and_near_twins_may_stay(desk: Path) -> None:
    assert "far" in told(run(desk, semantic="threshold = 0.6"))
    found = run(desk, dedup="near = false", out="both")
    assert found["p-near"][c.KEEP]
    kept = {row[c.DOC_ID] for row in found.values() if row[c.KEEP]}
    assert all(row[c.MATCHED_ID] in kept | {None} for row in found.values())
    assert all(f.ok for f in verify(str(desk / "both")))


def test_workers_files_and_their_order_change_nothing(desk: Path) -> None:
    once = run(desk, workers=1)
    names = [c.DOC_ID, c.DROP_REASONS, c.MATCHED_ID, c.LEVEL, c.SIMILARITY, c.SPLIT, c.CLUSTER_ID]
    again = run(desk, workers=3, texts="three", out="three")
    assert {k: [v[n] for n in names] for k, v in once.items()} == {
        k: [v[n] for n in names] for k, v in again.items()
    }


def test_doc_ids_are_understood_too(desk: Path) -> None:
    found = run(desk)
    before = told(found)
    table = pq.read_table(desk / "vectors" / "1.parquet").to_pydict()
    ids = {name: row[c.DOC_ID] for name, row in found.items()}
    write_vectors(
        desk,
        {ids.get(k, k): v for k, v in zip(table["key"], table["vector"], strict=True)},
    )
    assert told(run(desk)) == before


def test_changed_embeddings_make_new_decisions_and_unchanged_ones_do_not(desk: Path) -> None:
    run(desk)
    at = desk / "out" / "decisions" / "manifest.json"
    before = at.stat().st_mtime_ns, json.loads(at.read_text())["key"]
    run(desk)
    assert (at.stat().st_mtime_ns, json.loads(at.read_text())["key"]) == before
    write_vectors(desk, {"q": vector(2), "r": vector(7)})
    assert not {"q", "r"} & told(run(desk)).keys()


def test_plan_says_what_is_read_and_how_much_memory_it_takes(desk: Path) -> None:
    found = plan.plan(recipe(desk), str(desk / "out"))
    size = (desk / "vectors" / "1.parquet").stat().st_size
    said = f"embeddings: {size / 1e6:,.1f} MB; {2 * 4 * WIDTH} bytes for each document stay in"
    assert any(line.startswith(said) for line in found.extra_reads), found.extra_reads


def test_mistakes_stop_the_run(desk: Path) -> None:
    write_vectors(desk, {"nobody": vector(1)})
    with pytest.raises(SourceError, match="no embedding of any of the 8 documents"):
        run(desk)
    at = desk / "recipe.toml"
    at.write_text(at.read_text().replace('"vectors/*.parquet"', '""'))
    with pytest.raises(ConfigError, match="a place with Parquet files"):
        load(str(at))
