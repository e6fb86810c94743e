"""The data card's summary of licences."""

from __future__ import annotations

from typing import Any

from schemas.budgets import ScheduleConfig
from schemas.handoff import Handover
from schemas.manifest import RunManifest, StageManifest
from schemas.mixture import LAYOUT, RIGHTS, Layout, TokenizerSaid
from tasks.report import card, card_views

LAID = Layout(
    format="text",
    row_tokens=None,
    tokenizer=TokenizerSaid(kind="tokenizers", digest="t", size=9),
    seed=7,
    epochs=2,
    replay_epochs=4,
    schedule=ScheduleConfig(kind="anneal", end=0.5, part=0.25),
    order="dissimilar_first",
)
SPLIT = {"documents": 3, "tokens": 30, "replay_tokens": 0, "new_tokens": 30, "replay_share": 0.0}


Licenses = dict[str, list[dict[str, Any]]]


def counted(license: str | None, documents: int, tokens: int = 0) -> dict[str, Any]:  # noqa: A002
    return {"license": license, "documents": documents, "tokens": tokens}


ONE: Licenses = {"a": [counted("MIT", 1)]}


def written(licenses: Licenses = ONE, recipe: dict[str, Any] | None = None) -> str:
    train = SPLIT | {"sources": dict.fromkeys(licenses, 30)}
    mixture = StageManifest(
        stage="mixture",
        key="k",
        digest="d",
        rows_in=3,
        rows_out=3,
        details={
            "achieved": {"train": train},
            LAYOUT: LAID.model_dump(mode="json"),
            RIGHTS: {"licenses": licenses, "opt_out": {}},
        },
    )
    run = RunManifest(
        openmoat="1", name="x", recipe_digest="r", recipe=recipe or {"name": "x"}, stages={}
    )
    return card.card(run, mixture, Handover("", views=()))


def test_licences_are_told_of_each_source_and_of_all_together() -> None:
    licenses = {
        "a": [counted("MIT", 3, 30), counted(None, 4, 14)],
        "b": [counted("MIT", 5, 50)],
        "c": [],
    }
    body = written(licenses)
    assert "| a | 30 | not stated (4), MIT (3) |\n| b | 30 | MIT (5) |\n| c | 30 | not s" in body
    assert "| MIT | 8 | 80 |\n| not stated | 4 | 14 |\n" in body


def test_many_licences_are_summed_up() -> None:
    body = written({"a": [counted(f"own-{i:03d}", 1, 3) for i in range(40)]})
    assert "| own-029 | 1 | 3 |\n| 10 others | 10 | 30 |\n" in body
    assert "own-004 (1), and 35 more" in body


def test_a_policy_is_told() -> None:
    select = {"licenses": {"allow": ["CC-*"], "deny": ["*-NC-*"]}, "opt_out": {"urls": ["/u"]}}
    body = written(recipe={"name": "x", "select": select})
    assert "Licences allowed: CC-\\*." in body
    assert "Licences refused: \\*-NC-\\*." in body
    assert "opt-out lists (urls)" in body
    assert "/u" not in body


def test_the_order_is_told() -> None:
    body = written()
    assert "Share of replay: anneal, end 0.5, part 0.25." in body
    assert "New data: the least like the replay first (seed 7)." in body
    assert "2 of new data, 4 of replay" in body


def test_columns_are_told_of_each_format() -> None:
    form = card_views.columns
    assert "`text`: what is read" in form(LAID)
    assert "`messages` of conversations" in form(LAID.model_copy(update={"format": "messages"}))
    ids = LAID.model_copy(update={"format": "tokens"})
    assert "`labels` (-100" in form(ids)
    assert "Lists with a value for each piece" not in form(ids)
    packed = form(ids.model_copy(update={"row_tokens": 4096}))
    assert "One row is 4,096 tokens of one origin" in packed
    assert "Lists with a value for each piece" in packed
    assert "`url`" in form(ids)
    assert "`url`" not in packed  # it has none
