from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.config import PYTHON_FORMATS, RunConfig, Source
from tasks.hashing import digest

RECIPE: dict[str, Any] = {
    "name": "x",
    "ingest": {
        "sources": [
            {"name": "a", "url": "/a"},
            {"name": "b", "url": ["/b", "/c"], "sample": {"share": 0.5}},
            {"name": "n", "format": "python-source", "origin": "new"},
        ]
    },
    "select": {"exempt": ["a"], "languages": ["en"], "gopher": False},
    "tokenizer": {"train_vocab_size": 300},
    "replay": {"shares": {"a": 0.3, "b": 0.7}},
    "mixture": {"replay_share": 0.05},
}


def test_a_recipe_survives_being_written_down() -> None:
    config = RunConfig.model_validate(RECIPE)
    again = RunConfig.model_validate_json(config.model_dump_json())
    assert again == config
    assert RunConfig.model_validate(config.model_dump(mode="json")) == config
    assert digest(again) == digest(config)
    assert config.select.gopher is None


def test_each_step_sees_its_own_part_alone() -> None:
    config = RunConfig.model_validate(RECIPE)
    assert config.new == ("n",)
    assert config.deciding().origins == {"a": "replay", "b": "replay", "n": "new"}
    assert config.budget().new == ("n",)
    other = RunConfig.model_validate(RECIPE | {"mixture": {"replay_share": 0.25}})
    assert digest(other.deciding()) == digest(config.deciding())
    assert digest(other.budget()) != digest(config.budget())
    described = RunConfig.model_validate(RECIPE | {"description": "other words"})
    assert digest(described.budget()) == digest(config.budget())
    assert digest(described.ingest) == digest(config.ingest)


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=6))
def test_shares_are_accepted_exactly_when_they_sum_to_1(shares: list[float]) -> None:
    names = [f"s{i}" for i in range(len(shares))]
    recipe = {
        "name": "x",
        "ingest": {"sources": [{"name": n, "url": "/x"} for n in names]},
        "tokenizer": {"path": "t"},
        "replay": {"shares": dict(zip(names, shares, strict=True))},
    }
    if abs(sum(shares) - 1) > 1.1e-6:
        with pytest.raises(ValidationError, match="sum to"):
            RunConfig.model_validate(recipe)
    total = sum(shares)
    if total > 0.01:
        recipe["replay"] = {"shares": {n: s / total for n, s in zip(names, shares, strict=True)}}
        RunConfig.model_validate(recipe)


@pytest.mark.parametrize("kind", PYTHON_FORMATS)
def test_the_interpreter_needs_no_place_and_takes_none(kind: str) -> None:
    assert Source.model_validate({"name": "x", "format": kind}).url == ()
    with pytest.raises(ValidationError, match="no place"):
        Source.model_validate({"name": "x", "format": kind, "url_list": "/x"})


@pytest.mark.parametrize(
    "section",
    [
        {"signals": {"minhash_bands": 0}},
        {"signals": {"minhash_bands": 1.5}},
        {"dedup": {"threshold": 0.0}},
        {"dedup": {"exact": "yes"}},
        {"select": {"valid_share": 1.1}},
        {"select": {"languages": "en"}},
        {"select": {"gopher": 1}},
        {"signals": {"minhash": False}},
        {"select": {"code": {"max_line_length": 0}}},
        {"select": {"code": {"min_lines_comment": 0.5, "max_lines_comment": 0.4}}},
        {"select": {"overrides": [{"gopher": False}]}},
        {"select": {"overrides": [{"languages": ["DE"]}]}},
        {"select": {"overrides": [{"sources": ["nowhere"]}]}},
        {"select": {"overrides": [{"languages": ["de"], "gopher": 1}]}},
        {"select": {"rules": [{"name": "a", "drop_where": "x"}] * 2}},
        {"select": {"rules": [{"name": "A b", "drop_where": "x"}]}},
        {"corpus": {"materialize": 1}},
        {"tokenizer": {}},
        {"tokenizer": {"train_vocab_size": 256}},
        {"mixture": {"replay_share": float("inf")}},
        {"mixture": {"replay_share": 1.0}},
        {"mixture": {"replay_share": 0.1, "shard_mb": 0}},
        {"mixture": {"replay_share": 0.1, "row_group_mb": 101}},
        {"ingest": {"sources": RECIPE["ingest"]["sources"], "unit_mb": float("nan")}},
        {"seed": "7"},
        {"name": "../up"},
    ],
)
def test_values_of_another_type_or_out_of_bounds_are_refused(section: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RunConfig.model_validate(RECIPE | section)
