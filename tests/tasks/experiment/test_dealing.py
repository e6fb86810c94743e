"""Documents dealt out: to one part each, and none that is like what was learned or is held out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from schemas import columns as c
from schemas.errors import ConfigError
from schemas.experiment import PARTS, Setting, Sizes
from tasks.experiment import dealing
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

SETTING = Setting(
    name="made up",
    places={name: name for name in ("one", "two", "fresh", "strange")},
    old={"one": 0.5, "two": 0.5},
    new=("fresh",),
    foreign=("strange",),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name in SETTING.places:
        rows = corpora.records(name, 60, words=120)
        if name == "strange":  # the pool's, and nearly those of an old source
            for row, other in zip(rows[:20], corpora.records("one", 60, words=120), strict=False):
                row["text"] = other["text"] + " indeed"
        corpora.write_shards(folder / name, rows, 2)
    return folder


@pytest.fixture(scope="module")
def parts(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    out = tmp_path_factory.mktemp("parts")
    dealing.dealt(str(data), SETTING, Sizes(), str(out))
    return {part: dealing.read_passages(dealing.part_file(str(out), part)) for part in PARTS}


def test_a_document_is_in_one_part(parts: dict[str, pl.DataFrame]) -> None:
    every = pl.concat(frame.select("document").unique() for frame in parts.values())
    assert every.height == every["document"].n_unique()
    assert set(parts["old_train"][c.SOURCE]) == {"one", "two"}
    assert set(parts["new_train"][c.SOURCE]) == set(parts["new_held"][c.SOURCE]) == {"fresh"}
    assert set(parts["pool"][c.SOURCE]) == {"one", "two", "strange"}


def test_near_duplicates_of_old_text_leave_the_pool(
    data: Path, parts: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    known = {text for part in PARTS[:3] for text in parts[part][c.TEXT]}
    twins = [text for text in parts["pool"][c.TEXT] if text.removesuffix(" indeed") in known]
    assert not twins
    gate = dealing.dealt(str(data), SETTING, Sizes(), str(tmp_path)).gate["pool"]
    assert sum(gate.left_out[part] for part in PARTS[:3]) > 0
    assert gate.documents == gate.kept + sum(gate.left_out.values())


def test_the_pool_has_as_much_foreign_text_at_most(data: Path, tmp_path: Path) -> None:
    dealing.dealt(str(data), SETTING, Sizes(pool_chars=2_000), str(tmp_path))
    pool = dealing.read_passages(dealing.part_file(str(tmp_path), "pool"))
    chars = pool.group_by(c.SOURCE).agg(pl.col(c.TEXT).str.len_chars().sum())
    longest = pool[c.TEXT].str.len_chars().max()
    assert isinstance(longest, int)
    for source, size in chars.iter_rows():
        assert size < (4_000 if source == "strange" else 2_000) + longest


def test_a_part_without_documents_is_an_error(tmp_path: Path) -> None:
    for name in SETTING.places:
        corpora.write_shards(tmp_path / name, corpora.records(name, 2, words=120), 1)
    with pytest.raises(ConfigError, match="no documents for"):
        dealing.dealt(str(tmp_path), SETTING, Sizes(), str(tmp_path / "out"))
