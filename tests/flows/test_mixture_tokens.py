"""A mixture by a model's own tokenizer and template: long texts cut, masks, refused rows."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from schemas.mixture import LAYOUT, Layout
from tasks import kept_ids, ledger, tokenizer_files
from tasks.recipe import load
from tasks.verify import verify
from tests import corpora
from tests.real_data import real_data

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("prefect")

MISTRAL = "tokenizers/mistral_common/mistral_instruct_tokenizer_240323.model.v3"
TEMPLATE = """
{%- if messages[0].content.startswith('refuse') %}{{ raise_exception('as asked') }}{% endif -%}
{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]
{%- else %}{% generation %} {{ m.content }}{{ eos_token }}{% endgeneration %}{% endif %}
{%- endfor %}"""
RECIPE = """
[[ingest.sources]]
name = "chat"
url = "chat.jsonl"
format = "chat"
origin = "new"

[[ingest.sources]]
name = "novels"
url = "novels.jsonl"
origin = "new"

[masking]
kinds = ["email"]

[replay]"""


def turns(*contents: str) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": t} for i, t in enumerate(contents)]}


@pytest.fixture
def given(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    corpora.three_sources(folder)
    model = folder / "model"
    model.mkdir()
    shutil.copy(real_data() / MISTRAL, model / "tokenizer.model")
    (model / "chat_template.jinja").write_text(TEMPLATE)
    mail = "Write to jane.doe@mail.org, she knows."
    chats = [
        turns(f"{i}: {corpora.prose(('q', i), 20)}", f"{mail} {corpora.prose(('a', i), 30)}")
        for i in range(40)
    ]
    refused = [turns(f"refuse {corpora.prose(('r', i), 25)}", "no") for i in range(3)]
    corpora.write_jsonl(folder / "chat.jsonl", [*chats, *refused])
    books = ["\n\n".join(corpora.prose((i, k), 40) for k in range(20)) for i in range(5)]
    corpora.write_jsonl(folder / "novels.jsonl", [{"text": f"{mail}\n\n{b}"} for b in books])
    return folder


def test_a_mixture_of_a_models_tokens(given: Path, tmp_path: Path) -> None:
    from flows.pipeline import pipeline

    at = corpora.recipe(given)
    body = at.read_text().replace("[replay]", RECIPE)
    start = body.index("[tokenizer]")
    rest = body[start:].partition("\n[")[2]
    tokenizer = '[tokenizer]\npath = "model"\nchat_template = "model"\n\n['
    body = body[:start] + tokenizer + rest
    mixed = '[mixture]\nformat = "tokens"\nmax_doc_tokens = 128\n'
    at.write_text(body.replace("[mixture]", mixed))
    out = tmp_path / "out"
    pipeline(load(str(at)), str(out))
    assert [str(f) for f in verify(str(out)) if not f.ok] == []

    said = Layout.model_validate(ledger.read(str(out), "mixture").details[LAYOUT]).tokenizer
    assert (said.kind, said.end_of_text, said.end_id) == ("sentencepiece", "</s>", 2)
    found = pl.read_parquet(out / "mixture" / "*" / "*.parquet")
    text, chat = (found.filter(pl.col("kind") == kind) for kind in ("text", "chat"))
    assert max(text["tokens"]) <= 128
    assert chat.height == 40  # three were refused
    books = text.filter(pl.col("source") == "novels").sort("doc_id", "start")
    assert books.height > 25
    assert books["start"].null_count() == 0
    for own in books.partition_by("doc_id"):
        assert own["start"].to_list() == [0, *own["end"].to_list()[:-1]]
    assert books["text"].str.contains("<EMAIL>").sum() == 5
    for row in chat.iter_rows(named=True):
        ids = row["input_ids"]
        assert (ids[0], ids[1], ids[-1]) == (1, 3, 2)  # <s>, [INST], end of text
        assert "jane" not in str(row["messages"])
        learned = [n for n in row["labels"] if n != -100]
        assert learned[-1] == 2  # it ends the turn and the document,
        assert learned.count(2) == 1  # and stands there once
    parts = list((out / "tokens" / kept_ids.FOLDER).glob("*/*.arrow"))
    assert len(parts) >= 4
    assert tokenizer_files.load(str(out)).digest == said.digest
