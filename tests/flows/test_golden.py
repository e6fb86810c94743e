"""Digests that must not change by accident: the sample texts of this project, through everything.

When a digest changes on purpose, the stage's version changes with it (old results are then not
taken for new ones), and the new digests are written here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schemas.config import MixtureConfig
from tasks import ledger
from tasks.recipe import load

if TYPE_CHECKING:
    from schemas.config import RunConfig

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "recipe.toml"
GOLDEN = {
    "ingest": "8642425a4df46aece4484adc149a27ea",
    "signals": "658d6ab9d2d10f4f519717290decf9d5",
    "select": "c44c5d9f01d73e89fddd7e2a3389fd26",
    "guard": "00000000000000000000000000000000",
    "tokenizer": "538270808b8309f27808e3833b118614",
    "replay": "5bd8ad1651e9ccb4233c3e6ed7b5ce46",
    "mixture": "d78b8fb80aaa5ab1698640042fbd8b22",
}
PACKED = "a9783a59b41414e873fe1acf84ac691f"
"""Of the mixture, as packed ids."""


@pytest.mark.usefixtures("prefect")
def test_the_sample_has_its_golden_digests(tmp_path: Path) -> None:
    from flows.pipeline import pipeline

    pipeline(load(str(SAMPLE)), str(tmp_path))
    stages = ledger.read_run(str(tmp_path)).stages
    assert {name: stage.digest for name, stage in stages.items()} == GOLDEN
    # The same documents as packed ids, in the same folder.
    pipeline(packed(), str(tmp_path))
    stages = ledger.read_run(str(tmp_path)).stages
    assert {name: stage.digest for name, stage in stages.items()} == GOLDEN | {"mixture": PACKED}


def packed() -> RunConfig:
    recipe = load(str(SAMPLE))
    assert recipe.mixture is not None
    keys = {"format": "tokens", "row_tokens": 64, "epochs": 2, "replay_epochs": 2}
    mixture = MixtureConfig.model_validate(recipe.mixture.model_dump() | keys)
    return recipe.model_copy(update={"mixture": mixture})
