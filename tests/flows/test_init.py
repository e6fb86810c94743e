"""``openmoat init``: recipes that load, say what is known, and never overwrite."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from schemas.bases import bases
from schemas.published import shares
from tasks import tokens
from tasks.beginning import Begun, Wish, begin
from tasks.recipe import load
from tests import corpora
from tests.refusals import refusal

if TYPE_CHECKING:
    from pathlib import Path


def openmoat(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", "init", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Give new data of 20 documents."""
    return corpora.write_jsonl(tmp_path / "new.jsonl", corpora.records("laws", 20))


def begun(base: object, new: Path, **changes: Any) -> tuple[Begun, str]:
    out = new.parent / "recipe.toml"
    made = begin(Wish(str(base), str(new), out=str(out), **changes))
    return made, out.read_text(encoding="utf-8")


def folder(place: Path, says: dict[str, Any] | None, **files: str) -> Path:
    place.mkdir()
    if says is not None:
        (place / "config.json").write_text(json.dumps(says))
    for name, body in files.items():
        (place / f"{name}.json").write_text(body)
    return place


@pytest.mark.parametrize("base", bases(), ids=lambda base: base.name)
def test_every_known_base_gives_a_recipe_that_loads(base: Any, new: Path) -> None:
    found, text = begun(base.ids[0], new)
    recipe = load(found.out)
    assert recipe.replay is not None
    assert sum(recipe.replay.shares.values()) == pytest.approx(1.0, abs=1e-6)
    assert recipe.mixture is not None
    assert recipe.mixture.replay_share == 0.05
    for fact in (base.mixture, base.tokenizer, base.license):
        assert fact.source.split()[0] in text
    assert ("GUESS" in text) == (base.mixture.name is None)
    open_ways = {way.letter: way.open for way in found.draft.ways}
    assert (open_ways["a"] == "yes") == (base.mixture.name is not None)
    assert open_ways["d"] == "yes"


def test_a_published_mixture_is_drawn_by_its_shares(new: Path) -> None:
    done = openmoat("--base", "olmo2", "--new", new, "--out", new.parent / "a.toml", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["base"], told["mixture"]["status"], told["chat"]) == ("olmo-2", "published", False)
    text = (new.parent / "a.toml").read_text(encoding="utf-8")
    recipe = load(str(new.parent / "a.toml"))
    assert recipe.replay is not None
    assert recipe.replay.shares == pytest.approx(shares("olmo-2"))
    sources = {s.name: s for s in recipe.ingest.sources}
    assert sources["dclm"].url == ("hf://allenai/olmo-mix-1124",)
    assert sources["dclm"].subset == "dclm"
    assert sources["new"].origin == "new"
    assert sources["new"].url == (str(new),)
    assert 'arm = "original"' in text
    for line in ("# [replay.target]", '# sample = "PATH"', '# shares_file = "shares.json"'):
        assert line in text


def test_the_other_ways_are_comments_to_take_up(new: Path) -> None:
    _, text = begun("gpt2", new)
    told = {line.split("#")[1].split("=")[0].strip() for line in text.splitlines() if "=" in line
            and line.startswith("# ")}  # fmt: skip
    assert {"arm", "unit", "sample", "shares_file", "generations"} <= told


def test_what_cannot_be_had_is_said_and_its_share_spread(new: Path) -> None:
    found, text = begun("EleutherAI/pythia-1.4b", new)
    recipe = load(found.out)
    assert recipe.replay is not None
    assert "opensubtitles" not in recipe.replay.shares
    assert "# Left out: opensubtitles, 1.55% of the original." in text
    assert "Books3" in text
    whole = shares("the-pile")
    had = sum(whole[name] for name in recipe.replay.shares)
    for name, share in recipe.replay.shares.items():
        assert share == pytest.approx(whole[name] / had, abs=2e-6)


