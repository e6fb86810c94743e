"""``openmoat trace``: a document's whole life, in each of its forms."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from schemas import columns as c
from schemas.errors import ConfigError, ManifestError
from schemas.guard import IN_NEW
from schemas.manifest import Shard
from schemas.mixture import PACKED
from schemas.tables import conform
from tasks import ledger, placing, storage
from tasks.hashing import table_digest
from tasks.inspection import inspect
from tasks.recipe import load
from tasks.tracing import trace
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.tracing import Life

pytestmark = pytest.mark.usefixtures("prefect")

EXTRA = """
[dedup]
exact = false
near = false

[select.opt_out]
ids = "opted.txt"
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    from flows.pipeline import pipeline

    folder = tmp_path_factory.mktemp("traced")
    news, laws = corpora.records("news", 40), corpora.records("laws", 30)
    news.append({"id": "same", "text": laws[0]["text"]})
    news[3]["text"] += "\r\nwith another end of line\x07."
    corpora.write_shards(folder / "news", news, 2)
    corpora.write_shards(folder / "books", corpora.records("books", 40), 2)
    corpora.write_shards(folder / "laws", laws, 2)
    (folder / "opted.txt").write_text("news-7\n")
    recipe = corpora.recipe(folder, extra=EXTRA)
    pipeline(load(str(recipe)), str(folder / "out"))
    return folder / "out"


def life(out: Path, asked: str) -> Life:
    (found,) = trace(str(out), asked).documents
    return found


def rows(out: Path) -> pl.DataFrame:
    parts = [
        pl.read_parquet(out / "mixture" / s.file)
        .with_row_index("in_row")
        .with_columns(shard=pl.lit(f"mixture/{s.file}"))
        for s in ledger.read(str(out), "mixture").shards
    ]
    return pl.concat(parts)


def test_every_row_of_the_mixture_is_found_where_it_stands(out: Path) -> None:
    for row in rows(out).iter_rows(named=True):
        (place,) = placing.placed(str(out), ledger.read(str(out), "mixture").shards, row[c.DOC_ID])
        assert (place.shard, place.row, place.position, place.tokens) == (
            row["shard"],
            row["in_row"],
            row[c.POSITION],
            row[c.TOKENS],
        )


def test_a_replay_document_from_its_file_to_its_row(out: Path) -> None:
    drawn = pl.read_parquet(out / "replay" / "drawn.parquet")
    rank = 5
    row = drawn.row(rank - 1, named=True)
    found = life(out, row[c.DOC_ID])
    read = found.input
    assert read is not None
    assert read.url == found.document.location
    assert read.digest
    assert read.size
    (place,) = found.drawn
    assert (place.split, place.rank, place.tokens) == ("train", rank, row[c.TOKENS])
    assert place.of == (drawn[c.SPLIT] == "train").sum()
    assert [one.split for one in found.mixture] == ["train"]
    digests = {s.digest for s in ledger.read(str(out), "mixture").shards}
    assert {one.digest for one in found.mixture} <= digests
    assert found.guarded
    assert found.left_out is None
    assert [(one.kind, one.entries) for one in found.opt_out_lists] == [("ids", 1)]
    assert found.opt_out_lists[0].digest


def test_one_that_the_guard_left_out(out: Path) -> None:
    found = life(out, "same")
    assert found.left_out is not None
    assert (found.left_out.reason, found.left_out.level) == (IN_NEW, "exact")
    assert found.left_out.matched_id == life(out, "laws-0").document.doc_id
    assert not found.drawn
    assert not found.mixture
    (note,) = found.document.notes
    assert note.startswith("left out by the guard: it is replay, and new data has it: laws, ")
    assert found.cluster is not None
    assert found.cluster.documents == 2
    assert found.cluster.others == (found.left_out.matched_id,)


def test_what_normalisation_changed_and_who_opted_out(out: Path) -> None:
    assert life(out, "news-3").changes == {"controls": 1}
    gone = life(out, "news-7")
    assert gone.document.keep is False
    assert not gone.mixture
    assert [reason.name for reason in gone.document.reasons] == ["opt_out"]


def test_a_conversation_that_the_template_refuses_is_told_as_such(tmp_path: Path) -> None:
    from flows.pipeline import pipeline

    asked = {"role": "user", "content": "Where do herons sleep?"}
    said = {"role": "assistant", "content": corpora.prose("herons", 40)}
    chats = [{"id": "whole", "messages": [asked, said]}, {"id": "asked", "messages": [asked]}]
    recipe = corpora.three_sources(tmp_path / "in")
    corpora.write_jsonl(tmp_path / "in" / "chats.jsonl", chats)
    source = 'name = "chats"\nurl = "chats.jsonl"\nformat = "chat"\norigin = "new"\n'
    text = recipe.read_text().replace("[select]", f"[[ingest.sources]]\n{source}\n[select]")
    text = text.replace("= 400", '= 400\nchat_template = "chatml"')
    recipe.write_text(text + "max_refused_share = 1.0\n")
    pipeline(load(str(recipe)), str(tmp_path / "out"))
    notes = life(tmp_path / "out", "asked").document.notes
    assert notes == ("left out of replay and mixture: no turn of the assistant",)
    assert life(tmp_path / "out", "whole").mixture


