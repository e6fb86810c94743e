"""``openmoat certify``: files as they are."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from schemas.certificate import Certificate
from tasks import tokens
from tests import corpora
from tests.refusals import refusal

if TYPE_CHECKING:
    from pathlib import Path

Files = dict[str, "Path"]


def openmoat(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", "certify", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


def told(*arguments: object) -> dict[str, Any]:
    done = openmoat(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    body: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return body


def records(name: str, first: int, n: int) -> list[dict[str, Any]]:
    """Return documents of a kind: made-up prose with words of its own."""
    return [
        {"id": f"{name}-{i}", "text": corpora.prose((name, i), 90 + i % 40).replace("the", name)}
        for i in range(first, first + n)
    ]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Give a shard and a reference of two kinds, a pool file of each, and evals of the shard."""
    folder = tmp_path_factory.mktemp("sides")
    shard = [*records("moor", 0, 180), *records("mill", 0, 180)]
    reference = [*records("moor", 500, 180), *records("mill", 500, 180)]
    asked = [{"question": shard[3]["text"]}, {"question": corpora.prose("nobody's")}]
    found = {
        "shard": corpora.write_jsonl(folder / "shard.jsonl", shard),
        "turned": corpora.write_jsonl(folder / "turned" / "shard.jsonl", shard[::-1]),
        "reference": corpora.write_jsonl(folder / "reference.jsonl.gz", reference),
        "moor": corpora.write_jsonl(folder / "moor.jsonl", records("moor", 1_000, 200)),
        "mill": corpora.write_jsonl(folder / "mill.jsonl", records("mill", 1_000, 200)),
        "evals": corpora.write_jsonl(folder / "evals.jsonl", asked),
        "twelve": corpora.write_jsonl(folder / "twelve.jsonl", reference[:12]),
        "lacking": corpora.write_jsonl(folder / "lacking.jsonl", records("moor", 0, 360)),
        "tokenizer": folder / "tokenizer.json",
        "empty": folder / "empty.jsonl",
        "damaged": folder / "damaged.jsonl",
    }
    found["tokenizer"].write_bytes(tokens.train([r["text"] for r in shard], vocab_size=400))
    found["empty"].touch()
    found["damaged"].write_text("{\n")
    return found


def pools(files: Files) -> list[object]:
    return ["--pool", files["moor"], "--pool", files["mill"]]


def test_a_certificate_of_files(files: Files, tmp_path: Path) -> None:
    out, page = tmp_path / "certificate.json", tmp_path / "page.html"
    asked = (
        "--reference", files["reference"], *pools(files), "--evals", files["evals"],
        "--eval-field", "question", "--tokenizer", files["tokenizer"],
    )  # fmt: skip
    shown = openmoat(files["shard"], *asked, "--out", out, "--html", page)
    assert shown.returncode == 0, shown.stderr
    for said in ("Indistinguishable at this size", "Shares of sources", "moor", "Near-duplicates"):
        assert said in shown.stdout
    found = Certificate.model_validate_json(out.read_bytes())
    assert found.verdict == "indistinguishable"
    assert (found.shard.documents, found.reference.documents) == (360, 360)
    assert found.labels is not None
    assert [share.name for share in found.labels.shares] == ["mill", "moor"] or [
        share.name for share in found.labels.shares
    ] == ["moor", "mill"]
    assert found.divergences is not None
    assert found.divergences.unigram_js.value is not None
    assert found.random is not None
    assert found.random.characters == pytest.approx(found.shard.characters, rel=0.05)
    evals = found.shared[1]
    assert (evals.right, evals.right_matched, evals.exact_pairs) == ("evals.jsonl", 1, 1)
    assert evals.pairs[0].left == "moor-3"
    assert str(tmp_path) not in out.read_text()
    body = page.read_text()
    assert "<svg" in body
    assert found.sentence in body

    # In another order it is the same to the last byte.
    again = tmp_path / "again.json"
    assert openmoat(files["turned"], *asked, "--out", again).returncode == 0
    assert again.read_bytes() == out.read_bytes()


def test_what_lacks_half_is_different(files: Files) -> None:
    body = told(files["lacking"], "--reference", files["reference"], "--no-duplicates")
    assert body["verdict"] == "different"
    assert body["labels"] is None
    assert body["clusters"]["by"] == "clusters"
    assert body["shared"] == []


def test_a_reference_of_twelve_documents_has_no_verdict(files: Files) -> None:
    body = told(files["shard"], "--reference", files["twelve"], *pools(files), "--no-duplicates",
                "--provenance", "generations")  # fmt: skip
    assert body["verdict"] == "none"
    assert "the model made" in body["sentence"]


def test_a_random_draw_of_ones_own(files: Files) -> None:
    body = told(files["shard"], "--reference", files["reference"], "--random", files["lacking"],
                "--no-duplicates")  # fmt: skip
    assert body["random"]["documents"] == 360
    assert body["clusters"]["corrected_random"] > 0.15 > body["clusters"]["corrected"]


def test_a_copy_of_the_reference_is_called_one(files: Files) -> None:
    body = told(files["shard"], "--reference", files["turned"], "--no-duplicates")
    assert any("of the reference itself" in warning for warning in body["warnings"])


def test_mistakes_have_a_way_out_and_no_traceback(files: Files, tmp_path: Path) -> None:
    shard, reference = files["shard"], files["reference"]
    (tmp_path / "link.jsonl").symlink_to(shard)
    for arguments, said in (
        ((shard,), "--reference"),
        ((shard, "--reference", shard), "two sets"),
        ((shard, "--reference", f"{tmp_path}/../{tmp_path.name}/link.jsonl"), "two sets"),
        ((shard, "--reference", "hf://owner/set"), "Download a part of the dataset"),
        (("", "--reference", reference), "openmoat certify: got nothing"),
        ((shard, "--reference", reference, *(("--pool", files["moor"]) * 2)), "named already"),
        ((shard, "--reference", reference, "--seed", "-1"), "--seed"),
        ((shard, "--reference", reference, "--seed", 2**64), "--seed"),
        ((shard, "--reference", reference, "--out", tmp_path), "a folder"),
        ((shard, "--reference", reference, "--html", shard / "page"), "--html"),
        ((shard, "--reference", tmp_path / "no.jsonl"), "no file"),
        ((files["empty"], "--reference", reference), "got no document"),
        ((shard, "--reference", files["damaged"]), "1 records that could not be read"),
        ((shard, "--reference", reference, "--pool", files["empty"]), "got no document"),
        ((shard, "--reference", reference, "--text-field", "body"), "--text-field"),
        ((shard, "--reference", reference, "--tokenizer", shard), "wanted a tokenizer.json"),
        ((shard, "--reference", reference, "--tokenizer", tmp_path / "no"), "--tokenizer"),
        ((shard, "--reference", reference, "--provenance", "mine"), "generations"),
        ((shard, "--reference", reference, "--most-tokens", "5"), "1000"),
    ):
        assert said in refusal("certify", *arguments)


def test_it_does_not_start_prefect_and_help_imports_nothing_heavy(files: Files) -> None:
    arguments = [str(files["shard"]), "--reference", str(files["twelve"]), "--no-duplicates"]
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom flows.cli import app\n"
        "def call(*a):\n"
        "    result = CliRunner().invoke(app, ['certify', *a])\n"
        "    assert result.exit_code == 0, result.output\n"
        "call('--help')\n"
        "assert not {'polars', 'pyarrow', 'numpy'} & set(sys.modules)\n"
        f"call(*{arguments!r})\n"
        "assert 'prefect' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
