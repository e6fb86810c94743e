"""Digests that must not change by accident: the sample texts of this project, through everything.

When a digest changes on purpose, the stage's version changes with it (old results are then not
taken for new ones), and the new digests are written here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks import ledger
from tasks.recipe import load

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "recipe.toml"
GOLDEN = {
    "ingest": "8642425a4df46aece4484adc149a27ea",
    "signals": "658d6ab9d2d10f4f519717290decf9d5",
    "select": "c44c5d9f01d73e89fddd7e2a3389fd26",
    "tokenizer": "538270808b8309f27808e3833b118614",
    "replay": "5bd8ad1651e9ccb4233c3e6ed7b5ce46",
    "mixture": "c289973b9e52d37a0cadcbc6ac36bb53",
}


@pytest.mark.usefixtures("prefect")
def test_the_sample_has_its_golden_digests(tmp_path: Path) -> None:
    from flows.pipeline import pipeline

    pipeline(load(str(SAMPLE)), str(tmp_path))
    stages = ledger.read_run(str(tmp_path)).stages
    assert {name: stage.digest for name, stage in stages.items()} == GOLDEN
