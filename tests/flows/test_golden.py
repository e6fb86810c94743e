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
    "ingest": "b09a071be90c82068544e11ccccc11e2",
    "signals": "d22fadeddb06ed0d9ff6caa6044b2d8c",
    "select": "37e1ea7f87eb68170c890d4be5884e89",
    "tokenizer": "538270808b8309f27808e3833b118614",
    "replay": "d975701de17275756c57b8216c8ceb04",
    "mixture": "e4372c9560952fc36b273b08247e302f",
}


@pytest.mark.usefixtures("prefect")
def test_the_sample_has_its_golden_digests(tmp_path: Path) -> None:
    from flows.pipeline import pipeline

    pipeline(load(str(SAMPLE)), str(tmp_path))
    stages = ledger.read_run(str(tmp_path)).stages
    assert {name: stage.digest for name, stage in stages.items()} == GOLDEN
