from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas import columns as c
from schemas.limits import PerplexityRule
from tasks import perplexity
from tasks.perplexity import Cut

RULE = PerplexityRule(name="wiki", keep=("head", "middle"), least_documents=1)


def documents(scores: list[float | None], lang: str = "en") -> pl.DataFrame:
    column = pl.Series("score_wiki", scores, pl.Float64)
    return pl.DataFrame({c.LANG: [lang] * len(scores)}).hstack([column])


def parts(frame: pl.DataFrame, rule: PerplexityRule = RULE) -> list[str | None]:
    cuts = perplexity.cuts(frame, [rule])
    return frame.select(perplexity.part("wiki", cuts["wiki"]).alias("part"))["part"].to_list()


def test_each_language_is_parted_by_its_own_perplexity() -> None:
    english = documents([float(10 * i) for i in range(10)])
    german = documents([float(1_000 + i) for i in range(10)], "de")
    shown = ["head"] * 3 + ["middle"] * 3 + ["tail"] * 4
    assert parts(pl.concat([english, german])) == shown * 2


@given(
    st.lists(st.floats(1.0, 1e6) | st.none(), max_size=30),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_parts_have_their_share_whatever_the_order(
    scores: list[float | None], head: float, middle: float
) -> None:
    rule = RULE.model_copy(update={"head": head, "middle": middle * (1 - head)})
    frame = documents(scores)
    found = parts(frame, rule)
    values = sorted(s for s in scores if s is not None)
    if values:
        least = math.ceil(round(head * len(values), 9))
        assert found.count("head") >= least
        assert found.count("head") == least or values[least - 1] in values[least:]
    assert [p is None for p in found] == [s is None for s in scores]
    order = sorted((s, p) for s, p in zip(scores, found, strict=True) if s is not None and p)
    assert [p for _, p in order] == sorted((p for _, p in order), key=perplexity.PARTS.index)
    assert parts(frame.sort("score_wiki"), rule).count("head") == found.count("head")


def test_documents_of_parts_that_are_not_kept_break_the_rule_and_those_without_score_do_not() -> (
    None
):
    frame = documents([1.0, None, 50.0, 99.0])
    broken = perplexity.broken(RULE, {"en": Cut(10.0, 60.0)})
    assert frame.select(broken=broken)["broken"].to_list() == [False, False, False, True]


def test_languages_of_few_documents_and_unknown_ones_are_not_parted() -> None:
    rule = RULE.model_copy(update={"least_documents": 3})
    frame = pl.concat([documents([1.0, 2.0, 3.0]), documents([5.0, 6.0], "de")])
    assert set(perplexity.cuts(frame, [rule])["wiki"]) == {"en"}
    assert parts(frame, rule)[3:] == [None, None]
    assert not frame.select(broken=perplexity.broken(rule, {}))["broken"].any()


def test_head_and_middle_are_no_more_than_all() -> None:
    with pytest.raises(ValidationError, match="head and middle of 1 together"):
        PerplexityRule(name="x", keep=("head",), head=0.7, middle=0.4)
