"""Shards by what a pipeline is given: budgets, shares, refusals, and no look beyond the folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from schemas import columns as c
from schemas.experiment import BuildRequest, Built, Sizes
from tasks import tokens
from tasks.experiment import arms, basing, dealing, shards
from tests.corpora import prose
from tests.tasks.training.models import needs_torch, tiny

if TYPE_CHECKING:
    from pathlib import Path

SIZES = Sizes(row_tokens=64, steps=20, generated_tokens=4_000)
CARD = {"one": 0.75, "two": 0.25}
SHARE = 0.25
WORDS = {"one": "", "two": " and the sea", "strange": " xyzzy plugh"}


def passages(number: int, sources: list[str]) -> pl.DataFrame:
    """Some texts of each source, which a mark in every sentence tells apart."""
    rows = [(f"{source}-{i}", source, prose(f"{source}-{i}").replace(".", f"{WORDS[source]}."))
            for i in range(number) for source in sources]  # fmt: skip
    names, of, texts = zip(*rows, strict=True)
    return pl.DataFrame({"id": names, "document": names, c.SOURCE: of, c.TEXT: texts})


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs_torch()
    folder = tmp_path_factory.mktemp("given")
    base, pool = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("pool") / "pool.parquet"
    tiny(base / "model")
    dealing.write_passages(str(pool), passages(400, list(WORDS)))
    shards.give(str(folder), str(pool), CARD, str(base))
    return folder


def built(given: Path, out: Path, *replays: str, seed: int = 0) -> Built:
    wanted = dict.fromkeys(replays, SHARE)
    return shards.built(BuildRequest(given=str(given), wanted=wanted, sizes=SIZES, seed=seed,
                                     out=str(out)))  # fmt: skip


def test_closed_arms_need_no_more_than_the_folder(given: Path, tmp_path: Path) -> None:
    """Without the tokenizer's merges, of which texts this few tell nothing, slowly."""
    wanted = tuple(replay for replay in arms.OF_POOL if replay != arms.TOKENIZER)
    told = built(given, tmp_path, *wanted)
    budget = SHARE * SIZES.tokens * 1.1
    assert set(told.tokens) | set(told.refused) == set(wanted)
    assert set(told.refused) <= {arms.GENERATIONS}  # of random weights: like nothing in the pool
    for replay, size in told.tokens.items():
        assert 0.9 * budget < size < 1.1 * budget, replay
    assert set(told.given) == {"pool.parquet", "card.json"} | {
        f"model/{name}" for name in ("config.json", "generation_config.json", "model.safetensors",
                                     "tokenizer.json", "tokenizer_config.json")
    }  # fmt: skip
    assert told.shares[arms.CARD] == CARD
    assert told.shares[arms.WRONG] == {"one": 0.0, "two": 0.0, "strange": 1.0}


@pytest.mark.parametrize("replay", [arms.SHARES, arms.CARD])
def test_a_shard_has_the_cards_shares_in_tokens(replay: str, given: Path, tmp_path: Path) -> None:
    built(given, tmp_path, replay)
    drawn = dealing.read_passages(shards.shard_file(str(tmp_path), replay))
    by = basing.tokenizer_of(str(given))
    counts = np.array(by.count(drawn[c.TEXT].to_list()))
    for source, share in CARD.items():
        own = counts[(drawn[c.SOURCE] == source).to_numpy()].sum()
        assert own / counts.sum() == pytest.approx(share, abs=0.05)
    assert drawn["id"].n_unique() == drawn.height


def test_without_foreign_text_there_is_no_wrong_domain(given: Path, tmp_path: Path) -> None:
    pool = tmp_path / "pool.parquet"
    dealing.write_passages(str(pool), passages(400, ["one", "two"]))
    shards.give(str(tmp_path / "given"), str(pool), CARD, str(given))
    told = built(tmp_path / "given", tmp_path / "out", arms.WRONG, arms.RANDOM)
    assert set(told.tokens) == {arms.RANDOM}
    assert "wanted foreign text" in told.refused[arms.WRONG]


def test_a_seed_is_a_draw(given: Path, tmp_path: Path) -> None:
    drawn = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        built(given, tmp_path / name, arms.CARD, seed=seed)
        at = shards.shard_file(str(tmp_path / name), arms.CARD)
        drawn.append(dealing.read_passages(at)["id"].to_list())
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_sample_tells_shares_that_no_card_does(given: Path, tmp_path: Path) -> None:
    sample = given / shards.SAMPLE
    some = passages(460, ["one", "two"])[800:].filter(
        (pl.col(c.SOURCE) == "two") | (pl.int_range(pl.len()) % 4 == 0)
    )
    dealing.write_passages(str(sample), some)
    try:
        told = built(given, tmp_path, *arms.OF_SAMPLE)
    finally:
        sample.unlink()
    found = told.shares[arms.SAMPLE]
    by = tokens.load((given / "model" / "tokenizer.json").read_bytes(), where="test")
    of_two = some.filter(pl.col(c.SOURCE) == "two")[c.TEXT].to_list()
    wanted = sum(by.count(of_two)) / sum(by.count(some[c.TEXT].to_list()))
    assert found["two"] == pytest.approx(wanted, abs=0.1)
    assert found["strange"] < 0.05
    assert set(told.given) > {shards.SAMPLE}
