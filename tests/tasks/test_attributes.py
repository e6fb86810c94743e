"""Attributes as numbers, and rules about them."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from schemas import columns as c
from schemas.config import RunConfig
from schemas.limits import AttributeRule
from schemas.selection import SelectConfig
from tasks import attributes, select
from tasks.rules import attribute_column

ROWS: list[dict[str, Any] | None] = [
    {"toxicity": {"toxicity": 0.1}, "pii": {"pii": {"email": [[0, 4, 0.8], [5, 9, 0.1]]}}},
    {"toxicity": {"toxicity": 0.9}, "pii": {"pii": {"email": []}}},
    {"toxicity": {"toxicity": True}, "pii": {"pii.email": 3, "words": "many", "odd": [1, 2]}},
    {"pii": {}},
    None,
]


def column() -> pl.Series:
    return pl.Series([r and json.dumps(r) for r in ROWS], dtype=pl.String)


def test_numbers_of_every_shape() -> None:
    names = ["toxicity.toxicity", "pii.pii.email", "pii.words", "pii.odd", "none.such"]
    found = attributes.values(column(), names)
    assert found["toxicity.toxicity"].to_list() == [0.1, 0.9, 1.0, None, None]
    assert found["pii.pii.email"].to_list() == [0.8, 0.0, 3.0, None, None]
    assert [found[n].null_count() for n in names[2:]] == [5, 5, 5]
    assert found.schema == dict.fromkeys(names, pl.Float64)
    assert attributes.values(column().clear(), names).height == 0


@pytest.mark.parametrize(
    ("rule", "dropped"),
    [
        ({"max": 0.5}, [1, 2]),
        ({"max": 0.9}, [2]),
        ({"min": 0.5}, [0]),
        ({"min": 0.5, "max": 0.95}, [0, 2]),
    ],
)
def test_rules_drop_what_lies_outside_and_never_what_is_not_known(
    rule: dict[str, float], dropped: list[int]
) -> None:
    name = "toxicity.toxicity"
    config = SelectConfig(gopher=None, attributes=(AttributeRule(name=name, **rule),))
    numbers = attributes.values(column(), [name]).rename({name: attribute_column(name)})
    rows = numbers.height
    frame = numbers.with_columns(
        pl.lit("web").alias(c.SOURCE),
        pl.lit("web").alias(c.RECIPE_SOURCE),
        pl.lit("replay").alias(c.ORIGIN),
        pl.lit(9).alias(c.GOPHER_WORD_COUNT),
    )
    found = select.reasons(frame, config).to_list()
    assert found == [[f"attribute:{name}"] if i in dropped else [] for i in range(rows)]


@pytest.mark.parametrize("rule", [{}, {"min": 2.0, "max": 1.0}])
def test_a_rule_that_says_nothing_or_leaves_nothing(rule: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="wanted"):
        AttributeRule(name="a.b", **rule)


@pytest.mark.parametrize(
    ("folders", "said"),
    [(["toxicity", "pii"], "The folders are 'toxicity', 'pii'"), ([], "Add attributes")],
)
def test_a_rule_is_about_a_folder_that_a_source_has(folders: list[str], said: str) -> None:
    source = {"name": "web", "url": "/x/documents", "attributes": folders}
    rules = [{"name": "toxcity.toxicity", "max": 0.4}]
    with pytest.raises(ValueError, match=f"a rule about 'toxcity.toxicity'.*{said}"):
        RunConfig.model_validate(
            {"name": "x", "ingest": {"sources": [source]}, "select": {"attributes": rules}}
        )
