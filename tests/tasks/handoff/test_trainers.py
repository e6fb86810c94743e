"""Trainers that people use, started from the files beside a mixture: which rows they train on.

Each has an environment of its own (:mod:`tests.trainers`), a small model with random weights and
real text: articles as replay, German laws and Alpaca's conversations as new data.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tokenizers import Tokenizer

from schemas.mixture import NO_LOSS
from tasks import storage, tokens
from tasks.recipe import load
from tests import corpora
from tests.mixtures import Document, encoded
from tests.real_data import real_data, real_texts
from tests.trainers import run

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.slow
STEPS, ROWS = 3, 18
"""Batches, and rows of each: 54 in all."""
SIZE = 256
SOURCE = """
[[ingest.sources]]
name = "{name}"
url = "{folder}/{name}.jsonl"
loss_weight = 0.5
{more}
"""
MORE = {"articles": "", "laws": 'origin = "new"', "alpaca": 'origin = "new"\nformat = "chat"'}
Batches = list[dict[str, Any]]
Record = dict[str, Any]
Made = Any


def short(file: str, *, most: int, n: int) -> list[str]:
    return [text for text in real_texts(file) if 200 < len(text) < most][:n]


@pytest.fixture(scope="module")
def sources() -> dict[str, list[Record]]:
    """Records of up to 2,000 characters."""
    old = short("dolma/documents/wiki/part-00000.jsonl.gz", most=2000, n=20)
    old += short("dolma/documents/news/part-00000.jsonl.gz", most=2000, n=20)
    laws = short("german/laws/part-00000.jsonl.gz", most=2000, n=30)
    alpaca = json.loads((real_data() / "instruct/llamafactory/alpaca_en_demo.json").read_text())
    turns = [
        [
            {"role": "user", "content": f"{one['instruction']}\n{one['input']}".strip()},
            {"role": "assistant", "content": one["output"]},
        ]
        for one in alpaca[:80]
    ]
    return {
        "articles": [{"text": text} for text in old],
        "laws": [{"text": text} for text in laws],
        "alpaca": [{"messages": own} for own in turns],
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def tokenizer(sources: dict[str, list[Record]], home: Path) -> Tokenizer:
    """Of few tokens, so that the model is small; those of ChatML among them."""
    texts = [json.dumps(one, ensure_ascii=False) for own in sources.values() for one in own]
    found = Tokenizer.from_buffer(tokens.train(texts, vocab_size=2_000))
    found.add_special_tokens(["<|im_start|>", "<|im_end|>", "<|padding|>"])
    found.save(str(home / "tokenizer.json"))
    return found


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer, home: Path) -> Path:
    run("trl", "tiny.py", home / "tokenizer.json", home / "model", cwd=home, home=home)
    return home / "model"


@pytest.fixture(scope="module")
def made(sources: dict[str, list[Record]], tokenizer: Tokenizer, home: Path, prefect: None) -> Made:
    """Make a mixture of all sources, or of one; return the folder of its files."""
    from flows.pipeline import pipeline

    for name, records in sources.items():
        corpora.write_jsonl(home / f"{name}.jsonl", records)
    found: dict[Any, Path] = {}

    def make(row_format: str, size: int | None = None, only: str | None = None) -> Path:
        key = (row_format, size, only)
        if key not in found:
            out = home / f"out-{len(found)}"
            at = home / f"recipe-{len(found)}.toml"
            at.write_text(recipe(home, row_format, size, only))
            pipeline(load(str(at)), str(out))
            found[key] = out / "mixture" / "trainers"
        return found[key]

    return make


def recipe(home: Path, row_format: str, size: int | None, only: str | None) -> str:
    """Return a recipe in which every loss weight is a half."""
    names = ["articles", "laws", "alpaca"] if only is None else [only]
    return f"""
name = "trained-on"
{"".join(SOURCE.format(name=name, folder=home, more=MORE[name]) for name in names)}
[select]
valid_share = 0.05
exempt = {json.dumps(names)}
[tokenizer]
path = "{home}/tokenizer.json"
chat_template = "chatml"
end_of_text = "<|endoftext|>"
{"[replay]" if only is None else ""}
{"shares = { articles = 1.0 }" if only is None else ""}
[mixture]
replay_share = {0.1 if only is None else 0.0}
format = "{row_format}"
{"" if size is None else f"row_tokens = {size}"}
"""


def rows(files: Path, *columns: str) -> list[dict[str, Any]]:
    """Training rows of a mixture as they stand."""
    shards = sorted((files.parent / "train").glob("*.parquet"))
    return [r for s in shards for r in storage.read_table(str(s), columns or None).to_pylist()]


def trained(files: Path, home: Path, name: str, program: str, *args: object) -> Batches:
    """Run a trainer's program from the folder of the files; return the batches it trained on."""
    seen = files / f"seen-{len(list(files.iterdir()))}.jsonl"
    run(name, "seen.py", seen, program, *args, cwd=files, home=home)
    return [json.loads(line) for line in seen.read_text().splitlines()]


