"""Published mixtures say what their authors printed, and turn into shares without loss."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.errors import ConfigError
from schemas.published import PublishedMixture, published, shares
from schemas.shipped import names

SEVEN = {"common-crawl", "c4", "github", "wikipedia", "books", "arxiv", "stackexchange"}


def mixture(unit: str, figures: dict[str, float], **changes: Any) -> PublishedMixture:
    fields = {
        "name": "made-up",
        "title": "Made up",
        "source": "this test",
        "status": "published",
        "unit": unit,
        "components": {n: {"figure": f, "verified": True} for n, f in figures.items()},
    }
    return PublishedMixture.model_validate(fields | changes)


@pytest.mark.parametrize("name", names("mixtures"))
def test_every_shipped_mixture_sums_to_one(name: str) -> None:
    found = shares(name)
    assert math.fsum(found.values()) == pytest.approx(1.0, abs=1e-9)
    assert published(name).name == name


@pytest.mark.parametrize("name", ["llama-1", "redpajama-1t", "slimpajama"])
def test_remakes_of_llamas_mixture_have_its_seven_sources(name: str) -> None:
    assert set(shares(name)) == SEVEN


@pytest.mark.parametrize("name", names("mixtures"))
def test_every_component_says_where_such_text_can_be_had(name: str) -> None:
    for component in published(name).components.values():
        assert component.open is not None
        assert component.open.hub or component.open.note


def test_some_mixtures_are_read_at_the_source_and_some_are_hearsay() -> None:
    status = {name: published(name).status for name in names("mixtures")}
    assert {n for n, s in status.items() if s == "estimated"} == {"smollm", "smollm3"}
    assert status["the-pile"] == status["dolma-v1.7"] == status["olmo-2"] == "published"


@pytest.mark.parametrize(
    ("name", "component", "share"),
    [
        ("llama-1", "common-crawl", 0.67),
        ("llama-1", "stackexchange", 0.02),
        ("slimpajama", "c4", 0.2669),
        ("slimpajama", "wikipedia", 0.04),
        ("redpajama-1t", "common-crawl", 878 / 1210),
        ("redpajama-1t", "arxiv", 28 / 1210),
        ("dolma-v1.7", "wikipedia", 2 * 3.7 / 1645.15),
        ("dolma-v1.7", "common-crawl", 1195.5 / 2 / 1645.15),
        ("the-pile", "books3", 12.07 / 100.0),
    ],
)
def test_shares_are_the_published_ones(name: str, component: str, share: float) -> None:
    assert shares(name)[component] == pytest.approx(share, abs=1e-9)


def test_published_figures_stay_as_printed() -> None:
    redpajama = published("redpajama-1t")
    assert redpajama.unit == "billion tokens"
    assert redpajama.total == 1210
    assert redpajama.components["github"].figure == 59


@given(
    st.dictionaries(
        st.text("abc-", min_size=1, max_size=6),
        st.floats(min_value=1e-3, max_value=1e6),
        min_size=1,
        max_size=40,
    )
)
def test_normalising_keeps_proportions(figures: dict[str, float]) -> None:
    found = mixture("billion tokens", figures).shares()
    assert math.fsum(found.values()) == pytest.approx(1.0, abs=1e-9)
    total = math.fsum(figures.values())
    assert all(found[n] * total == pytest.approx(f) for n, f in figures.items())


def test_percentages_that_miss_a_hundred_are_refused() -> None:
    with pytest.raises(ValidationError, match="add up to 90, not 100"):
        mixture("percent of tokens", {"a": 60.0, "b": 30.0})


def test_published_figures_must_be_verified() -> None:
    doubtful = {"a": {"figure": 1.0, "verified": False}}
    with pytest.raises(ValidationError, match="'a' is not verified"):
        mixture("billion tokens", {}, components=doubtful)
    assert mixture("billion tokens", {}, components=doubtful, status="estimated").total == 1.0


def one(**changes: Any) -> dict[str, Any]:
    return {"components": {"a": {"figure": 100.0, "verified": True, **changes}}}


def test_a_part_that_was_sampled_twice_counts_twice() -> None:
    parts = {"a": {"figure": 3.0, "verified": True}, "b": {"figure": 1.0, "verified": True}}
    parts["b"]["rate"] = 3.0
    assert mixture("billion tokens", {}, components=parts).shares() == {"a": 0.5, "b": 0.5}


def test_percentages_have_no_rate() -> None:
    assert mixture("percent of bytes", {}, **one()).shares() == {"a": 1.0}
    with pytest.raises(ValidationError, match="add up to"):
        mixture("percent of bytes", {}, **one(figure=90.0))
    two = {n: {"figure": 50.0, "verified": True, "rate": r} for n, r in (("a", 0.5), ("b", 1.5))}
    with pytest.raises(ValidationError, match="rate goes with counts of tokens"):
        mixture("percent of tokens", {}, components=two)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({}, "says why there is none"),
        ({"license": "CC0-1.0", "note": "none"}, "says why there is none"),
        ({"hub": "no-owner"}, "hub"),
        ({"hub": "a/b", "set_field": "meta"}, "go together"),
        ({"hub": "a/b", "path": "x"}, "path"),
    ],
)
def test_where_text_can_be_had_is_a_dataset_or_a_reason(place: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        mixture("billion tokens", {}, **one(open=place))


@pytest.mark.parametrize("figure", [0.0, -1.0, math.inf, math.nan])
def test_a_figure_is_a_positive_number(figure: float) -> None:
    with pytest.raises(ValidationError):
        mixture("billion tokens", {"a": figure})


def test_unknown_mixture_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'llama-1'"):
        shares("llama1")
