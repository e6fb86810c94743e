"""``verify`` on runs that somebody changed by hand: a finding each, and never a traceback."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tasks import ledger
from tasks.recipe import load
from tasks.verify import verify
from tasks.verify_places import ORDER
from tests import corpora

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[Path], object]

pytestmark = pytest.mark.usefixtures("prefect")

ALIGNED = "ingest, signals and select list the same shards"
COUNTED = "mixture: its manifest counts documents and tokens by licence, and names the lists"
FINISHED = "the run finished what its recipe asks for"
BESIDE = "no folder of another recipe's stage stands beside"
RECIPE = "run.json: the recipe is the one of its digest"
ROWS = "{}: run.json and the manifest count the rows of its shards"
HELD = "{}: shards hold the rows their manifest says"
DIGEST = "{}: the digest is that of its shards"
READ = "ingest: its manifest counts what was read of each source"
KEPT = "select: its manifest counts what was kept and dropped"
SAMPLES = "select: its samples of duplicates are those of the manifest"
COMES_TO = "mixture: its manifest says what the rows come to"
DRAWN = "replay: its manifest says what was asked and drawn of each source"
TEXTS = "replay: the rows of replay/text are the drawn ones"


def make(folder: Path, *, goal: Any = "mixture", mixture: str = "") -> Path:
    from flows.pipeline import pipeline

    recipe = corpora.three_sources(folder / "in")
    both = "[corpus]\nmaterialize = true\n\n[replay]\nmaterialize = true"
    recipe.write_text(recipe.read_text().replace("[replay]", both) + mixture)
    pipeline(load(str(recipe)), str(folder / "out"), goal=goal)
    return folder / "out"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    return make(tmp_path_factory.mktemp("verify"))


def edit(file: str, change: Callable[[Any], object]) -> Change:
    """Change a JSON file of a run."""

    def apply(out: Path) -> None:
        body = json.loads((out / file).read_bytes())
        change(body)
        (out / file).write_text(json.dumps(body))

    return apply


def drop(*path: str) -> Callable[[Any], object]:
    return lambda body: inside(body, path).pop(path[-1])


def put(value: Any, *path: Any) -> Callable[[Any], object]:
    return lambda body: inside(body, path).__setitem__(path[-1], value)


def inside(body: Any, path: tuple[Any, ...]) -> Any:
    for name in path[:-1]:
        body = body[name]
    return body


def more(*path: str) -> Callable[[Any], object]:
    """Add 1 to a number."""
    return lambda body: put(inside(body, path)[path[-1]] + 1, *path)(body)


def remove(pattern: str) -> Change:
    return lambda out: min(out.glob(pattern)).unlink()


def truncate(pattern: str) -> Change:
    def apply(out: Path) -> None:
        file = min(out.glob(pattern))
        file.write_bytes(file.read_bytes()[:-100])

    return apply


def rewrite(pattern: str, *columns: pl.Expr, rows: int | None = None) -> Change:
    def apply(out: Path) -> None:
        file = min(out.glob(pattern))
        pl.read_parquet(file).with_columns(columns).head(rows or 10**6).write_parquet(file)

    return apply


def folder(out: Path) -> None:
    """A folder where a shard should be."""
    file = min(out.glob("signals/*.parquet"))
    file.unlink()
    file.mkdir()


def failed(out: Path) -> set[str]:
    return {f.statement for f in verify(str(out)) if not f.ok}


def named(stage: str, *statements: str) -> set[str]:
    return {s.format(stage) for s in statements}


SHORTER = (lambda body: body["shards"].pop(), (ROWS, DIGEST))
CASES: dict[str, tuple[Change, set[str]]] = {
    "tokenizer gone": (remove("tokenizer/tokenizer.json"), named("tokenizer", HELD)),
    "tokenizer broken": (
        lambda out: (out / "tokenizer/tokenizer.json").write_text("{}"),
        named("tokenizer", HELD),
    ),
    "manifest gone": (remove("decisions/manifest.json"), {"select: it has a manifest"}),
    "samples of duplicates gone": (remove("decisions/samples.json"), {SAMPLES}),
    "samples of duplicates changed": (
        edit("decisions/samples.json", put("another", "twins", 0, "kept_id")),
        {SAMPLES},
    ),
    "manifest is no JSON": (truncate("replay/manifest.json"), {"replay: it has a manifest"}),
    "manifest of another stage": (
        edit("corpus/manifest.json", put("mixture", "stage")),
        {"corpus: it has a manifest"},
    ),
    "ingest shard unlisted": (
        edit("documents/manifest.json", SHORTER[0]),
        named("ingest", *SHORTER[1]) | {ALIGNED, "ingest: every record is a document or a reject"},
    ),
    "signals shard unlisted": (
        edit("signals/manifest.json", SHORTER[0]),
        named("signals", *SHORTER[1]) | {ALIGNED},
    ),
    "select shard unlisted": (
        edit("decisions/manifest.json", SHORTER[0]),
        named("select", *SHORTER[1]) | {ALIGNED},
    ),
    "no select shards": (
        edit("decisions/manifest.json", put([], "shards")),
        named("select", *SHORTER[1]) | {ALIGNED},
    ),
    "no mixture shards": (
        edit("mixture/manifest.json", put([], "shards")),
        named("mixture", *SHORTER[1])
        | {
            COMES_TO,
            "mixture: all new data is in",
            "mixture: what was asked is what the recipe asks for",
            "mixture: its folders hold nothing else",
            COUNTED,
        },
    ),
    "digest that is not hex": (
        edit("signals/manifest.json", put("no digest", "shards", 0, "digest")),
        named("signals", HELD, DIGEST),
    ),
    "digest of run.json": (
        edit("run.json", put("0" * 32, "stages", "corpus", "digest")),
        named("corpus", DIGEST),
    ),
    "rows of run.json": (
        edit("run.json", more("stages", "mixture", "rows_out")),
        named("mixture", ROWS),
    ),
    "rows of a manifest": (edit("replay/manifest.json", more("rows_out")), named("replay", ROWS)),
    "kept rows of a manifest": (
        edit("decisions/manifest.json", more("rows_out")),
        named("select", ROWS) | {KEPT},
    ),
    "seed of the recipe": (edit("run.json", more("recipe", "seed")), {RECIPE}),
    "digest of the recipe": (edit("run.json", put("0", "recipe_digest")), {RECIPE}),
    "recipe without sources": (edit("run.json", drop("recipe", "ingest")), {RECIPE}),
    "kept of a source": (
        edit("decisions/manifest.json", more("details", "sources", "news", "kept")),
        {KEPT},
    ),
    "dropped of a source": (
        edit("decisions/manifest.json", more("details", "sources", "books", "dropped", "empty")),
        {KEPT},
    ),
    "select without details": (edit("decisions/manifest.json", drop("details")), {KEPT}),
    "mixture without asked": (
        edit("mixture/manifest.json", drop("details", "asked")),
        {"mixture: its budgets"},
    ),
    "mixture of another share": (
        edit("mixture/manifest.json", put(0.5, "details", "asked", "replay_share")),
        {"mixture: what was asked is what the recipe asks for"},
    ),
    "achieved": (
        edit("mixture/manifest.json", more("details", "achieved", "train", "replay_tokens")),
        {COMES_TO},
    ),
    "achieved of the wrong type": (
        edit("mixture/manifest.json", put("much", "details", "achieved")),
        {COMES_TO},
    ),
    "replay without targets": (
        edit("replay/manifest.json", drop("details", "targets")),
        {"replay: what its manifest says of the draw"},
    ),
    "replay targets of the wrong type": (
        edit("replay/manifest.json", put([1], "details", "targets")),
        {"replay: what its manifest says of the draw"},
    ),
    "asked of a source": (
        edit("replay/manifest.json", more("details", "sources", "news", "asked_tokens")),
        {DRAWN},
    ),
    "drawn of a source": (
        edit("replay/manifest.json", more("details", "sources", "books", "tokens")),
        {DRAWN},
    ),
    "place of a drawn row": (
        rewrite("replay/drawn.parquet", pl.col("row") + 1),
        {"replay: every drawn row is a kept document of its split, and stands once"},
    ),
    "replay text gone": (remove("replay/text/*.parquet"), {TEXTS}),
    "replay text row gone": (rewrite("replay/text/*.parquet", rows=1), {TEXTS}),
    "replay text truncated": (
        truncate("replay/text/*.parquet"),
        {"replay: its text is that of the draw", "replay: its text is of documents"},
    ),
    "replay text changed": (
        rewrite("replay/text/*.parquet", pl.lit("changed").alias("text")),
        {"replay: every row of replay/text is the text of its document"},
    ),
    "corpus text changed": (
        rewrite("corpus/*.parquet", pl.lit("changed").alias("text")),
        named("corpus", HELD) | {"corpus: its rows are the kept documents, with their text"},
    ),
    "documents truncated": (truncate("documents/*.parquet"), named("ingest", HELD)),
    "signals truncated": (truncate("signals/*.parquet"), named("signals", HELD)),
    "decisions truncated": (truncate("decisions/*.parquet"), named("select", HELD)),
    "mixture truncated": (truncate("mixture/train/*.parquet"), named("mixture", HELD)),
    "rejects gone": (remove("rejects/*.parquet"), {"ingest: every record is counted", READ}),
    "documents of a source": (
        edit("documents/manifest.json", more("details", "sources", "news", "documents")),
        {READ},
    ),
    "text of a source": (
        edit("documents/manifest.json", more("details", "sources", "books", "text_bytes")),
        {READ},
    ),
    "a reject that was none": (
        edit(
            "documents/manifest.json", put({"no_text": 1}, "details", "sources", "news", "rejects")
        ),
        {READ},
    ),
    "left out by no sample": (
        edit("documents/manifest.json", put(3, "details", "sources", "news", "left_out")),
        {READ},
    ),
    "left out of a shard": (
        edit("documents/manifest.json", put(3, "shards", 0, "left_out")),
        {"ingest: every record is a document or a reject", READ},
    ),
    "sources that no record named": (
        edit("documents/manifest.json", put({"x": 1}, "details", "sources", "news", "named")),
        {READ},
    ),
    "a source that was not read": (
        edit("documents/manifest.json", put({}, "details", "sources", "more")),
        {READ},
    ),
    "a folder for a shard": (folder, named("signals", HELD)),
    "token counts of the wrong type": (
        rewrite("mixture/train/*.parquet", pl.lit("many").alias("tokens")),
        named("mixture", HELD)
        | {
            "mixture: order and counts",
            "mixture: its budgets",
            "mixture: its replay tokens",
            "mixture: its new data",
            "mixture: every row is a kept document",
            "mixture: its shares along the way",
            "mixture: its rows are what the tokenizer makes of the documents",
            ORDER,
            COUNTED,
        },
    ),
    "stage not named": (edit("run.json", drop("stages", "mixture")), {FINISHED, BESIDE}),
    "corpus not named": (edit("run.json", drop("stages", "corpus")), {FINISHED, BESIDE}),
    "unknown stage": (
        edit("run.json", lambda run: run["stages"].update(sing=run["stages"]["corpus"])),
        {"sing: it has a manifest"},
    ),
    "foreign file": (
        lambda out: (out / "mixture" / "train" / "more.parquet").write_bytes(b""),
        {"mixture: its folders hold nothing else"},
    ),
}


def test_an_untouched_run_has_no_failed_statement(finished: Path) -> None:
    findings = verify(str(finished))
    assert [f for f in findings if not f.ok] == []
    assert len({f.statement for f in findings}) == len(findings)
    assert len(findings) > 45


@pytest.mark.parametrize("case", CASES)
def test_each_change_is_found_by_name(finished: Path, tmp_path: Path, case: str) -> None:
    change, expected = CASES[case]
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    change(out)
    findings = verify(str(out))
    assert {f.statement for f in findings if not f.ok} == expected
    assert all(f.detail for f in findings if not f.ok)


def test_a_total_of_tokens_is_judged_within_a_document(tmp_path: Path) -> None:
    out = make(tmp_path, mixture="total_tokens = 4000\n")
    assert failed(out) == set()
    statements = {f.statement for f in verify(str(out))}
    assert "mixture: new tokens are within one document of what was asked" in statements
    assert "mixture: all new data is in" not in statements


def test_a_goal_before_the_mixture_asks_for_no_more(tmp_path: Path) -> None:
    out = make(tmp_path, goal="corpus")
    edit("run.json", put("corpus", "goal"))(out)
    assert failed(out) == set()
    edit("run.json", put("replay", "goal"))(out)
    assert failed(out) == {FINISHED}
    assert set(ledger.read_run(str(out)).stages) == {"ingest", "signals", "select", "corpus"}
