"""The target's text: taken by hash, dealt out, the same for any files."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from schemas.errors import ConfigError, SourceError
from schemas.replay import TargetConfig
from tasks.surrogate import target
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = [{"id": str(i), "text": corpora.prose(i, 60 + i)} for i in range(90)]


def sampled(
    folder: Path, n: int = 1, *, max_mb: float = 16.0, held_out: float = 0.33
) -> TargetConfig:
    corpora.write_shards(folder, TEXTS, n)
    return TargetConfig(sample=(str(folder),), max_mb=max_mb, held_out=held_out)


def test_texts_are_dealt_out_whatever_the_files(tmp_path: Path) -> None:
    one = target.read(sampled(tmp_path / "one"), str(tmp_path), seed=3)
    three = target.read(sampled(tmp_path / "three", 3), str(tmp_path), seed=3)
    assert one.model_copy(update={"read": {}}) == three.model_copy(update={"read": {}})
    assert sorted(one.guide + one.held_out) == sorted(row["text"] for row in TEXTS)
    assert 15 < len(one.held_out) < 45
    other = target.read(sampled(tmp_path / "one"), str(tmp_path), seed=4)
    assert set(other.held_out) != set(one.held_out)
    assert other.digest == one.digest


def test_a_limit_takes_some_and_always_the_same(tmp_path: Path) -> None:
    config = sampled(tmp_path / "one", max_mb=0.02, held_out=0.0)
    some = target.read(config, str(tmp_path), seed=3)
    assert sum(len(text.encode()) for text in some.guide) <= 20_000
    assert some.held_out == []
    more = sampled(tmp_path / "four", 4, max_mb=0.03, held_out=0.0)
    assert set(some.guide) < set(target.read(more, str(tmp_path), seed=3).guide)


@pytest.mark.parametrize("seed", range(12))
def test_a_limit_takes_the_same_whatever_the_order_and_sizes(tmp_path: Path, seed: int) -> None:
    chance, found = random.Random(seed), []
    some = [{"id": str(i), "text": corpora.prose(i, 20 + 30 * (i % 9))} for i in range(60)]
    for number in range(2):
        chance.shuffle(some)
        at = corpora.write_jsonl(tmp_path / f"{number}.jsonl", some)
        config = TargetConfig(sample=(str(at),), max_mb=0.035, held_out=0.0)
        found.append(target.read(config, str(tmp_path), seed=seed))
    assert found[0].guide == found[1].guide
    assert 20 <= len(found[0].guide) < 60


def test_a_text_that_comes_again_counts_once(tmp_path: Path) -> None:
    corpora.write_jsonl(tmp_path / "twice.jsonl", [*TEXTS, *TEXTS])
    config = TargetConfig(sample=(str(tmp_path / "twice.jsonl"),))
    found = target.read(config, str(tmp_path), seed=3)
    assert found.read["repeated"] == found.read["taken"] == 90


def test_too_few_and_no_texts_are_refused(tmp_path: Path) -> None:
    few = corpora.write_jsonl(tmp_path / "few.jsonl", TEXTS[:12])
    with pytest.raises(ConfigError, match="got 11 different texts for drawing, beside those held"):
        target.read(TargetConfig(sample=(str(few),)), str(tmp_path), seed=3)
    bad = corpora.write_jsonl(tmp_path / "bad.jsonl", [{"id": "1", "body": "x"}])
    with pytest.raises(SourceError, match=r"replay\.target sample 'target': got 0 documents"):
        target.read(TargetConfig(sample=(str(bad),)), str(tmp_path), seed=3)


def test_passages_and_documents_of_a_guide() -> None:
    texts = ["A long harbour. " * 600, "A short one."]
    by_passage, whole = target.guide(texts, "passages"), target.guide(texts, "documents")
    assert by_passage.documents.tolist() == [0, 0, 0, 1]
    assert "".join(by_passage.texts.to_pylist()[:3]) == texts[0]
    assert whole.n_bytes.tolist() == [9_600, 12]
    assert whole.counts.size == 2
