"""The files for trainers: what each is for, that it can be read, and that nothing binds a place."""

from __future__ import annotations

import ast
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from schemas.mixture import LAYOUT, Layout
from tasks import ledger
from tasks.handoff import OURS
from tasks.steps import handoff
from tests.tasks.handoff.test_views import FORMATS, named

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tasks.handoff.conftest import Made

SCRIPT, WEIGHTS, TRL = "transformers_trainer.py", "loss_weights.py", "trl_sft.py"
AXOLOTL, FACTORY, DATA = "axolotl.yaml", "llamafactory.yaml", "dataset_info.json"
TITAN = "torchtitan_dataset.py"
IDS_ONLY = {SCRIPT, WEIGHTS}
EVERY = {TRL, AXOLOTL, FACTORY}
ALL = [*FORMATS, ("messages", "chat"), ("messages", "text"), ("tokens", "text")]


def out_of(made: Made, form: str, size: Any) -> Path:
    if isinstance(size, str):
        return made(form, chat=size == "chat", text=size == "text")
    return made(form, size)


def files(out: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in (out / "mixture" / "trainers").iterdir()}


def layout(out: Path) -> Layout:
    return Layout.model_validate(ledger.read(str(out), "mixture").details[LAYOUT])


@pytest.mark.parametrize(
    ("form", "size", "names"),
    [
        ("text", None, {*EVERY, DATA, TITAN}),
        ("messages", None, {*EVERY, DATA}),
        ("tokens", None, {*EVERY, *IDS_ONLY}),
        ("tokens", 64, {*EVERY, *IDS_ONLY}),
    ],
)
def test_files_by_format(made: Made, form: str, size: int | None, names: set[str]) -> None:
    assert set(files(made(form, size))) == names


@pytest.mark.parametrize(("form", "size"), ALL)
def test_all_can_be_read_and_name_no_place(made: Made, form: str, size: Any) -> None:
    out = out_of(made, form, size)
    for name, body in files(out).items():
        assert str(out) not in body
        assert not re.search(r"\$\w|\$\{", body)
        assert all(len(line) <= 100 for line in body.splitlines())
        if name.endswith(".py"):
            ast.parse(body)
        elif name.endswith(".json"):
            json.loads(body)
        else:
            yaml.safe_load(body)


@pytest.mark.parametrize(("form", "size"), ALL)
def test_views_that_files_name_are_on_the_card(made: Made, form: str, size: Any) -> None:
    out = out_of(made, form, size)
    views, own = named(out), files(out)
    axolotl = yaml.safe_load(own[AXOLOTL])
    for one in (*axolotl["datasets"], *axolotl["test_datasets"]):
        assert one["split"] in {f["split"] for f in views[one["name"]]["data_files"]}
    for one in json.loads(own.get(DATA, "{}")).values():
        assert one["subset"] in views
    parsed = re.search(r'"--view", default="(\w+)", choices=(\[.*\])', own[TRL])
    assert parsed
    choices = ast.literal_eval(parsed[2])
    assert parsed[1] in choices
    assert set(choices) <= set(views)


def test_packed_rows_are_as_long_as_said(made: Made) -> None:
    own = files(made("tokens", 64))
    assert yaml.safe_load(own[AXOLOTL])["sequence_len"] == 64
    assert yaml.safe_load(own[FACTORY])["cutoff_len"] == 64
    assert "default_data_collator" in own[SCRIPT]
    assert "DataCollatorForSeq2Seq(tokenizer)" in files(made("tokens"))[SCRIPT]


def test_no_row_is_longer_than_said(made: Made) -> None:
    out = made("tokens")
    longest = yaml.safe_load(files(out)[AXOLOTL])["sequence_len"]
    achieved = ledger.read(str(out), "mixture").details["achieved"]
    assert longest == 1 + max(split["largest_document_tokens"] for split in achieved.values())


