"""A mixture that the flow made, in many shards: read, dealt out and exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from schemas import columns as c
from tasks import exporting, ledger
from tasks.reader import Reader
from tasks.recipe import load
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("prefect")
KEYS = 'format = "tokens"\nrow_tokens = 64\nshard_mb = 0.004\nrow_group_mb = 0.001\n'


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> str:
    from flows.pipeline import pipeline

    folder = tmp_path_factory.mktemp("reading")
    corpora.three_sources(folder)
    at = corpora.recipe(folder, extra=KEYS)
    pipeline(load(str(at)), str(folder / "out"))
    return str(folder / "out")


def test_rows_come_in_their_order_from_all_shards(out: str) -> None:
    assert len(ledger.read(out, "mixture").shards) > 4
    for split in ("train", "validation"):
        own = Reader(out, split, columns=[c.POSITION, c.INPUT_IDS, c.DOC_ID])
        wanted = pl.read_parquet(f"{out}/mixture/{split}/*.parquet")
        found = list(own)
        assert [row[c.POSITION] for row in found] == list(range(wanted.height)) != []
        assert [row[c.INPUT_IDS].tolist() for row in found] == wanted[c.INPUT_IDS].to_list()
        assert [row[c.DOC_ID] for row in found] == wanted[c.DOC_ID].to_list()


def test_a_later_epoch_keeps_what_holds_of_shares(out: str) -> None:
    columns = [c.POSITION, c.ORIGIN]
    first = [row[c.ORIGIN] for row in Reader(out, columns=columns)]
    assert {"replay", "new"} == set(first)
    for epoch in (1, 2):
        rows = list(Reader(out, columns=columns, epoch=epoch))
        assert [row[c.ORIGIN] for row in rows] == first
        places = [row[c.POSITION] for row in rows]
        assert sorted(places) == list(range(len(first)))
        assert places != list(range(len(first)))


def test_tokens_of_an_export_are_those_of_the_manifest(out: str, tmp_path: Path) -> None:
    achieved = ledger.read(out, "mixture").details["achieved"]
    said = exporting.export(out, str(tmp_path / "olmo"), to="olmo")
    plain = exporting.export(out, str(tmp_path / "megatron"), to="megatron")
    assert plain.splits == said.splits  # all of it is text, so no mask is lost
    for split, own in said.splits.items():
        rows = pl.read_parquet(f"{out}/mixture/{split}/*.parquet")
        ends = int(rows[c.ENDS].explode().sum())
        assert own.tokens == own.learned == achieved[split]["tokens"] + ends
        ids = np.fromfile(tmp_path / "olmo" / split / "input_ids.npy", said.dtype)
        assert len(ids) == own.tokens