def test_parts_of_one_dataset_are_one_source_of_which_some_is_read(new: Path) -> None:
    found, text = begun("llama1", new, replay_share=0.1)
    recipe = load(found.out)
    (slim,) = [s for s in recipe.ingest.sources if s.source_field]
    assert slim.source_field == "meta.redpajama_set_name"
    assert slim.sample is not None
    assert slim.sample.tokens == 20_000_000
    assert recipe.replay is not None
    assert recipe.replay.shares["RedPajamaCommonCrawl"] == pytest.approx(0.67)
    assert "books" in recipe.replay.shares
    assert text.count("hf://cerebras/SlimPajama-627B") == 1


def test_how_large_the_shard_is(new: Path) -> None:
    found, text = begun("gpt2", new, replay_share=0.2)
    size = len(new.read_bytes())
    assert 0.15 * size < found.new.tokens < 0.3 * size
    assert found.draft.replay_tokens == pytest.approx(found.new.tokens / 4, abs=1)
    assert f"{found.draft.replay_tokens:,} tokens" in text
    assert load(found.out).mixture.replay_share == 0.2  # type: ignore[union-attr]


def test_a_stranger_is_said_to_be_one_and_the_nearest_are_named(new: Path) -> None:
    done = openmoat(
        "--base", "allenai/OLMo-2-1124-9B", "--new", new, "--out", new.parent / "x.toml"
    )
    assert done.returncode == 0, done.stderr
    assert "Nothing is known of it here" in done.stdout
    assert "Did you mean allenai/OLMo-2-1124" in done.stdout
    text = (new.parent / "x.toml").read_text(encoding="utf-8")
    assert "# a: no." in text or "a: no. no published mixture" in text
    assert "GUESS" in text
    load(str(new.parent / "x.toml"))


def test_a_chat_model_is_told_what_it_needs_beside(new: Path) -> None:
    found, text = begun("meta-llama/Llama-3.1-8B-Instruct", new)
    assert found.known.chat
    assert "A chat model" in text
    assert "open instruction mix" in text
    assert "GUESS" in text
    load(found.out)
    assert "A chat model" not in begun("meta-llama/Llama-3.1-8B", new, force=True)[1]


def test_a_folder_is_recognised_by_what_its_files_say(new: Path, tmp_path: Path) -> None:
    tokenizer = tokens.train(corpora.records("x", 30)[0].values(), vocab_size=400).decode()
    named = folder(tmp_path / "named", {"_name_or_path": "EleutherAI/pythia-70m"})
    shaped = folder(tmp_path / "shaped", {"model_type": "olmo2", "vocab_size": 100352})
    several = folder(tmp_path / "several", {"model_type": "llama", "vocab_size": 32000})
    inner = folder(
        tmp_path / "inner", {"model_type": "gemma3", "text_config": {"vocab_size": 262208}}
    )
    chat = folder(tmp_path / "chat", {}, tokenizer_config='{"chat_template": "{{ messages }}"}')
    alone = folder(tmp_path / "alone", None, tokenizer=tokenizer)
    assert begun(named, new, force=True)[0].known.base.name == "pythia"  # type: ignore[union-attr]
    assert begun(shaped, new, force=True)[0].known.base.name == "olmo-2"  # type: ignore[union-attr]
    assert begun(inner, new, force=True)[0].known.base.name == "gemma"  # type: ignore[union-attr]
    found, text = begun(several, new, force=True)
    assert found.known.base is None
    assert "TinyLlama 1.1B" in found.known.may_be
    assert "TinyLlama 1.1B" in text
    assert begun(chat, new, force=True)[0].known.chat
    found, text = begun(alone, new, force=True)
    assert found.known.merges is True
    assert found.new.counted
    assert load(found.out).tokenizer.path == f"{alone}/tokenizer.json"  # type: ignore[union-attr]


def test_a_folder_whose_tokenizer_has_no_merges_closes_way_c(new: Path, tmp_path: Path) -> None:
    body = '{"model": {"type": "Unigram", "unk_id": 0, "vocab": [["?", 0.0], ["a", 0.0]]}}'
    place = folder(tmp_path / "unigram", {"model_type": "t5", "vocab_size": 3}, tokenizer=body)
    found, _ = begun(place, new)
    assert found.known.merges is False
    assert found.draft.ways[2].open == "no"


