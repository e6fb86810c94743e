"""The whole path under Prefect: what a user of the results notices."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow.dataset as ds
import pytest

from tasks import ledger
from tasks.recipe import load
from tasks.verify import verify
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.manifest import RunManifest

pytestmark = pytest.mark.usefixtures("prefect")


def run(recipe: Path, out: Path, **options: Any) -> RunManifest:
    from flows.pipeline import pipeline

    pipeline(load(str(recipe)), str(out), **options)
    return ledger.read_run(str(out))


def digests(manifest: RunManifest) -> dict[str, str]:
    return {name: stage.digest for name, stage in manifest.stages.items()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    run(corpora.three_sources(folder / "in"), folder / "out")
    return folder / "out"


def test_a_run_leaves_what_the_contract_names(finished: Path) -> None:
    body = json.loads((finished / "run.json").read_bytes())
    assert set(body["stages"]) == {s for s in ledger.FOLDERS if s != "corpus"}
    wanted = {"folder", "digest", "rows_in", "rows_out", "seconds", "cpu_seconds", "peak_bytes"}
    for stage in body["stages"].values():
        assert wanted <= set(stage)
        assert (finished / stage["folder"] / "manifest.json").is_file()
    assert (finished / "report.html").is_file()
    assert not list(finished.rglob("*.tmp"))
    assert not any((finished / ".scratch").glob("mixture-*"))


def test_every_statement_of_verify_holds(finished: Path) -> None:
    findings = verify(str(finished))
    assert len(findings) > 20
    assert [f for f in findings if not f.ok] == []


def test_the_report_shows_duplicates_side_by_side(finished: Path) -> None:
    told = json.loads((finished / "decisions" / "samples.json").read_bytes())["twins"]
    assert [twins["level"] for twins in told] == ["near", "id", "exact"]
    report = (finished / "report.html").read_text()
    assert "Samples of duplicates" in report
    assert all(twins["doc_id"] in report for twins in told)
    assert " indeed.</mark>" in report
    # What decisions say is counted again in the manifest, without a word of the texts.
    body = (finished / "decisions" / "manifest.json").read_text()
    assert "indeed" not in body
    counted = json.loads(body)["details"]["duplicates"]["sources"]
    assert counted["books"]["dropped"] == {"id": 1, "near": 1}


def test_the_dirt_is_dropped_by_name_and_nothing_is_lost(finished: Path) -> None:
    counts = ledger.read(str(finished), "select").details["sources"]
    assert counts["news"]["dropped"] == {"exact_duplicate": 1}
    assert counts["books"]["dropped"] == {"empty": 1, "near_duplicate": 1, "repeated_id": 1}
    assert counts["laws"]["dropped"] == {}
    manifest = ledger.read(str(finished), "select")
    dropped = sum(sum(s["dropped"].values()) for s in counts.values())
    assert manifest.rows_in == manifest.rows_out + dropped == 60 + 1 + 60 + 3 + 30


def test_of_a_repeated_id_the_longer_text_is_kept(finished: Path) -> None:
    documents = pl.read_parquet(finished / "documents" / "*.parquet")
    decisions = pl.concat(
        pl.read_parquet(finished / "decisions" / p.name).with_columns(
            text=pl.read_parquet(p)["text"], record=pl.read_parquet(p)["record_id"]
        )
        for p in sorted((finished / "documents").glob("*.parquet"))
    )
    assert documents.height == decisions.height
    kept = decisions.filter((pl.col("record") == "books-5") & pl.col("keep"))
    assert kept["text"].str.ends_with("A longer ending of that text.").to_list() == [True]


def test_replay_and_new_tokens_are_met_within_a_document(finished: Path) -> None:
    details = ledger.read(str(finished), "mixture").details
    asked, train = details["asked"], details["achieved"]["train"]
    for origin in ("replay", "new"):
        miss = abs(asked[f"{origin}_tokens"] - train[f"{origin}_tokens"])
        assert miss <= train["largest_document_tokens"]
    assert train["replay_share"] == pytest.approx(0.25, abs=0.02)


def test_the_readers_people_use_count_the_same(finished: Path) -> None:
    from datasets import load_dataset

    achieved = ledger.read(str(finished), "mixture").details["achieved"]
    for folder in (finished, finished / "mixture"):
        loaded = load_dataset(str(folder), "full", cache_dir=str(finished / ".hf"))
        streamed = load_dataset(str(folder), "full", streaming=True)
        assert set(loaded) == set(streamed) == {"train", "validation"}
        for split, counts in achieved.items():
            assert loaded[split].num_rows == counts["documents"]
            assert sum(loaded[split]["tokens"]) == counts["tokens"]
            rows = list(streamed[split])
            assert [r["doc_id"] for r in rows] == loaded[split]["doc_id"]
            assert sum(r["tokens"] for r in rows) == counts["tokens"]
    for split, counts in achieved.items():
        scanned = pl.scan_parquet(finished / "mixture" / split / "*.parquet").collect()
        table = ds.dataset(finished / "mixture" / split, format="parquet").to_table()
        assert scanned.height == table.num_rows == counts["documents"]
        assert scanned["tokens"].sum() == sum(table["tokens"].to_pylist()) == counts["tokens"]
        assert scanned["position"].to_list() == list(range(counts["documents"]))


def test_no_twin_of_a_validation_document_is_trained_on(finished: Path) -> None:
    decisions = pl.read_parquet(finished / "decisions" / "*.parquet")
    splits = decisions.group_by("cluster_id").agg(pl.col("split").n_unique())
    assert splits["split"].max() == 1
    assert set(decisions.filter("keep")["split"]) == {"train", "valid"}


@pytest.mark.parametrize("options", [{"workers": 1}, {"workers": 2}])
def test_the_same_recipe_gives_the_same_rows(
    finished: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    again = run(corpora.three_sources(tmp_path / "in"), tmp_path / "out", **options)
    assert digests(again) == digests(ledger.read_run(str(finished)))


def test_renamed_and_resharded_inputs_give_the_same_rows(finished: Path, tmp_path: Path) -> None:
    recipe = corpora.three_sources(tmp_path / "in", shards=7, prefix="renamed")
    again = run(recipe, tmp_path / "out", workers=2)
    assert digests(again) == digests(ledger.read_run(str(finished)))


def test_a_second_run_finds_everything_finished(finished: Path, tmp_path: Path) -> None:
    recipe = corpora.three_sources(tmp_path / "in")
    first = run(recipe, tmp_path / "out")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.parquet")}
    second = run(recipe, tmp_path / "out")
    assert digests(first) == digests(second)
    assert sum(s.shards_written for s in second.stages.values()) == 0
    assert second.stages["ingest"].shards_reused == first.stages["ingest"].shards_written
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.parquet")}


def test_a_changed_threshold_measures_nothing_again(tmp_path: Path) -> None:
    recipe = corpora.three_sources(tmp_path / "in")
    first = run(recipe, tmp_path / "out", goal="corpus")
    text = recipe.read_text().replace("valid_share = 0.1", "valid_share = 0.1\ngopher = false")
    recipe.write_text(text)
    second = run(recipe, tmp_path / "out", goal="corpus")
    assert second.stages["signals"].shards_written == second.stages["ingest"].shards_written == 0
    assert second.stages["signals"].shards_reused == first.stages["signals"].shards_written
    assert second.stages["select"].shards_written > 0


def test_one_lost_shard_is_made_anew_and_no_other(tmp_path: Path) -> None:
    recipe = corpora.three_sources(tmp_path / "in")
    first = run(recipe, tmp_path / "out")
    lost = min((tmp_path / "out" / "signals").glob("*.parquet"))
    lost.unlink()
    second = run(recipe, tmp_path / "out")
    assert digests(first) == digests(second)
    assert second.stages["signals"].shards_written == 1
    assert second.stages["ingest"].shards_written == 0


def test_another_recipe_leaves_no_old_shard_in_the_mixture(tmp_path: Path) -> None:
    recipe = corpora.three_sources(tmp_path / "in")
    recipe.write_text(recipe.read_text() + "shard_mb = 0.005\n")
    many = run(recipe, tmp_path / "out")
    assert many.stages["mixture"].shards_written > 4
    recipe.write_text(recipe.read_text().replace("shard_mb = 0.005", ""))
    one = run(recipe, tmp_path / "out")
    assert len(list((tmp_path / "out" / "mixture").rglob("*.parquet"))) == 2
    assert one.stages["mixture"].digest == many.stages["mixture"].digest
    assert all(f.ok for f in verify(str(tmp_path / "out")))


def test_materialized_corpus_and_replay_hold_the_kept_text(tmp_path: Path) -> None:
    recipe = corpora.three_sources(tmp_path / "in")
    both = "[corpus]\nmaterialize = true\n\n[replay]\nmaterialize = true"
    recipe.write_text(recipe.read_text().replace("[replay]", both))
    out = tmp_path / "out"
    run(recipe, out)
    decisions = pl.read_parquet(out / "decisions" / "*.parquet")
    corpus = pl.read_parquet(out / "corpus" / "*.parquet")
    assert sorted(corpus["doc_id"]) == sorted(decisions.filter("keep")["doc_id"])
    drawn = pl.read_parquet(out / "replay" / "drawn.parquet")
    texts = pl.read_parquet(out / "replay" / "text" / "*.parquet")
    assert sorted(drawn["doc_id"]) == sorted(texts["doc_id"])
    assert texts["tokens"].sum() == drawn["tokens"].sum()
    assert all(f.ok for f in verify(str(out)))


def test_a_budget_larger_than_the_pool_says_what_would_fit(tmp_path: Path) -> None:
    from schemas.errors import BudgetError

    recipe = corpora.three_sources(tmp_path / "in", n=12)
    recipe.write_text(recipe.read_text().replace("replay_share = 0.25", "replay_share = 0.9"))
    with pytest.raises(BudgetError) as caught:
        run(recipe, tmp_path / "out")
    assert "tokens" in str(caught.value)
    assert "would fit" in str(caught.value)
    assert "mixture" not in ledger.read_run(str(tmp_path / "out")).stages


def test_a_failed_change_leaves_no_old_mixture_to_be_loaded(tmp_path: Path) -> None:
    from schemas.errors import BudgetError

    recipe, out = corpora.three_sources(tmp_path / "in"), tmp_path / "out"
    run(recipe, out)
    assert (out / "README.md").exists()
    recipe.write_text(recipe.read_text().replace("replay_share = 0.25", "replay_share = 0.9"))
    with pytest.raises(BudgetError):
        run(recipe, out)
    assert not list((out / "mixture").rglob("*.parquet"))
    assert not (out / "README.md").exists()
    assert not (out / "report.html").exists()
    finished = {"ingest", "signals", "select", "guard", "tokenizer"}
    assert set(ledger.read_run(str(out)).stages) == finished


def test_changed_inputs_leave_no_old_mixture_beside_new_decisions(tmp_path: Path) -> None:
    recipe, out = corpora.three_sources(tmp_path / "in"), tmp_path / "out"
    run(recipe, out)
    more = corpora.records("later", 5)
    corpora.write_jsonl(tmp_path / "in" / "news" / "later.jsonl", more)
    manifest = run(recipe, out, goal="corpus")
    assert set(manifest.stages) == {"ingest", "signals", "select"}
    assert not (out / "mixture").exists()
    again = run(recipe, out)
    assert again.stages["ingest"].shards_written == 0
    assert all(f.ok for f in verify(str(out)))


def test_lost_rejects_and_a_broken_shard_are_made_anew(tmp_path: Path) -> None:
    recipe, out = corpora.three_sources(tmp_path / "in"), tmp_path / "out"
    first = run(recipe, out)
    min((out / "rejects").glob("*.parquet")).unlink()
    shards = [min((out / f).rglob("*.parquet")) for f in ("decisions", "mixture/train")]
    for shard in shards:
        shard.write_bytes(shard.read_bytes()[:100])
    (out / "tokenizer" / "tokenizer.json").write_text("{}")
    assert digests(run(recipe, out)) == digests(first)
    assert all(f.ok for f in verify(str(out)))


def test_new_data_that_is_all_empty_is_no_mixture(tmp_path: Path) -> None:
    from schemas.errors import BudgetError

    recipe, out = corpora.three_sources(tmp_path / "in", n=6), tmp_path / "out"
    for file in (tmp_path / "in" / "laws").iterdir():
        file.unlink()
    corpora.write_jsonl(tmp_path / "in" / "laws" / "a.jsonl", [{"id": "x", "text": " "}])
    with pytest.raises(BudgetError, match="no training document of new data"):
        run(recipe, out)
