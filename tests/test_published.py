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


def test_the_table_in_the_docs_has_these_numbers() -> None:
    page = (DOCS.parent / "experiment.md").read_text(encoding="utf-8")
    both = [{one.arm.name: one for one in result(setting).arms} for setting in settings.SETTINGS]
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.count("|") == 11]
    arm_rows = [row for row in rows if row[0].strip() in both[0]]
    assert len(arm_rows) > 20
    for name, _, *cells in ([cell.strip() for cell in row] for row in arm_rows):
        for found, told in zip((both[0][name], both[1][name]), (cells[:4], cells[4:]), strict=True):
            recovery = "" if found.recovery is None else f"{found.recovery.mean:.2f}"
            removed = f"{found.removed.mean:.0%}".replace("%", " %") if found.removed else ""
            wanted = [f"{found.old.mean:.2f}", f"{found.new.mean:.2f}", removed, recovery]
            assert [*told, ""][:4] == wanted, name


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
