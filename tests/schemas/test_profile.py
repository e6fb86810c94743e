"""Profiles that contradict themselves are refused; the others survive being written."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.profile import Lengths, NGrams, Profile, Quantiles, Share, Shares

NONE: dict[str, Any] = {"provenance": "unknown", "basis": "nobody says"}


def profile(**parts: Any) -> Profile:
    rest = dict.fromkeys(("sources", "languages", "lengths", "ngrams", "strata"), NONE)
    return Profile.model_validate({"kind": "pretrain", "title": "some", **rest, **parts})


def test_a_profile_survives_being_written() -> None:
    share = Share(share=0.75, low=0.5, high=0.9)
    sources = Shares(
        provenance="inferred",
        basis="merges",
        level=0.9,
        shares={"b": share, "a": Share(share=0.05)},
        other=Share(share=0.2),
    )
    lengths = Lengths(
        provenance="sampled", basis="x", n_eff=9, levels=(0.5,), tokens=Quantiles(values=(7.0,))
    )
    told = profile(sources=sources, lengths=lengths, notes=("so", "it is"))
    again = Profile.model_validate_json(told.model_dump_json())
    assert again == told
    assert list(again.sources.plain()) == ["b", "a"]
    assert set(again.parts()) == {"sources", "languages", "lengths", "n-grams", "strata"}


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"provenance": "sampled", "basis": "x"}, "without n_eff"),
        ({"provenance": "published", "basis": "x", "level": 0.9}, "leave them out"),
        ({"provenance": "guessed", "basis": "x"}, "published"),
        ({"provenance": "published", "basis": ""}, "at least 1"),
        ({"shares": {"a": Share(share=0.5)}}, r"0.5 in all"),
        ({"shares": {"a": Share(share=1, low=0.5, high=1)}}, "without a level"),
    ],
)
def test_shares_that_contradict_themselves_are_refused(part: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        profile(sources=NONE | part)


@pytest.mark.parametrize("ends", [{"low": 0.5}, {"low": 0.6, "high": 0.4}])
def test_intervals_have_two_ends_in_order(ends: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="interval"):
        Share(share=0.5, **ends)


def test_other_parts_have_a_value_for_each() -> None:
    with pytest.raises(ValidationError, match="2 levels"):
        Lengths(**NONE, levels=(0.1, 0.9), tokens=Quantiles(values=(7.0,)))
    with pytest.raises(ValidationError, match="4 bytes of a mean"):
        NGrams(**NONE, mean=base64.b64encode(b"four").decode())
