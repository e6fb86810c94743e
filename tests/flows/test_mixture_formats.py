"""One mixture in each format: what stands in its rows, proved and read again."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from schemas.mixture import LAYOUT, Layout
from tasks import ledger, tokenizer_files
from tasks.plan import plan
from tasks.recipe import load
from tasks.verify import verify
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.plan import Plan

pytestmark = pytest.mark.usefixtures("prefect")

CHAT = """
[[ingest.sources]]
name = "chat"
url = "{folder}/chat.jsonl"
format = "chat"
origin = "new"
source_class = "expert"
condition_prefix = "[expert] "
loss_weight = 2.5
"""

OLD = CHAT.replace('origin = "new"', "").replace('"chat"', '"old"', 1)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Old documents, new ones and conversations."""
    folder = tmp_path_factory.mktemp("formats")
    corpora.three_sources(folder)
    rows = [
        {"messages": [
            {"role": "system", "content": "Answer in a sentence."},
            {"role": "user", "content": f"{i}: {corpora.prose(('q', i), 30)}"},
            {"role": "assistant", "content": corpora.prose(("a", i), 40 + i)},
        ]}
        for i in range(60)
    ]  # fmt: skip
    corpora.write_jsonl(folder / "chat.jsonl", rows)
    return folder


def run(given: Path, out: Path, *, format: str, **keys: Any) -> Path:  # noqa: A002
    at = corpora.recipe(given)
    body = at.read_text().replace("[replay]", CHAT.format(folder=given) + "\n[replay]")
    body = body.replace("[tokenizer]", '[tokenizer]\nchat_template = "chatml"')
    said = "".join(f"{key} = {value}\n" for key, value in {"format": f'"{format}"', **keys}.items())
    at = at.with_name(f"{out.name}.toml")
    at.write_text(body.replace("[mixture]", f"[mixture]\n{said}"))
    pipeline_of(at, out)
    return out


def pipeline_of(at: Path, out: Path, *, goal: Any = "mixture") -> None:
    from flows.pipeline import pipeline

    pipeline(load(str(at)), str(out), goal=goal)


def rows(out: Path, split: str = "train") -> pl.DataFrame:
    return pl.read_parquet(out / "mixture" / split / "*.parquet")


def proved(out: Path) -> None:
    assert [str(f) for f in verify(str(out)) if not f.ok] == []


def test_packed(given: Path, tmp_path: Path) -> None:
    out = run(given, tmp_path / "out", format="tokens", row_tokens=256, epochs=2)
    proved(out)
    layout = Layout.model_validate(ledger.read(str(out), "mixture").details[LAYOUT])
    found = rows(out)
    assert set(found["input_ids"].list.len()) == {256}
    assert found["position"].to_list() == list(range(found.height))
    pieces = found.explode(
        "doc_id", "kind", "tokens", "ends", "loss_weight", "source_class", "supervised_tokens"
    )
    chat = pieces.filter(pl.col("kind") == "chat")
    assert set(chat["loss_weight"]) == {2.5}
    assert set(chat["source_class"]) == {"expert"}
    assert (chat["supervised_tokens"] < chat["tokens"]).any()
    assert set(pieces.filter(pl.col("kind") == "text")["loss_weight"]) == {1.0}
    assert set(found["epoch"]) == {0, 1}
    tokenizer = tokenizer_files.load(str(out))
    end = layout.tokenizer.end_id
    assert int((found["input_ids"].explode() == end).sum()) >= int(pieces["ends"].sum())
    assert tokenizer.size == layout.tokenizer.size


def test_a_document_a_row_in_every_format(given: Path, tmp_path: Path) -> None:
    """One folder, three recipes one after the other: what was read and decided stays."""
    out = tmp_path / "out"
    orders = []
    for name in ("text", "messages", "tokens"):
        run(given, out, format=name)
        proved(out)
        found = rows(out)
        orders.append(found.select("doc_id", "position", "tokens", "supervised_tokens", "kind"))
        if name == "text":
            chat = found.filter(pl.col("kind") == "chat")["text"]
            assert chat.str.starts_with("<|im_start|>system\n").all()
            assert chat.str.contains("<|im_start|>user\n[expert] ", literal=True).all()
            continue
        assert found.filter(pl.col("kind") == "chat")["text"].null_count() > 10
        turns = found["messages"].drop_nulls().to_list()
        assert [turn["role"] for turn in turns[0]] == ["system", "user", "assistant"]
        assert found["messages"].null_count() == (found["kind"] == "text").sum()
    assert orders[0].equals(orders[1])
    assert orders[0].equals(orders[2])
    assert (found["labels"].list.len() == found["tokens"] + 1).all()
    learned = found["labels"].list.eval(pl.element() != -100).list.sum()
    assert (learned == found["supervised_tokens"] + 1).all()


