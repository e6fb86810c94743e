"""Parts as processes: what they are told of, what they say, and that they are not run twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schemas.errors import OpenmoatError
from schemas.experiment import BuildRequest, DealRequest, Sizes
from tasks.experiment import arms, process, settings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_process_sees_no_place_of_data_and_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENMOAT_DATA", "somewhere")
    seen = process.environment()
    assert "OPENMOAT_DATA" not in seen
    assert seen["OMP_NUM_THREADS"] == "1"


def test_what_went_wrong_comes_with_the_way_out(tmp_path: Path) -> None:
    request = DealRequest(data=str(tmp_path / "nowhere"), setting=settings.setting("german"),
                          sizes=Sizes(), out=str(tmp_path / "parts"))  # fmt: skip
    with pytest.raises(OpenmoatError, match=r"deal: got .*nowhere.* goes on from here"):
        process.answered(process.DEAL, request, "key")
    assert not (tmp_path / "parts" / process.KEY).exists()


def test_another_request_is_another_key() -> None:
    one = BuildRequest(given=".", wanted={arms.RANDOM: 0.05}, sizes=Sizes(), seed=0, out="shards")
    keys = {
        process.key_of(process.BUILD, other)
        for other in (one, one.model_copy(update={"seed": 1}),
                      one.model_copy(update={"wanted": {arms.RANDOM: 0.25}}))
    }  # fmt: skip
    assert len(keys) == 3


def test_a_folder_may_be_moved_and_what_it_is_made_from_may_not_change() -> None:
    one = BuildRequest(given=".", wanted={arms.RANDOM: 0.05}, sizes=Sizes(), seed=0, out="shards")
    moved = one.model_copy(update={"given": "/elsewhere", "out": "/there"})
    key = process.key_of(process.BUILD, one, "base")
    assert process.key_of(process.BUILD, moved, "base") == key
    assert process.key_of(process.BUILD, one, "other") != key


def test_a_closed_pipelines_request_names_no_place_beyond_its_folder() -> None:
    one = BuildRequest(given=".", wanted={arms.RANDOM: 0.05}, sizes=Sizes(), seed=0, out="shards")
    assert "/" not in one.model_dump_json()
