"""The guard in a whole run: what replay, new data and evaluation items have in common goes."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from schemas import columns as c
from schemas.errors import ManifestError
from schemas.guard import IN_NEW, IN_TRAINING
from schemas.levels import EVAL_ITEM
from tasks import guarded, ledger
from tasks.recipe import load
from tasks.verify import verify
from tasks.verify_guard import ABSENT, APART
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

    from flows.pipeline import Goal
    from schemas.manifest import RunManifest

pytestmark = pytest.mark.usefixtures("prefect")

QUESTION = "Where do the herons of the northern marsh sleep when the river has frozen at night?"
EVALS = """
[[signals.evals]]
name = "the riddles"
url = "{folder}/riddles.jsonl"
fields = ["question"]
"""
NOTHING_DROPPED = "\n[dedup]\nexact = false\nnear = false\n"


def sources(folder: Path, *, extra: str = "", evals: str = EVALS) -> Path:
    """Old and new data with twins across them, and items of an evaluation set in both."""
    news, books, laws = (corpora.records(name, 40) for name in ("news", "books", "laws"))
    news.append({"id": "same", "text": laws[0]["text"]})
    books.append({"id": "nearly", "text": laws[1]["text"].removesuffix(".") + " indeed."})
    asked = f"{corpora.prose('asked', 80)}\n{QUESTION}"
    news.append({"id": "asked", "text": asked})
    laws.append({"id": "asked-too", "text": f"{QUESTION}\n{corpora.prose('asked too', 80)}"})
    for name, rows in (("news", news), ("books", books), ("laws", laws)):
        corpora.write_shards(folder / name, rows, 2)
    corpora.write_jsonl(folder / "riddles.jsonl", [{"id": "r1", "question": QUESTION}])
    recipe = corpora.recipe(folder, extra=extra)
    recipe.write_text(recipe.read_text() + evals.format(folder=folder))
    return recipe


def run(recipe: Path, out: Path, *, goal: Goal = "mixture") -> RunManifest:
    from flows.pipeline import pipeline

    pipeline(load(str(recipe)), str(out), goal=goal)
    return ledger.read_run(str(out))


def named(out: Path, ids: pl.Series) -> list[str]:
    """Records' own ids of documents."""
    documents = pl.read_parquet(out / "documents" / "*.parquet", columns=[c.DOC_ID, c.RECORD_ID])
    names = dict(documents.iter_rows())
    return [names[i] for i in ids]


def rows(out: Path) -> set[str]:
    """Records' own ids of the mixture's rows."""
    frame = pl.read_parquet(out / "mixture" / "*" / "*.parquet", columns=[c.DOC_ID])
    return set(named(out, frame[c.DOC_ID]))


def details(out: Path) -> dict[str, Any]:
    body = json.loads((out / "mixture" / "manifest.json").read_bytes())
    found: dict[str, Any] = body["details"]["guard"]
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    folder = tmp_path_factory.mktemp("guard")
    run(sources(folder / "in", extra=NOTHING_DROPPED), folder / "out")
    return folder / "out"


def test_evals_win_over_all_and_new_data_over_replay(finished: Path) -> None:
    left = guarded.read(str(finished))
    told = left.select(c.REASON, c.LEVEL, c.MATCHED_SOURCE).rows()
    assert dict(zip(named(finished, left[c.DOC_ID]), told, strict=True)) == {
        "same": (IN_NEW, "exact", "laws"),
        "nearly": (IN_NEW, "near", "laws"),
        "asked": (EVAL_ITEM, EVAL_ITEM, "the riddles"),
        "asked-too": (EVAL_ITEM, EVAL_ITEM, "the riddles"),
    }
    assert left.filter(pl.col(c.LEVEL) == EVAL_ITEM)[c.MATCHED_ID].unique().to_list() == [
        "the riddles r1 (question)"
    ]
    assert rows(finished).isdisjoint({"same", "nearly", "asked", "asked-too"})
    assert {f"laws-{i}" for i in range(40)} <= rows(finished)


def test_the_manifest_of_the_mixture_tells_what_was_removed_where(finished: Path) -> None:
    told = details(finished)
    counted = [
        (r[c.SOURCE], r[c.MATCHED_SOURCE], r[c.LEVEL], r["documents"]) for r in told["left_out"]
    ]
    assert counted == [
        ("laws", "the riddles", EVAL_ITEM, 1),
        ("books", "laws", "near", 1),
        ("news", "the riddles", EVAL_ITEM, 1),
        ("news", "laws", "exact", 1),
    ]
    assert all(r[c.N_BYTES] > 0 for r in told["left_out"])
    assert sum(told["compared"].values()) == 124
    assert told["decided"] == []


def test_verify_proves_that_no_pair_is_left(finished: Path) -> None:
    findings = verify(str(finished))
    assert [f for f in findings if not f.ok] == []
    said = {f.statement: f.detail for f in findings}
    ids = pl.read_parquet(finished / "mixture" / "*" / "*.parquet")[c.DOC_ID].n_unique()
    assert said[APART] == (
        f"{ids} documents, 0 pairs of the same text or nearly so, 0 with an evaluation item"
    )


