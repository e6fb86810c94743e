"""A recipe's tokenizer is found at its place, kept in the run's folder, and found there again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.config import RunConfig, TokenizerConfig
from schemas.errors import ConfigError, ManifestError
from schemas.mixture import TokenizerSaid
from tasks import preflight, tokenizer_files, tokens
from tasks.steps.tokenizer import provide_tokenizer
from tasks.tokens.beside import Files
from tests.corpora import prose

ROOT = Path(__file__).resolve().parents[2]
BODY = tokens.train([prose(i) for i in range(20)], vocab_size=300)
TEMPLATE = "{% for m in messages %}{{ m.content + eos_token }}{% endfor %}"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's folder, as people download it."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes(BODY)
    config = {"eos_token": "<|endoftext|>", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"not ours")
    return folder


def config(path: Path | str, **keys: Any) -> TokenizerConfig:
    return TokenizerConfig(path=str(path), **keys)


def provide(asked: TokenizerConfig, out: Path) -> tuple[TokenizerSaid, bool]:
    manifest, stood = provide_tokenizer.fn(asked, [], 0, str(out))
    return TokenizerSaid.model_validate(manifest.details["said"]), stood


def test_a_file_and_its_folder_are_the_same(model: Path) -> None:
    found = tokenizer_files.read(config(model))
    assert found == tokenizer_files.read(config(model / "tokenizer.json"))
    assert found.name == "tokenizer.json"
    assert sorted(found.beside) == ["tokenizer_config.json"]


def test_of_several_in_a_folder_the_first_that_is_known_is_taken(tmp_path: Path) -> None:
    for name in ("qwen.tiktoken", "spiece.model", "tokenizer.model", "tekken.json"):
        (tmp_path / name).write_bytes(b"x")
    for name in ("tekken.json", "tokenizer.model", "qwen.tiktoken", "spiece.model"):
        assert tokenizer_files.read(config(tmp_path)).name == name
        (tmp_path / name).unlink()
    with pytest.raises(
        ConfigError, match=r"^tokenizer\.path: got '.*': a folder in which there is none"
    ):
        tokenizer_files.read(config(tmp_path))


def test_a_file_of_any_name_is_found_in_the_folder_of_the_run(tmp_path: Path) -> None:
    at, out = tmp_path / "gpt-neox.json", tmp_path / "out"
    at.write_bytes(BODY)
    said, _ = provide(config(at), out)
    files = tokenizer_files.read(config(out / "tokenizer"))
    assert (files.name, files.body) == ("tokenizer.json", BODY)
    assert tokenizer_files.load(str(out)).digest == said.digest
    assert provide(config(at), out) == (said, True)


@pytest.mark.parametrize(
    ("own", "kind", "there"),
    [
        ("9b5ad71b", "tiktoken", "tokenizer.tiktoken"),
        ("o200k.tiktoken", "tiktoken", "o200k.tiktoken"),
        ("tokenizer.model.v3", "sentencepiece", "tokenizer.model"),
        ("tekken_240911.json", "tekken", "tekken.json"),
    ],
)
def test_a_name_is_kept_by_which_a_file_is_found(own: str, kind: str, there: str) -> None:
    assert tokenizer_files.findable(Files(own, b"", {}), kind) == Files(there, b"", {})


def test_the_run_keeps_the_files_and_what_is_said_of_them(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said, stood = provide(config(model, chat_template="model"), out)
    assert not stood
    assert said.model_dump(exclude={"template_digest", "digest"}) == {
        "kind": "tokenizers",
        "size": 300,
        "end_of_text": "<|endoftext|>",
        "end_id": 0,
        "begin_id": None,
        "padding_id": None,
        "chat_template": "model",
    }
    there = sorted(path.name for path in (out / "tokenizer").iterdir())
    assert there == ["manifest.json", "tokenizer.json", "tokenizer_config.json"]
    assert tokenizer_files.load(str(out)).digest == said.digest
    assert tokenizer_files.of_run(str(out)) == tokenizer_files.read(config(model))
    assert provide(config(model, chat_template="model"), out) == (said, True)


def test_another_tokenizer_leaves_nothing_of_the_one_before(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    provide(config(model), out)
    other = tmp_path / "mine.json"
    other.write_bytes(tokens.train([], vocab_size=257))
    said, _ = provide(config(other), out)
    assert said.end_of_text is None
    assert sorted(p.name for p in (out / "tokenizer").iterdir()) == [
        "manifest.json",
        "tokenizer.json",
    ]
    assert tokenizer_files.load(str(out)).size == 257


def test_what_lies_beside_is_part_of_the_key(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    provide(config(model), out)
    (model / "tokenizer_config.json").write_text('{"eos_token": "a"}')
    said, stood = provide(config(model), out)
    assert (said.end_of_text, stood) == ("a", False)
    said, stood = provide(config(model, end_of_text="b"), out)
    assert (said.end_of_text, stood) == ("b", False)


def test_a_template_of_ones_own_is_kept_beside(model: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.jinja"
    own.write_text("{{ messages[0].content }}")
    said, _ = provide(config(model, chat_template=str(own)), tmp_path / "out")
    kept = tmp_path / "out" / "tokenizer" / "chat_template.jinja"
    assert kept.read_text() == own.read_text()
    other, _ = provide(config(model, chat_template="chatml"), tmp_path / "out")
    assert not kept.exists()
    assert said.template_digest != other.template_digest is not None


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("chat-ml", r"got '.*chat-ml': No such file.*wanted chatml, .*, model, or the path"),
        ("{own}", r"got TemplateSyntaxError, line 1: .*, wanted a chat template in Jinja"),
        ("model", r"got 'model', and no chat template beside the tokenizer, wanted chat_template"),
    ],
)
def test_templates_that_are_none_are_refused_before_any_work(
    template: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "own.jinja").write_text("{% for m in %}")
    (tmp_path / "tokenizer.json").write_bytes(BODY)
    asked = template.format(own=tmp_path / "own.jinja")
    recipe = of({"path": str(tmp_path), "chat_template": asked}, tmp_path)
    with pytest.raises(ConfigError, match=rf"^tokenizer\.chat_template: {message}"):
        preflight.check(recipe)


def of(tokenizer: dict[str, Any], folder: Path, **mixture: Any) -> RunConfig:
    (folder / "in").mkdir(exist_ok=True)
    (folder / "in" / "a.jsonl").write_text('{"text": "a"}\n')
    source = {"name": "laws", "url": [str(folder / "in")], "origin": "new"}
    raw = {
        "name": "x",
        "ingest": {"sources": [source]},
        "tokenizer": tokenizer,
        "mixture": {"replay_share": 0.0, **mixture},
    }
    return RunConfig.model_validate(raw)


def test_rows_of_tokens_need_a_token_that_ends_documents(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(BODY)
    named = {"path": str(tmp_path / "tokenizer.json")}
    preflight.check(of(named, tmp_path))
    with pytest.raises(ConfigError) as caught:
        preflight.check(of(named, tmp_path, format="tokens"))
    assert str(caught.value) == (
        "tokenizer.end_of_text: got a tokenizer without a token that ends a document, as far as "
        'its files say, wanted one for mixture.format = "tokens": each document ends with it. Set '
        "tokenizer.end_of_text to one of its special tokens: <|endoftext|>."
    )
    assert caught.value.exit_code == 2
    told = {**named, "end_of_text": "<|endoftext|>"}
    preflight.check(of(told, tmp_path, format="tokens"))
    preflight.check(of({"train_vocab_size": 300}, tmp_path, format="tokens"))


def test_a_run_without_its_tokenizer_says_so(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"manifest\.json"):
        tokenizer_files.load(str(tmp_path))


HUB = """
import sys
from schemas.config import TokenizerConfig
from tasks import tokenizer_files, tokens
found = tokenizer_files.read(TokenizerConfig(path="hf://owner/model", revision=sys.argv[1]))
print(found.name, sorted(found.beside), tokens.load(found.body, where="x").size)
"""


def asked_of_the_hub(cache: Path, revision: str) -> subprocess.CompletedProcess[str]:
    own = {"HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", HUB, revision],
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_model_of_the_hub_from_its_cache(model: Path, tmp_path: Path) -> None:
    commit = "c0ffee" + "0" * 34
    repository = tmp_path / "cache" / "models--owner--model"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "v1").write_text(commit)
    (repository / "snapshots").mkdir()
    model.rename(repository / "snapshots" / commit)
    found = asked_of_the_hub(tmp_path / "cache", "v1")
    assert found.stdout == "tokenizer.json ['tokenizer_config.json'] 300\n", found.stderr
    missing = asked_of_the_hub(tmp_path / "cache", "v2")
    assert "SourceError: hf://owner/model: got LocalEntryNotFoundError" in missing.stderr
    assert "download its tokenizer files and give their folder" in missing.stderr


def test_files_of_a_trained_tokenizer() -> None:
    assert tokenizer_files.of_trained(TokenizerConfig(train_vocab_size=300), b"x") == Files(
        "tokenizer.json", b"x", {}
    )
