"""The data card's summary of licences."""

from __future__ import annotations

from collections import Counter
from typing import Any

from schemas.budgets import ScheduleConfig
from schemas.handoff import Handover
from schemas.manifest import RunManifest, StageManifest
from schemas.mixture import LAYOUT, Layout, TokenizerSaid
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


def written(
    licenses: dict[str, Counter[str]],
    tokens: dict[str, Counter[str]] | None = None,
    recipe: dict[str, Any] | None = None,
) -> str:
    train = SPLIT | {"sources": dict.fromkeys(licenses, 30)}
    mixture = StageManifest(
        stage="mixture",
        key="k",
        digest="d",
        rows_in=3,
        rows_out=3,
        details={"achieved": {"train": train}, LAYOUT: LAID.model_dump(mode="json")},
    )
    run = RunManifest(
        openmoat="1", name="x", recipe_digest="r", recipe=recipe or {"name": "x"}, stages={}
    )
    handover = Handover("", views=())
    return card.card(run, mixture, handover, licenses=licenses, tokens=tokens)


def test_spellings_of_one_licence_are_counted_as_one() -> None:
    licenses = {"a": Counter({"MIT License": 2, "mit": 1, "not stated": 4}), "b": Counter(MIT=5)}
    tokens = {"a": Counter({"MIT License": 20, "mit": 10, "not stated": 44}), "b": Counter(MIT=50)}
    assert "| MIT | 8 |\n| not stated | 4 |\n" in written(licenses)
    assert "| MIT | 8 | 80 |\n| not stated | 4 | 44 |\n" in written(licenses, tokens)
    assert "| a | 30 | not stated (4), MIT (3) |" in written(licenses)


def test_many_licences_are_summed_up() -> None:
    licenses = {"a": Counter({f"own-{i:03d}": 1 for i in range(40)})}
    body = written(licenses, {"a": Counter({f"own-{i:03d}": 3 for i in range(40)})})
    assert "| own-029 | 1 | 3 |\n| 10 others | 10 | 30 |\n" in body
    assert "own-004 (1), and 35 more" in body


def test_a_policy_is_told() -> None:
    select = {"licenses": {"allow": ["CC-*"], "deny": ["*-NC-*"]}, "opt_out": {"urls": ["/u"]}}
    body = written({"a": Counter(MIT=1)}, recipe={"name": "x", "select": select})
    assert "Licences allowed: CC-\\*." in body
    assert "Licences refused: \\*-NC-\\*." in body
    assert "opt-out lists (urls)" in body
    assert "/u" not in body


def test_the_order_is_told() -> None:
    body = written({"a": Counter(MIT=1)})
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
