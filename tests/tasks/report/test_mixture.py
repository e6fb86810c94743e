"""Sections of a mixture: asked against achieved, along its order, packed, refused."""

from __future__ import annotations

from typing import Any

from schemas.manifest import StageManifest
from schemas.section import Course
from tasks.report import mixture

SPLIT = {
    "documents": 9,
    "tokens": 1_000,
    "replay_tokens": 240,
    "new_tokens": 760,
    "replay_share": 0.24,
    "largest_document_tokens": 120,
    "sources": {"laws": 760, "news": 240},
}


def manifest(stage: str = "mixture", **details: Any) -> StageManifest:
    return StageManifest(stage=stage, key="", digest="", rows_in=0, rows_out=0, details=details)


def test_each_source_of_replay_is_held_against_its_part() -> None:
    asked = {"replay_share": 0.25, "replay_tokens": 250, "new_tokens": 750}
    replay = manifest("replay", sources={"news": {"share": 1.0}})
    train = {**SPLIT, "supervised_tokens": 640}
    found = mixture.sections(manifest(asked=asked, achieved={"train": train}), replay)
    assert [one.title for one in found] == ["Mixture", "Splits"]
    assert found[0].table is not None
    assert found[0].table.rows == (
        ("replay share", "25.000%", "24.000%", None),
        ("replay tokens", 250, 240, -10),
        ("new tokens", 750, 760, 10),
        ("of laws", None, 760, None),
        ("of news, 100.0% of replay", 250, 240, -10),
        ("supervised tokens", None, 640, None),
        ("largest document, tokens", None, 120, None),
    )


def test_what_a_manifest_has_beside_is_told() -> None:
    asked = {"replay_share": 0.25, "replay_tokens": 250, "new_tokens": 750}
    windows = {"rows_per_window": 4, "unit": "rows", "replay": [0.25, 0.5], "wanted": [0.25, 0.25]}
    places = {"train": {"places": 1024, "ends": 9, "padding": 15, "waste": 15 / 1024}}
    refused = {"chats": {"no role in turn 1": 2, "no turns": 3}}
    told = manifest(
        asked=asked, achieved={"train": SPLIT}, places=places, left_out=refused,
        windows=windows,
    )  # fmt: skip
    found = {one.title: one for one in mixture.sections(told)}
    along, packing, left = (
        found[title] for title in ("Replay along the way", "Packing", "Left out of the mixture")
    )
    said = "share of replay in 2 windows, first to last"
    assert along.course == Course((0.25, 0.5), (0.25, 0.25), ("first row", "last row"), said)
    assert along.text.endswith(
        "At most 25.00 points from what the schedule asks for there; one row is 25.00."
    )
    assert packing.table is not None
    assert packing.table.rows == (("train", 1024, 9, 15, "1.465%"),)
    assert left.table is not None
    assert left.table.rows == (("chats", "no turns", 3), ("chats", "no role in turn 1", 2))
