"""The guard's section: what was looked at and how, and what was left out for what."""

from __future__ import annotations

from typing import Any

from schemas import columns as c
from schemas.guard import IN_NEW
from schemas.manifest import StageManifest
from tasks.report import guard

NOTHING = {
    "near": True,
    "threshold": 0.8,
    "verification": "exact",
    "evals": True,
    "left_out": [],
    "decided": [],
    "spared": {},
}


def manifest(**details: Any) -> StageManifest:
    told = {**NOTHING, **details}
    return StageManifest(stage="guard", key="", digest="", rows_in=1_200, rows_out=0, details=told)


def test_nothing_found() -> None:
    (section,) = guard.sections(manifest())
    assert section.table is None
    assert section.text == (
        "1,200 kept documents of replay and new data were compared once more. Near: Jaccard "
        "similarity, exact, of 0.8 or more. Nothing was found."
    )


def test_what_could_not_be_looked_for_is_said() -> None:
    (section,) = guard.sections(manifest(near=False, evals=False, spared={"licences": 3}))
    assert "without MinHash (signals.minhash) near ones are not found" in section.text
    assert "The recipe names no evaluation sets." in section.text
    assert "have an evaluation item and stay: licences 3 documents" in section.text


def test_the_card_has_a_sentence_of_it() -> None:
    told = {**NOTHING, "compared": {"new train": 1_000, "replay train": 200}, "evals": False}
    assert guard.sentence({**told, "left_out": [{"documents": 2}, {"documents": 3}]}) == (
        "The guard compared 1,200 documents of replay, new data and evaluation sets, and left 5 "
        "out; the recipe names no evaluation sets."
    )


def test_who_gave_way_for_whom() -> None:
    row = {
        c.ORIGIN: "replay",
        c.SOURCE: "news",
        c.REASON: IN_NEW,
        c.MATCHED_SOURCE: "laws",
        c.LEVEL: "near",
        "documents": 2,
        c.N_BYTES: 4_000_000,
        c.TOKENS_EST: None,
    }
    before = {c.ORIGIN: "replay", c.SOURCE: "news", c.DROP_REASON: "exact_duplicate",
              "documents": 7}  # fmt: skip
    found = guard.sections(manifest(left_out=[row], decided=[before]))
    assert [one.table and one.table.rows for one in found] == [
        (("replay", "news", "is replay, and new data has it", "laws", "near", 2, 4.0, "-"),),
        (("replay", "news", "exact_duplicate", 7),),
    ]