def options(model: Path, files: Path, *more: str) -> list[object]:
    """Options of the scripts, which are those of TrainingArguments."""
    return [
        *("--model", model, "--output_dir", files / "out", "--max_steps", STEPS),
        *("--per_device_train_batch_size", ROWS, "--use_cpu", "True", "--report_to", "none"),
        *("--save_strategy", "no", "--bf16", "False", *more),
    ]


def seen_rows(batches: Batches) -> list[tuple[list[int], list[int]]]:
    """Ids and labels of each row of the batches, without what pads it to the longest."""
    found = []
    for batch in batches:
        for i, ids in enumerate(batch["input_ids"]):
            n = sum(batch["attention_mask"][i])
            found.append((ids[:n], batch["labels"][i][:n]))
    return found


def check_ids(
    batches: Batches, files: Path, *, whole: bool = False, counted: int | None = 1
) -> None:
    """Check each row, in order, and the tokens that losses are the mean of.

    ``whole``: what pads a packed row is seen as if it were of the row; it has no loss. ``counted``:
    from which place of a row on, before the loss is taken: transformers leaves out a row's first
    token, which nothing predicts, and did not always. None: nothing is, the loss is the mean over
    a batch's labels.
    """
    expected = rows(files, "input_ids", "labels", "attention_mask")[: STEPS * ROWS]
    filled = [len(r["input_ids"]) if whole else sum(r["attention_mask"]) for r in expected]
    pairs = zip(expected, filled, strict=True)
    assert seen_rows(batches) == [(r["input_ids"][:n], r["labels"][:n]) for r, n in pairs]
    assert len(seen_rows(batches)) == STEPS * ROWS
    learned = [sum(label != NO_LOSS for label in r["labels"][counted:]) for r in expected]
    per_step = [sum(learned[i : i + ROWS]) for i in range(0, len(learned), ROWS)]
    assert [batch["n"] for batch in batches] == ([None] * STEPS if counted is None else per_step)


SIZES = pytest.mark.parametrize("size", [None, SIZE])


@SIZES
def test_transformers(made: Made, model: Path, home: Path, size: int | None) -> None:
    files = made("tokens", size)
    args = options(model, files)
    plain = trained(files, home, "trl", "transformers_trainer.py", *args)
    check_ids(plain, files)
    weighed = trained(files, home, "trl", "transformers_trainer.py", *args, "--loss_weights")
    check_ids(weighed, files)
    # All weights are a half; what is learned of the first batch shows from the second one on.
    assert weighed[0]["loss"] == pytest.approx(0.5 * plain[0]["loss"], rel=1e-4)


@SIZES
def test_trl(made: Made, model: Path, home: Path, size: int | None) -> None:
    files = made("tokens", size)
    batches = trained(files, home, "trl", "trl_sft.py", *options(model, files))
    check_ids(batches, files, whole=True)


def test_trl_packs_without_loss(made: Made, model: Path, home: Path) -> None:
    files = made("tokens")
    more = ("--packing", "True", "--max_length", "64", "--max_steps", "-1")
    batches = trained(files, home, "trl", "trl_sft.py", *options(model, files, *more))
    found = sorted(i for batch in batches for ids in batch["input_ids"] for i in ids)
    assert found == sorted(i for row in rows(files, "input_ids") for i in row["input_ids"])


def axolotl(files: Path, model: Path, home: Path) -> Batches:
    return trained(
        *(files, home, "axolotl", "axolotl.cli.train", "axolotl.yaml"),
        *(f"--base_model={model}", f"--max_steps={STEPS}", f"--micro_batch_size={ROWS}"),
        *("--gradient_accumulation_steps=1", "--bf16=false"),
    )


@SIZES
def test_axolotl(made: Made, model: Path, home: Path, size: int | None) -> None:
    files = made("tokens", size)
    check_ids(axolotl(files, model, home), files, counted=None)


