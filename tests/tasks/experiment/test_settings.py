"""A setting of one's own: a TOML file, and what is said of a wrong one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schemas.errors import ConfigError
from tasks.experiment import settings

if TYPE_CHECKING:
    from pathlib import Path

MINE = """
new = ["reports"]
foreign = ["web"]

[old]
wiki = 0.6
news = 0.4

[places]
wiki = "wiki"
news = "news"
web = "c4"
reports = "reports"
"""


def test_a_file_is_a_setting(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MINE)
    found = settings.setting(str(tmp_path / "mine.toml"))
    assert found.name == "mine"
    assert found.old == {"wiki": 0.6, "news": 0.4}
    assert (found.new, found.foreign) == (("reports",), ("web",))
    assert found.places["news"] == "news"


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("news = 0.4", "news = 0.5", "old: got shares with a sum of 1.1, wanted shares above 0"),
        ("news = 0.4", "news = 0.4\nlegal = 0.0", "old: got shares with a sum of 1"),
        ('["reports"]', '["wiki"]', "got two sources called 'wiki', wanted a name for each"),
        ('["reports"]', "[]", "new: got tuple should have at least 1 item"),
        ('web = "c4"', "", "places.web: got nothing, wanted a place for every source"),
        ('foreign = ["web"]', "", "places.web: got a place of no source"),
        ("[places]", "[place]", "place"),
        ("0.6", '"much"', "old.wiki: got input should be a valid number"),
        ("[old]", "[old", "line 5: got '[old'"),
    ],
)
def test_a_wrong_file_is_told(written: str, instead: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MINE.replace(written, instead, 1))
    with pytest.raises(ConfigError) as told:
        settings.setting(str(tmp_path / "mine.toml"))
    assert said in str(told.value)
    assert "mine.toml" in str(told.value)


def test_no_such_setting_is_told() -> None:
    with pytest.raises(ConfigError, match="wanted german, code, or a TOML file"):
        settings.setting("french")
