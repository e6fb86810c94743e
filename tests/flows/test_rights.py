"""Licences and opt-outs, from records and lists to what is written and proved."""

from __future__ import annotations

import gzip
import shutil
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from schemas.errors import ConfigError
from tasks import ledger
from tasks.recipe import load
from tasks.verify import verify
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.manifest import RunManifest

pytestmark = pytest.mark.usefixtures("prefect")

LISTS = '[select.opt_out]\nurls = "lists/urls.txt"\nids = "lists/ids.txt"\n'
ALLOW = '[select.licenses]\nallow = ["CC0-*", "MIT", "Apache-2.0"]\n'


def write(folder: Path) -> Path:
    """Three sources; a new document that opted out has a copy among the old that did not."""
    news, books, laws = (corpora.records(name, n) for name, n in RECORDS.items())
    for i, row in enumerate(news):
        row["url"] = f"https://www.news.example/{i % 20}/"
    for row in books[:4]:
        row["license"] = "CC BY-NC 4.0"
    books[4].pop("license")
    books[5]["license"] = "MIT License or GPLv3"
    news[1]["text"] = laws[1]["text"]
    corpora.write_shards(folder / "news", news, 2)
    corpora.write_shards(folder / "books", books, 2)
    corpora.write_shards(folder / "laws", laws, 2)
    (folder / "lists").mkdir()
    (folder / "lists" / "ids.txt").write_text("# by letter\nlaws-1\nbooks-9\n")
    (folder / "lists" / "urls.txt").write_text("http://news.example/3\n")
    return corpora.recipe(folder, extra=LISTS + ALLOW)


RECORDS = {"news": 50, "books": 50, "laws": 20}


def run(recipe: Path, out: Path, **options: Any) -> RunManifest:
    from flows.pipeline import pipeline

    pipeline(load(str(recipe)), str(out), **options)
    return ledger.read_run(str(out))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    folder = tmp_path_factory.mktemp("rights")
    run(write(folder / "in"), folder / "out")
    return folder


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    """A run whose rows are packed, and whose new data stands there twice."""
    folder = tmp_path_factory.mktemp("packed")
    recipe = write(folder / "in")
    rows = 'format = "tokens"\nrow_tokens = 64\nepochs = 2\n'
    recipe.write_text(recipe.read_text().replace("[mixture]\n", f"[mixture]\n{rows}"))
    run(recipe, folder / "out")
    return folder


def decisions(out: Path) -> pl.DataFrame:
    """Decisions beside the documents they are of."""
    parts = [
        pl.read_parquet(out / "decisions" / p.name).hstack(pl.read_parquet(p).drop("doc_id"))
        for p in sorted((out / "documents").glob("*.parquet"))
    ]
    return pl.concat(parts)


def reasons(out: Path) -> dict[str, list[str]]:
    found = decisions(out)
    dropped = found.filter(~pl.col("keep"))
    return dict(zip(dropped["record_id"], dropped["drop_reasons"].to_list(), strict=True))


def failed(out: Path) -> set[str]:
    return {f.statement for f in verify(str(out)) if not f.ok}


def test_what_must_not_be_used_is_dropped_by_name(finished: Path) -> None:
    assert reasons(finished / "out") == {
        **{f"books-{i}": ["license"] for i in range(5)},
        "books-9": ["opt_out"],
        **{f"news-{i}": ["opt_out"] for i in (3, 23, 43)},
        "laws-1": ["opt_out", "exact_duplicate"],
    }


def test_what_opted_out_takes_no_copys_place(finished: Path) -> None:
    found = decisions(finished / "out")
    (twin,) = found.filter(pl.col("record_id") == "news-1").to_dicts()
    (gone,) = found.filter(pl.col("record_id") == "laws-1").to_dicts()
    assert twin["keep"]
    assert twin["matched_id"] is None
    assert gone["matched_id"] == twin["doc_id"]


def test_verify_judges_anew(finished: Path, tmp_path: Path) -> None:
    findings = verify(str(finished / "out"))
    assert [f for f in findings if not f.ok] == []
    assert "select: no kept document is opted out" in {f.statement for f in findings}
    out = tmp_path / "out"
    shutil.copytree(finished / "out", out)
    (out / "decisions" / "opt_out" / "ids.txt").write_text("books-9\nlaws-1\nlaws-2")
    assert failed(out) == {
        "select: its opt-out lists are those that it was decided with",
        "select: no kept document is opted out",
    }
    shutil.rmtree(out / "decisions" / "opt_out")
    assert failed(out) == {"select: its opt-out lists are those that it was decided with"}
    shutil.copytree(finished / "out" / "decisions" / "opt_out", out / "decisions" / "opt_out")
    (shard, *_) = sorted((out / "mixture" / "train").glob("*.parquet"))
    pl.read_parquet(shard).with_columns(license=pl.lit("GPL-3.0")).write_parquet(shard)
    assert "mixture: no row is opted out or of a licence that is refused" in failed(out)