@pytest.mark.parametrize(("form", "size"), ALL)
def test_order_is_kept_or_said_to_be_lost(made: Made, form: str, size: Any) -> None:
    own = files(out_of(made, form, size))
    apart = (form, size) == ("messages", None)
    axolotl = yaml.safe_load(own[AXOLOTL])
    assert axolotl["shuffle_merged_datasets"] is apart
    assert axolotl.get("curriculum_sampling", False) is not apart
    assert ("order, and with it a schedule, is lost" in own[AXOLOTL]) is apart
    assert yaml.safe_load(own[FACTORY])["disable_shuffling"] is True
    assert ("the mixture's shares are lost" in own[FACTORY]) is apart
    assert 'train_sampling_strategy="sequential"' in own[TRL]
    assert 'packing_strategy="bfd_split"' in own[TRL]


def test_what_a_trainer_cannot_take_is_told(made: Made) -> None:
    card = (made("messages") / "README.md").read_text()
    assert (
        '| transformers Trainer | none | Trains on ids: build the mixture with `format = "' in card
    )
    assert (
        '| torchtitan | none | Reads text alone: build the mixture with `format = "text"`.' in card
    )
    assert "[`trl_sft.py`](mixture/trainers/trl_sft.py)" in card
    beside = (made("messages") / "mixture" / "README.md").read_text()
    assert "[`trl_sft.py`](trainers/trl_sft.py)" in beside


def test_ids_and_tokenizer_are_named(made: Made) -> None:
    out = made("tokens")
    own, said = files(out), layout(out).tokenizer
    for name in (SCRIPT, TRL):
        assert f"IDS = {said.size}  #" in own[name]
    assert all(said.digest in own[name] for name in (SCRIPT, TRL, AXOLOTL, FACTORY))


def test_files_of_another_format_go(made: Made) -> None:
    out = made("text", None, chat=False)
    stale = out / "mixture" / "trainers" / SCRIPT
    stale.write_text("")
    handoff.write_card.fn(str(out))
    assert not stale.exists()


def test_what_a_trainer_left_there_stays(made: Made) -> None:
    out = made("text", None, chat=False)
    folder = out / "mixture" / "trainers"
    (folder / "axolotl-out").mkdir()
    (folder / "axolotl-out" / "model.safetensors").write_bytes(b"days of work")
    (folder / "rows").mkdir()  # saved of another mixture, perhaps
    handoff.write_card.fn(str(out))
    assert (folder / "axolotl-out" / "model.safetensors").read_bytes() == b"days of work"
    assert not (folder / "rows").exists()
    shutil.rmtree(folder / "axolotl-out")


def test_ours_are_the_files_of_all_formats(made: Made) -> None:
    handed = {name for form, size in ALL for name in files(out_of(made, form, size))}
    assert handed | {"rows"} == OURS


def test_templates_of_the_recipe_are_those_of_llama_factory(made: Made) -> None:
    assert yaml.safe_load(files(made("messages"))[FACTORY])["template"] == "chatml"
    assert "template" not in yaml.safe_load(files(made("text"))[FACTORY])


def test_what_ends_a_turn_is_learned_by_axolotl(made: Made) -> None:
    assert yaml.safe_load(files(made("messages"))[AXOLOTL])["eot_tokens"] == ["<|im_end|>"]
    for other in (made("tokens"), made("text"), made("messages", chat=False)):
        assert "eot_tokens" not in files(other)[AXOLOTL]


def test_weights_of_tokens_follow_the_pieces_of_a_row(made: Made) -> None:
    pieces = _function(files(made("tokens", 64))[WEIGHTS], "token_weights")
    row = {"input_ids": [0] * 8, "loss_weight": [2.0, 0.5], "tokens": [3, 2], "ends": [True, False]}
    assert pieces(row) == [2.0] * 4 + [0.5] * 2 + [0.0] * 2
    whole = _function(files(made("tokens"))[WEIGHTS], "token_weights")
    assert whole({"input_ids": [1, 2, 3], "loss_weight": 0.5}) == [0.5] * 3


def _function(body: str, name: str) -> Any:
    """A function of a script whose imports this environment lacks."""
    found: list[ast.stmt] = [
        n for n in ast.parse(body).body if isinstance(n, ast.FunctionDef) and n.name == name
    ]
    space: dict[str, Any] = {}
    exec(compile(ast.Module(found, []), name, "exec"), space)  # noqa: S102  (our own file)
    return space[name]