def test_a_tokenizer_of_other_text_closes_way_c(new: Path) -> None:
    ways = {base: begun(base, new, force=True)[0].draft.ways[2] for base in ("gpt2", "tinyllama")}
    assert {base: way.open for base, way in ways.items()} == {"gpt2": "yes", "tinyllama": "no"}
    assert "openmoat infer-mixture" in ways["gpt2"].says


def test_names_cannot_break_the_recipe(tmp_path: Path) -> None:
    rows = [{"id": "1", 'bo"dy': corpora.prose("x")}]
    place = corpora.write_jsonl(tmp_path / 'new "data"' / "a\\b.jsonl", rows)
    found, _ = begun("gpt2", place, text_field='bo"dy')
    (source,) = [s for s in load(found.out).ingest.sources if s.origin == "new"]
    assert source.url == (str(place),)
    assert source.text_field == 'bo"dy'


def test_nothing_is_overwritten_unless_it_is_said(new: Path) -> None:
    out = new.parent / "recipe.toml"
    out.write_text("mine")
    arguments = ("--base", "gpt2", "--new", new, "--out", out)
    done = openmoat(*arguments)
    assert done.returncode == 2
    assert "which is there already" in done.stderr
    assert out.read_text() == "mine"
    assert openmoat(*arguments, "--force").returncode == 0
    assert load(str(out)).name == "replay-gpt-2"


def test_mistakes_have_a_way_out(new: Path, tmp_path: Path) -> None:
    empty = corpora.write_jsonl(tmp_path / "empty.jsonl", [])
    damaged = folder(tmp_path / "damaged", None, config="{")
    listed = folder(tmp_path / "listed", None, config="[]")
    bare = folder(tmp_path / "bare", None)
    out = tmp_path / "out.toml"
    good = ("--base", "gpt2", "--out", out)
    for arguments, said in (
        ((*good, "--new", tmp_path / "none.jsonl"), "where there is no file"),
        ((*good, "--new", tmp_path / "none.jsonl"), "Correct the path"),
        ((*good, "--new", ""), "--new: got nothing"),
        ((*good, "--new", empty), "no text in its first records"),
        ((*good, "--new", new, "--text-field", "body"), "--text-field"),
        ((*good, "--new", "https://me:pw@host/x.jsonl"), "user name or password"),
        ((*good, "--new", new, "--replay", "150%"), "is no share"),
        ((*good, "--new", new, "--replay", "some"), "is no share"),
        ((*good, "--new", new, "--replay", "-5%"), "is no share"),
        (("--base", tmp_path / "gone", "--new", new, "--out", out), "where there is nothing"),
        (("--base", bare, "--new", new, "--out", out), "got a folder without config.json"),
        (("--base", damaged, "--new", new, "--out", out), "damaged JSON"),
        (("--base", listed, "--new", new, "--out", out), "JSON of another kind"),
        (("--base", "gpt2", "--new", new, "--out", tmp_path), "which is there already"),
    ):
        assert said in refusal("init", *arguments)
        assert not out.exists()


def test_help_imports_nothing_heavy_and_init_does_not_start_prefect(new: Path) -> None:
    out = str(new.parent / "y.toml")
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom flows.cli import app\n"
        "def call(*a):\n"
        "    result = CliRunner().invoke(app, ['init', *a])\n"
        "    assert result.exit_code == 0, result.output\n"
        "call('--help')\n"
        "assert not {'polars', 'pyarrow', 'numpy'} & set(sys.modules)\n"
        f"call('--base', 'gpt2', '--new', {str(new)!r}, '--out', {out!r})\n"
        "assert 'prefect' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "weights.bin"
    other.write_bytes(b"\x00\x01" * 50)
    said = refusal("init", "--base", other, "--new", other, "--out", tmp_path / "r.toml")
    assert "got a file that is no tokenizer" in said