def command(*arguments: object) -> str:
    from flows import cli

    result = CliRunner().invoke(cli.app, ["trace", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


def test_it_is_told_in_words_and_as_json(out: Path) -> None:
    first = rows(out).row(0, named=True)
    said = command(first[c.DOC_ID], out)
    for heading in ("Input", "Rights", "Guard", "In the mixture", "Begins"):
        assert f"\n{heading}\n" in said
    assert "position 0, epoch 0: row 0 of mixture/train/train-00000" in said
    assert "opt-out ids  1 entries, digest" in said
    said = command("same", out)
    assert "left out: it is replay, and new data has it: laws, " in said
    assert "\nNote\n" not in said
    body = json.loads(command(first[c.DOC_ID], out, "--json").splitlines()[-1])
    assert body["documents"][0]["mixture"][0]["position"] == 0


def test_an_id_that_is_not_there_is_told_with_those_near_it(out: Path) -> None:
    known = life(out, "laws-1").document.doc_id
    near = ("0" if known[0] != "0" else "1") + known[1:]
    with pytest.raises(ConfigError, match=rf"an id that none of .* Near it: {known}"):
        trace(str(out), near)


def test_a_mixture_that_was_moved_away_is_no_run(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out / "mixture", tmp_path / "moved")
    with pytest.raises(ManifestError, match=r"moved: got no run\.json in it, wanted the fold"):
        trace(str(tmp_path / "moved"), "laws-0")


@pytest.mark.parametrize("last", ["ingest", "signals", "select", "guard", "replay"])
def test_it_works_after_any_stage(out: Path, tmp_path: Path, last: str) -> None:
    copy = tmp_path / "out"
    shutil.copytree(out, copy)
    run = json.loads((copy / "run.json").read_bytes())
    order = list(ledger.FOLDERS)
    for stage in order[order.index(last) + 1 :]:
        shutil.rmtree(copy / ledger.FOLDERS[stage], ignore_errors=True)
        run["stages"].pop(stage, None)
    (copy / "run.json").write_text(json.dumps(run))
    first = rows(out).filter(pl.col(c.ORIGIN) == "replay")[c.DOC_ID][0]
    found = life(copy, first)
    assert found.input is not None
    assert found.mixture == ()
    assert bool(found.drawn) == (last == "replay")
    assert "the same command as before goes on with the run" in found.document.notes
    assert command(first, copy)


def packed(out: Path, ids: list[str]) -> None:
    """Put packed rows in the place of the mixture's first shard: one document in three pieces."""
    first, other = ids
    given: list[dict[str, Any]] = [
        {"doc_id": [other, first], c.TOKENS: [3, 4], c.TOKEN_START: [0, 0], c.ENDS: [True, False]},
        {"doc_id": [first, other], c.TOKENS: [2, 5], c.TOKEN_START: [4, 0], c.ENDS: [True, False]},
        {"doc_id": [first], c.TOKENS: [6], c.TOKEN_START: [0], c.ENDS: [True]},
    ]
    told: list[dict[str, Any]] = []
    for position, row in enumerate(given):
        n = len(row["doc_id"])
        size = sum(row[c.TOKENS]) + sum(row[c.ENDS])
        told.append({
            **row, c.INPUT_IDS: [1] * size, c.ATTENTION_MASK: [1] * size, c.LABELS: [1] * size,
            c.ORIGIN: "new", c.EPOCH: int(position == 2), c.POSITION: position,
            c.KIND: ["text"] * n, c.SOURCE: ["laws"] * n, c.LICENSE: [None] * n,
            c.SUPERVISED: row[c.TOKENS], c.WEIGHT: [1.0] * n, c.START: [None] * n,
            c.END: [None] * n, c.SOURCE_CLASS: [None] * n, c.CONDITION_PREFIX: [None] * n,
            c.LOSS_WEIGHT: [1.0] * n,
        })  # fmt: skip
    table = conform(pa.Table.from_pylist(told, PACKED), PACKED)
    manifest = ledger.read(str(out), "mixture")
    name = manifest.shards[0].file
    shard = Shard(file=name, rows=table.num_rows, digest=table_digest(table))
    storage.write_table(str(out / "mixture" / name), table, PACKED, shard=shard)
    ledger.finish(str(out), manifest.model_copy(update={"shards": (shard,)}))


def test_pieces_of_packed_rows_and_epochs(out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "out"
    shutil.copytree(out, copy)
    new = rows(out).filter(pl.col(c.ORIGIN) == "new")[c.DOC_ID].to_list()
    packed(copy, new[:2])
    found = life(copy, new[0])
    names = ("position", "epoch", "piece", "token_start", "first", "last", "ends")
    assert [tuple(getattr(one, name) for name in names) for one in found.mixture] == [
        (0, 0, 1, 0, 4, 8, False),
        (1, 0, 0, 4, 0, 3, True),
        (2, 1, 0, 0, 0, 7, True),
    ]
    said = command(new[0], copy)
    assert "piece 2 at ids 4 to 8: its tokens 0 to 4" in said
    assert "its tokens 4 to 6 and the end-of-text token" in said
    (document,) = inspect(str(copy), new[0]).documents
    written = document.written["mixture"]
    assert (written.row, written.position, written.tokens, written.more) == (0, 0, 6, 0)
