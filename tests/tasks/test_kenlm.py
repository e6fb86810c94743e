"""KenLM's models, where its package is: against figures reckoned by hand from the file."""

from __future__ import annotations

import gzip
import math
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from schemas.errors import ConfigError
from tasks.ngram_lm import kenlm
from tests.real_data import real_data

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ARPA = """\\data\\
ngram 1=5
ngram 2=3

\\1-grams:
-1.0\t<unk>\t0
0\t<s>\t-0.3
-0.8\t</s>\t0
-0.6\ta\t-0.2
-0.7\tb\t-0.1

\\2-grams:
-0.2\t<s> a
-0.4\ta b
-0.5\tb </s>

\\end\\
"""
LOGS = {
    "A b": (-0.2 - 0.4 - 0.5, 3),
    "b": (-0.3 - 0.7 - 0.5, 2),
    "zzz a": (-0.3 - 1.0 - 0.6 - 0.2 - 0.8, 3),
    "A  b\n\n \nb\n": (-1.1 - 1.5, 5),
}
"""Texts: log10 of the probability, and tokens with the ends of lines."""


def large(texts: Sequence[str | None]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    path = tmp_path / "model.arpa"
    path.write_text(ARPA)
    return path


def test_scores_lines_as_ccnet_does(arpa: Path) -> None:
    pytest.importorskip("kenlm", reason="kenlm is not installed: pip install kenlm")
    model = kenlm.load(str(arpa))
    texts = pa.chunked_array([large([*LOGS]), large([" \n", None])])
    nats, tokens = model.cross_entropy(texts)
    assert tokens.tolist() == [tokens for _, tokens in LOGS.values()] + [0, 0]
    wanted = [-math.log(10) * log for log, _ in LOGS.values()]
    assert nats.tolist() == pytest.approx([*wanted, 0, 0], abs=1e-5)
    perplexities = [10 ** (-log / tokens) for log, tokens in LOGS.values()]
    assert model.perplexity(texts).tolist() == pytest.approx(
        [*perplexities, math.nan, math.nan], rel=1e-5, nan_ok=True
    )


def test_reads_compressed_files_and_cuts_as_it_is_told(arpa: Path) -> None:
    pytest.importorskip("kenlm", reason="kenlm is not installed: pip install kenlm")
    packed = arpa.with_suffix(".arpa.gz")
    packed.write_bytes(gzip.compress(ARPA.encode()))
    model = kenlm.load(str(packed), cut=list)
    assert model.perplexity(large(["ab"]))[0] == pytest.approx(10 ** (1.1 / 3), rel=1e-5)


def test_cuts_into_pieces_of_sentencepiece(arpa: Path) -> None:
    pytest.importorskip("kenlm", reason="kenlm is not installed: pip install kenlm")
    pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    pieces = real_data() / "tokenizers" / "mistral_common" / "tokenizer.model.v1"
    model = kenlm.load(str(arpa), pieces=str(pieces))
    assert model.cut("Hello world") == ["▁Hello", "▁world"]
    _, tokens = model.cross_entropy(large(["Hello world\nHello"]))
    assert tokens.tolist() == [5]
    with pytest.raises(ConfigError, match="wanted a model of SentencePiece"):
        kenlm.load(str(arpa), pieces=str(arpa))


@pytest.mark.parametrize("body", ["", "no model", ARPA[:90], ARPA.replace("1=5", "1=6")])
def test_files_that_are_no_model_are_refused(arpa: Path, body: str) -> None:
    pytest.importorskip("kenlm", reason="kenlm is not installed: pip install kenlm")
    arpa.write_text(body)
    with pytest.raises(ConfigError, match="wanted a model that KenLM made") as caught:
        kenlm.load(str(arpa))
    assert caught.value.where == str(arpa)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("kenlm", reason="kenlm is not installed: pip install kenlm")
    with pytest.raises(ConfigError, match="got a file that was refused"):
        kenlm.load(str(tmp_path / "none.arpa"))


def test_without_the_package_the_way_out_is_told(
    arpa: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kenlm", None)
    with pytest.raises(ConfigError, match=r"got no package `kenlm`.*pip install kenlm.*C\+\+"):
        kenlm.load(str(arpa))