def test_the_card_and_the_report_count_licences(finished: Path) -> None:
    card = (finished / "out" / "README.md").read_text()
    mixture = pl.read_parquet(finished / "out" / "mixture" / "**" / "*.parquet")
    free = mixture.filter(pl.col("license") == "CC0-1.0")
    assert f"| CC0-1.0 | {free.height:,} |" in card
    assert "Licences allowed: CC0-\\*, MIT, Apache-2.0." in card
    assert "Documents on the recipe's opt-out lists (ids, urls) were left out." in card
    assert "Held against opt-out lists of ids (" in card
    assert "The guard compared " in card
    report = (finished / "out" / "report.html").read_text()
    assert "MIT OR GPL-3.0" in report
    assert "CC-BY-NC-4.0" in report
    assert "not stated" in report
    assert "Opt-out lists: 2 ids, 1 urls." in report


def test_pieces_of_packed_rows_are_judged_and_counted_too(packed: Path, tmp_path: Path) -> None:
    assert failed(packed / "out") == set()
    pieces = pl.concat(
        pl.read_parquet(path, columns=["doc_id", "license"]).explode("doc_id", "license")
        for path in (packed / "out" / "mixture").glob("*/*.parquet")
    )
    free = pieces.filter(pl.col("license") == "CC0-1.0")
    assert free.height > free["doc_id"].n_unique()  # cut, and seen again
    assert f"| CC0-1.0 | {free['doc_id'].n_unique():,} |" in (packed / "out/README.md").read_text()
    out = tmp_path / "out"
    shutil.copytree(packed / "out", out)
    (shard, *_) = sorted((out / "mixture" / "train").glob("*.parquet"))
    gpl = pl.col("license").list.eval(pl.lit("GPL-3.0"))
    pl.read_parquet(shard).with_columns(gpl).write_parquet(shard)
    assert {
        "mixture: no row is opted out or of a licence that is refused",
        "mixture: its manifest counts documents and tokens by licence, and names the lists",
    } <= failed(out)


def test_the_lists_content_counts_and_not_their_place(tmp_path: Path) -> None:
    recipe, out = write(tmp_path / "in"), tmp_path / "out"
    first = run(recipe, out, goal="corpus")
    lists = tmp_path / "in" / "lists"
    zipped = gzip.compress(b"\xef\xbb\xbfhttps://www.news.example/3#x\r\n")
    (lists / "moved.txt.gz").write_bytes(zipped)
    recipe.write_text(recipe.read_text().replace("lists/urls.txt", "lists/moved.txt.gz"))
    moved = run(recipe, out, goal="corpus")
    assert moved.stages["select"].shards_written == 0
    (lists / "ids.txt").write_text("books-9\nlaws-1\nlaws-2\n")
    grown = run(recipe, out, goal="corpus")
    assert [grown.stages[s].shards_written for s in ("ingest", "signals")] == [0, 0]
    assert grown.stages["select"].digest != first.stages["select"].digest
    assert reasons(out)["laws-2"] == ["opt_out"]
    assert failed(out) == set()
    recipe.write_text(recipe.read_text().replace(LISTS.replace("urls.txt", "moved.txt.gz"), ""))
    run(recipe, out, goal="corpus")
    assert not (out / "decisions" / "opt_out").exists()
    assert "laws-2" not in reasons(out)


def test_a_policy_that_leaves_no_new_data_says_whose_licence_is_missing(tmp_path: Path) -> None:
    recipe, out = write(tmp_path / "in"), tmp_path / "out"
    laws = [{"id": f"x{i}", "text": corpora.prose(i)} for i in range(8)]
    shutil.rmtree(tmp_path / "in" / "laws")
    corpora.write_shards(tmp_path / "in" / "laws", laws, 1)
    with pytest.raises(ConfigError, match=r"all 8 documents of new data \(no licence\)") as caught:
        run(recipe, out)
    assert 'license = "…"' in caught.value.way_out
    own = 'origin = "new"\nlicense = "MIT"'
    recipe.write_text(recipe.read_text().replace('origin = "new"', own))
    assert run(recipe, out, goal="corpus").stages["select"].rows_out > 0
