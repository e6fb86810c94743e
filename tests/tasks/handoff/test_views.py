"""What ``datasets`` reads of a mixture by its card, whole and streaming."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from schemas.mixture import table_schema
from schemas.views import View, views
from tasks import storage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tasks.handoff.conftest import Made

BOTH = {"train": {"text", "chat"}, "validation": {"text"}}
LEARNED = ["input_ids", "attention_mask", "labels"]
FORMATS: list[Any] = [("text", None), ("messages", None), ("tokens", None), ("tokens", 64)]


def stored(out: Path, split: str) -> list[dict[str, Any]]:
    """Every row of a split as it stands in the shards."""
    files = sorted((out / "mixture" / split).glob("*.parquet"))
    return [row for file in files for row in storage.read_table(str(file)).to_pylist()]


def named(out: Path) -> dict[str, Any]:
    """The views of the card, by name."""
    card = (out / "README.md").read_text()
    return {one["config_name"]: one for one in yaml.safe_load(card.split("---")[1])["configs"]}


@pytest.mark.parametrize(("form", "size"), FORMATS)
def test_each_view_has_its_columns_and_rows(
    made: Made, form: str, size: int | None, tmp_path: Path
) -> None:
    from datasets import load_dataset

    out = made(form, size)
    for name, view in named(out).items():
        loaded = load_dataset(str(out), name, cache_dir=str(tmp_path))
        assert list(loaded) == ["train", "validation"]
        kind = view["filters"][0][2] if "filters" in view else None
        for split, found in loaded.items():
            columns = view.get("columns") or found.column_names
            rows = [row for row in stored(out, split) if kind is None or row["kind"] == kind]
            assert found.to_list() == [{name: row[name] for name in columns} for row in rows]
            assert len(rows) > 0
            streamed = load_dataset(str(out), name, split=split, streaming=True)
            assert list(streamed) == found.to_list()


@pytest.mark.parametrize(("form", "size"), FORMATS)
def test_streaming_goes_on_where_it_was(made: Made, form: str, size: int | None) -> None:
    from datasets import load_dataset

    for name in named(made(form, size)):
        whole = load_dataset(str(made(form, size)), name, split="train", streaming=True)
        rows, taken = list(whole), []
        for row in whole:
            taken.append(row)
            if len(taken) == 20:
                break
        again = load_dataset(str(made(form, size)), name, split="train", streaming=True)
        again.load_state_dict(whole.state_dict())
        assert taken + list(again) == rows


@pytest.mark.parametrize(("form", "size"), FORMATS)
def test_the_mixture_loads_by_itself_and_elsewhere(
    made: Made, form: str, size: int | None, tmp_path: Path
) -> None:
    from datasets import load_dataset

    shutil.copytree(made(form, size) / "mixture", tmp_path / "moved")
    for name in named(made(form, size)):
        there = load_dataset(str(made(form, size)), name, split="train", streaming=True)
        moved = load_dataset(str(tmp_path / "moved"), name, split="train", streaming=True)
        assert list(moved) == list(there)


def test_a_view_of_every_column_has_the_types_of_the_contract(made: Made) -> None:
    from datasets import Features, load_dataset

    for form, size in FORMATS:
        found = load_dataset(str(made(form, size)), "full", split="train", streaming=True)
        expected = Features.from_arrow_schema(table_schema(form, packed=size is not None))
        assert found.features == expected


def test_views_by_format() -> None:
    every = ("train", "validation")
    full = View("full", (), None, every)
    chat = View("chat", ("messages",), "chat", ("train",))
    text = View("text", ("text",), "text", every)
    learned = View("default", tuple(LEARNED), None, every)
    assert views("text", packed=False, kinds=BOTH) == (
        View("default", ("text",), None, every),
        full,
    )
    assert views("messages", packed=False, kinds=BOTH) == (
        chat._replace(name="default"),
        full,
        chat,
        text,
    )
    assert views("tokens", packed=False, kinds=BOTH) == (learned, full, chat, text)
    assert views("tokens", packed=True, kinds=BOTH) == (learned, full)


def test_views_of_rows_that_are_not_there_are_left_out() -> None:
    kinds: dict[str, set[str]] = {"train": {"text"}, "validation": set()}
    found = views("messages", packed=False, kinds=kinds)
    assert [view.name for view in found] == ["default", "full", "text"]
    assert {view.splits for view in found} == {("train",)}
    assert found[0].columns == ("text",)


def test_trainers_get_no_other_columns_by_default(made: Made) -> None:
    assert named(made("tokens"))["default"]["columns"] == LEARNED
    assert named(made("tokens", 64))["default"]["columns"] == LEARNED


def test_conversations_beside_text_are_said_to_be_apart(made: Made) -> None:
    said = "`default` is the conversations alone"
    assert said in (made("messages") / "README.md").read_text()
    assert said not in (made("messages", chat=False) / "README.md").read_text()
    assert said not in (made("tokens") / "README.md").read_text()