def test_replay_that_is_drawn_as_passages_of_conversations(given: Path, tmp_path: Path) -> None:
    """A passage is the text of its place, not the whole conversation as it is rendered."""
    out, at = tmp_path / "out", corpora.recipe(given)
    body = at.read_text().replace("[replay]", OLD.format(folder=given) + "\n[replay]")
    body = body.replace("[tokenizer]", '[tokenizer]\nchat_template = "chatml"')
    drawn = 'arm = "random"\nunit = "passages"'
    body = body.replace("shares = { news = 0.6, books = 0.4 }", drawn)
    for name in ("text", "messages", "tokens"):
        at.write_text(body.replace("[mixture]", f'[mixture]\nformat = "{name}"'))
        pipeline_of(at, out)
        proved(out)
        own = rows(out).filter(pl.col("source") == "old")
        assert own.height > 2
        assert set(own["kind"]) == {"text"}
        assert own["start"].null_count() == 0
        assert not own["text"].str.contains("<|im_start|>", literal=True).any()


def test_a_chat_template_that_was_changed_in_its_place(given: Path, tmp_path: Path) -> None:
    out, template = tmp_path / "out", tmp_path / "own.jinja"
    at = corpora.recipe(given)
    body = at.read_text().replace("[replay]", CHAT.format(folder=given) + "\n[replay]")
    at.write_text(body.replace("[tokenizer]", f'[tokenizer]\nchat_template = "{template}"'))
    turn = "{% generation %}{{ m.content }}{% endgeneration %}"
    for mark in ("ONE: ", "TWO: "):
        template.write_text(f"{{% for m in messages %}}{mark}{turn}\n{{% endfor %}}")
        pipeline_of(at, out)
        proved(out)
        chat = rows(out).filter(pl.col("kind") == "chat")["text"]
        assert len(chat) > 10
        assert chat.str.starts_with(mark).all()


def test_counts_that_were_lost_after_the_draw(given: Path, tmp_path: Path) -> None:
    """Replay that is conversations stays so: what was counted of them is counted again."""
    out, at = tmp_path / "out", corpora.recipe(given)
    body = at.read_text().replace("[replay]", OLD.format(folder=given) + "\n[replay]")
    body = body.replace("[tokenizer]", '[tokenizer]\nchat_template = "chatml"')
    body = body.replace("news = 0.6", "news = 0.2, old = 0.4")
    at.write_text(body.replace("[mixture]", '[mixture]\nformat = "tokens"'))
    pipeline_of(at, out, goal="replay")
    shutil.rmtree(out / "tokens")
    pipeline_of(at, out)
    proved(out)
    own = rows(out).filter(pl.col("source") == "old")
    assert set(own["kind"]) == {"chat"}
    assert (own["supervised_tokens"] < own["tokens"]).all()


def test_a_plan_knows_how_often_each_side_is_written(given: Path, tmp_path: Path) -> None:
    at = corpora.recipe(given)
    body = at.read_text()

    def planned(keys: str) -> Plan:
        at.write_text(body.replace("[mixture]", f"[mixture]\n{keys}"))
        return plan(load(str(at)), str(tmp_path / "out"))

    once, again, more = (planned(keys) for keys in ("", "replay_epochs = 5", "epochs = 5"))
    sizes = {s.name: s.disk_bytes for s in once.sources}
    assert again.disk_bytes - once.disk_bytes == 8 * (sizes["news"] + sizes["books"])
    assert more.disk_bytes - once.disk_bytes == 8 * sizes["laws"]
    cut = planned("max_doc_tokens = 128")
    (read,) = set(cut.extra_reads) - set(once.extra_reads)
    assert read == "tokens: once more, documents of more than mixture.max_doc_tokens, to cut them"
    ids = planned('format = "tokens"')
    assert ids.disk_bytes > once.disk_bytes + sum(s.text_bytes for s in once.sources)