def llamafactory(files: Path, model: Path, home: Path) -> Batches:
    if not (files / "dataset_info.json").exists():
        said = (files / "llamafactory.yaml").read_text()
        (files / "save.py").write_text(said.split("python -c '")[1].split("'")[0])
        run("llamafactory", "seen.py", "none", "save.py", cwd=files, home=home)
    return trained(
        *(files, home, "llamafactory", "llamafactory.launcher", "llamafactory.yaml"),
        *(f"model_name_or_path={model}", f"max_steps={STEPS}", "use_cpu=true"),
        *(f"per_device_train_batch_size={ROWS}", "gradient_accumulation_steps=1"),
        *("report_to=none",),
    )


@SIZES
def test_llamafactory(made: Made, model: Path, home: Path, size: int | None) -> None:
    files = made("tokens", size)
    check_ids(llamafactory(files, model, home), files, counted=0)


def texts(files: Path, tokenizer: Tokenizer) -> list[list[int]]:
    """Ids of each training row of text, as a trainer that tokenizes it gives them."""
    end = int(tokenizer.token_to_id(tokens.END_OF_TEXT) or 0)
    found = [row["text"] for row in rows(files, "text")]
    return [[*tokenizer.encode(t, add_special_tokens=False).ids, end] for t in found if t]


def conversations(files: Path, tokenizer: Tokenizer) -> list[tuple[list[int], list[int]]]:
    """Ids and labels of each training row of turns."""
    turns = [row["messages"] for row in rows(files, "messages")]
    return [encoded(Document("", own), tokenizer) for own in turns if own]


TOKENIZING = pytest.mark.parametrize("start", ["trl", "axolotl", "llamafactory"])


def started(start: str, files: Path, model: Path, home: Path, *more: str) -> Batches:
    if start == "trl":
        return trained(files, home, "trl", "trl_sft.py", *options(model, files, *more))
    return (axolotl if start == "axolotl" else llamafactory)(files, model, home)


@TOKENIZING
def test_text(made: Made, model: Path, home: Path, tokenizer: Tokenizer, start: str) -> None:
    files = made("text")
    expected = texts(files, tokenizer)[: STEPS * ROWS]
    seen = seen_rows(started(start, files, model, home))
    assert seen == [(ids, ids) for ids in expected]


def test_torchtitan(made: Made, model: Path, home: Path, tokenizer: Tokenizer) -> None:
    files = made("text")
    run("torchtitan", "titan.py", "seen", model, 64, ROWS, 4, cwd=files, home=home)
    batches = [json.loads(line) for line in (files / "seen").read_text().splitlines()]
    documents = texts(files, tokenizer)
    streams = {"input_ids": slice(None, -1), "labels": slice(1, None)}
    for name, part in streams.items():
        seen = [i for batch in batches for row in batch[name] for i in row]
        expected = [i for ids in documents for i in ids[part]]
        assert seen == expected[: 4 * ROWS * 64]


@TOKENIZING
def test_conversations(
    made: Made, model: Path, home: Path, tokenizer: Tokenizer, start: str
) -> None:
    files = made("messages", None, "alpaca")
    seen = seen_rows(started(start, files, model, home))
    expected = conversations(files, tokenizer)[: STEPS * ROWS]
    assert [ids for ids, _ in seen] == [ids for ids, _ in expected]
    for (_, labels), (_, wanted) in zip(seen, expected, strict=True):
        learned = [i for i, label in enumerate(wanted) if label != NO_LOSS]
        assert all(labels[i] == wanted[i] for i in learned)
        if start == "trl":  # the others learn the line's end behind a turn, too
            assert labels == wanted


def test_axolotl_mixes_conversations_and_text(
    made: Made, model: Path, home: Path, tokenizer: Tokenizer
) -> None:
    files = made("messages")
    seen = [ids for ids, _ in seen_rows(axolotl(files, model, home))]
    chat = [ids for ids, _ in conversations(files, tokenizer)]
    text = texts(files, tokenizer)
    assert all(ids in chat or ids in text for ids in seen)
    assert any(ids in chat for ids in seen)
    assert any(ids in text for ids in seen)


@pytest.mark.parametrize("view", ["chat", "text"])
def test_trl_takes_them_apart(
    made: Made, model: Path, home: Path, tokenizer: Tokenizer, view: str
) -> None:
    files = made("messages")
    seen = [ids for ids, _ in seen_rows(started("trl", files, model, home, "--view", view))]
    chat = [ids for ids, _ in conversations(files, tokenizer)]
    expected = chat if view == "chat" else texts(files, tokenizer)
    # What is left over of a round comes first in the next one.
    assert seen == (expected * STEPS)[: len(seen)]
