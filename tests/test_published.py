"""The experiment's figures in docs/: the tables and plots are what the numbers beside them give."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.experiment import Result
from tasks.experiment import arms, figures, settings
from tasks.report import experiment as report
from tasks.report.files import files

DOCS = Path(__file__).resolve().parents[1] / "docs" / "experiment"
each_setting = pytest.mark.parametrize("setting", list(settings.SETTINGS))


def result(setting: str) -> Result:
    return Result.model_validate_json((DOCS / setting / "result.json").read_bytes())


@each_setting
def test_pages_are_what_the_numbers_give(setting: str) -> None:
    told = result(setting)
    courses = pq.read_table(DOCS / setting / "trajectories.parquet")
    made = files("report", report.TITLE, report.about(told), list(report.sections(told, courses)))
    for name in ("report.md", "report.svg"):
        assert (DOCS / setting / name).read_text(encoding="utf-8") == made[name], name


@each_setting
def test_numbers_are_of_the_whole_form_as_it_is_now(setting: str) -> None:
    told = result(setting)
    assert told.setting == settings.setting(setting)
    assert told.sizes == settings.sizes("full")
    assert len(told.seeds) >= 3
    assert told.cpu_seconds < 90 * 60
    known = {arm.name: arm for arm in arms.full()}
    assert [one.arm for one in told.arms] == [known[one.arm.name] for one in told.arms]
    gone = {name.split(", ")[0] for name in told.refused}
    assert {arm.name for arm in known.values() if arm.replay not in gone} <= {
        one.arm.name for one in told.arms
    }
    assert told.says == figures.says(told.arms)
    assert told.headline == figures.headline(told.arms)