def test_verify_finds_what_a_guard_overlooked(finished: Path, tmp_path: Path) -> None:
    """A mixture into which somebody put back what was left out."""
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    gone = dict(zip(named(out, guarded.read(str(out))[c.DOC_ID]), guarded.read(str(out))[c.DOC_ID],
                    strict=True))  # fmt: skip
    file = min(out.glob("mixture/train/*.parquet"))
    back = [gone["same"], gone["asked"]]
    frame = pl.read_parquet(file)
    swapped = pl.Series(c.DOC_ID, back + frame[c.DOC_ID].to_list()[2:])
    frame.with_columns(swapped).write_parquet(file)
    said = {f.statement: f.detail for f in verify(str(out)) if not f.ok}
    assert said[ABSENT] == "4 left out, 2 of them there"
    assert "1 pairs of the same text" in said[APART]
    assert said[APART].endswith("1 with an evaluation item")


def test_where_dedup_compared_everything_nothing_is_found(tmp_path: Path) -> None:
    recipe = sources(tmp_path / "in", extra='\n[decontaminate]\naction = "drop"\n')
    first = run(recipe, tmp_path / "out")
    assert first.stages["guard"].rows_out == 0
    told = details(tmp_path / "out")
    assert told["left_out"] == []
    decided = {(r[c.SOURCE], r[c.DROP_REASON]): r["documents"] for r in told["decided"]}
    assert decided == {
        ("laws", EVAL_ITEM): 1,
        ("books", "near_duplicate"): 1,
        ("news", EVAL_ITEM): 1,
        ("news", "exact_duplicate"): 1,
    }
    again = run(recipe, tmp_path / "out")
    assert again.stages["guard"].shards_reused == 1
    assert sum(s.shards_written for s in again.stages.values()) == 0


def test_switched_off_it_leaves_nothing_out_and_nothing_behind(
    finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    guardless = sources(tmp_path / "in", extra="guard = false\n" + NOTHING_DROPPED)
    stages = run(guardless, out).stages
    assert "guard" not in stages
    assert "asked-too" in rows(out)
    assert not (out / "guard").exists()
    assert [f for f in verify(str(out)) if not f.ok] == []
    run(sources(tmp_path / "in", extra=NOTHING_DROPPED), out)
    assert rows(out) == rows(finished)
    run(sources(tmp_path / "in", extra="guard = false\n" + NOTHING_DROPPED), out)
    assert not (out / "guard").exists()
    assert "asked-too" in rows(out)


def test_without_minhash_only_equal_texts_are_found(tmp_path: Path) -> None:
    recipe = sources(
        tmp_path / "in", extra=NOTHING_DROPPED + "\n[signals]\nminhash = false\n", evals=""
    )
    run(recipe, tmp_path / "out", goal="replay")
    assert named(tmp_path / "out", guarded.read(str(tmp_path / "out"))[c.DOC_ID]) == ["same"]
    assert not guarded.said(str(tmp_path / "out"))["guard"]["near"]


def test_an_exempt_source_is_spared_and_counted(tmp_path: Path) -> None:
    extra = NOTHING_DROPPED + '\n[decontaminate]\naction = "report"\nexempt = ["laws"]\n'
    run(sources(tmp_path / "in", extra=extra), tmp_path / "out", goal="replay")
    gone = set(named(tmp_path / "out", guarded.read(str(tmp_path / "out"))[c.DOC_ID]))
    assert gone == {"same", "nearly", "asked"}
    assert guarded.said(str(tmp_path / "out"))["guard"]["spared"] == {"laws": 1}


def test_held_out_documents_have_no_twin_in_training(tmp_path: Path) -> None:
    recipe = sources(tmp_path / "in", extra=NOTHING_DROPPED, evals="")
    laws = corpora.records("laws", 40)
    twins = [{"id": f"{r['id']}-twin", "text": r["text"] + "\nOne more."} for r in laws]
    corpora.write_shards(tmp_path / "in" / "laws", laws + twins, 2)
    run(recipe, tmp_path / "out")
    out = tmp_path / "out"
    left = guarded.read(str(out)).filter(pl.col(c.REASON) == IN_TRAINING)
    train, valid = (
        pl.read_parquet(out / "mixture" / split / "*.parquet")[c.TEXT]
        for split in ("train", "validation")
    )
    assert set(train.str.strip_suffix("\nOne more.")).isdisjoint(
        valid.str.strip_suffix("\nOne more.")
    )
    assert set(left[c.SPLIT]) <= {"valid"}
    assert [f for f in verify(str(out)) if not f.ok] == []


def test_a_table_that_somebody_changed_is_noticed(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    at = out / "guard" / guarded.FILE
    pl.read_parquet(at).head(1).write_parquet(at)
    with pytest.raises(ManifestError, match=r"left_out\.parquet.*found out again"):
        guarded.read(str(out))
    assert any("guard" in f.statement for f in verify(str(out)) if not f.ok)
