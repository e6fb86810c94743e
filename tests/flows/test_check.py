"""``openmoat check`` and ``trace`` on mixtures that the flow made, in each format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from schemas import columns as c
from tasks import checking, ledger, tokens, tracing
from tasks.checking import Asked, check
from tasks.mixture import checks
from tasks.recipe import load
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("prefect")

ROW = 128


def run(folder: Path, keys: str) -> Path:
    from flows.pipeline import pipeline

    recipe = corpora.three_sources(folder / "in")
    body = recipe.read_text().replace("[tokenizer]", '[tokenizer]\nchat_template = "chatml"')
    recipe.write_text(body + keys)
    pipeline(load(str(recipe)), str(folder / "out"))
    return folder / "out"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    return run(folder, f'format = "tokens"\nrow_tokens = {ROW}\nepochs = 2\n')


def wrong(out: Path, asked: Asked) -> dict[str, str]:
    return {f.statement: f.detail for f in check(str(out), asked) if not f.ok}


@pytest.mark.parametrize("format_", ["text", "messages", "tokens"])
def test_what_the_flow_makes_can_be_trained_on(tmp_path: Path, format_: str) -> None:
    out = run(tmp_path, f'format = "{format_}"\n')
    asked = Asked(max_length=4096, tokenizer=str(out / "tokenizer"))
    assert wrong(out, asked) == {}
    assert wrong(out / "mixture", asked) == {}


def test_packed_rows_fill_a_context_and_no_smaller_one(packed: Path) -> None:
    tokenizer = str(packed / "tokenizer")
    assert wrong(packed, Asked(ROW, tokenizer)) == {}
    assert list(wrong(packed, Asked(ROW - 1, tokenizer))) == [
        checks.LONG.format(max_length=ROW - 1)
    ]
    held = {f.statement for f in check(str(packed), Asked(ROW, tokenizer))}
    assert {checking.TOKENIZER, checking.SHARDS, checks.ODD} <= held


def test_the_pieces_that_trace_names_are_the_documents_tokens(packed: Path) -> None:
    model = tokens.load((packed / "tokenizer" / "tokenizer.json").read_bytes(), where="tests")
    end = model.id_of(tokens.END_OF_TEXT)
    documents = pl.read_parquet(packed / "documents" / "*.parquet", columns=[c.DOC_ID, c.TEXT])
    texts = dict(documents.iter_rows())
    shards = ledger.read(str(packed), "mixture").shards
    ids = {f"mixture/{s.file}": pl.read_parquet(packed / "mixture" / s.file)[c.INPUT_IDS]
           for s in shards}  # fmt: skip
    rows = pl.read_parquet(packed / "mixture" / "train" / "*.parquet")
    some = rows.filter(pl.col(c.ORIGIN) == "new")[c.DOC_ID].explode().unique().sort().to_list()
    for doc_id in [*some[:5], rows.filter(pl.col(c.ORIGIN) == "replay")[c.DOC_ID][0][0]]:
        (life,) = tracing.trace(str(packed), doc_id).documents
        wanted = [*tokens.ids(model, [texts[doc_id]])[0], end]
        epochs = {place.epoch for place in life.mixture}
        assert epochs == ({0, 1} if life.document.origin == "new" else {0})
        for epoch in epochs:
            places = sorted(
                (p for p in life.mixture if p.epoch == epoch), key=lambda p: p.token_start or 0
            )
            found = [i for p in places for i in ids[p.shard][p.row].to_list()[p.first : p.last]]
            assert found == wanted
