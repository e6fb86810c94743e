"""A certificate as a page and as tables: figures stand where they belong, names are not obeyed."""

from __future__ import annotations

from functools import cache

import pytest

from schemas.certificate import Certificate, Pair, Shared
from tasks.replay.certificate import How, certified
from tasks.report import page
from tasks.report.certificate import REST, sections
from tests import corpora
from tests.tasks.replay.certificate.made import of


@cache
def made() -> Certificate:
    prose = [corpora.prose(i, 90) for i in range(120)]
    sides = [of(prose[start : start + 40], ["<b>x</b>", "y"] * 20) for start in (0, 40, 80)]
    how = How(names=("<i>shard</i>", "reference"), most_tokens=10_000)
    found = certified(sides[0], sides[1], random=sides[2], pool=sides[2], how=how)
    pair = Pair(left="a", right="b", similarity=0.9)
    shared = Shared(left="s", right="r", left_documents=2, right_documents=3, left_matched=1,
                    right_matched=1, exact_pairs=0, near_pairs=1, threshold=0.8,
                    pairs=(pair,))  # fmt: skip
    return found.model_copy(update={"shared": (shared,)})


def test_the_page_has_the_verdict_charts_and_no_markup_of_others() -> None:
    body = page.render("Certificate", "", list(sections(made())))
    assert "No verdict" in body
    assert "<i>shard" not in body
    assert "<b>x" not in body
    assert "&lt;b&gt;x" in body
    assert body.count("<svg") >= 3
    assert "Likest pairs" in body


def test_shares_of_a_chart_are_all_there() -> None:
    for section in sections(made()):
        if section.chart is not None:
            assert [label for label, _ in section.chart.rows] == [
                "reference", "shard", "random draw",
            ]  # fmt: skip
            for _, values in section.chart.rows:
                assert sum(values) == pytest.approx(100, abs=0.01)
    clusters = next(s for s in sections(made()) if s.title == "Shares of clusters")
    assert clusters.table is not None
    assert len(clusters.table.rows) <= 12
    assert clusters.chart is not None
    assert clusters.chart.parts[-1] == REST


def test_what_was_not_measured_is_left_out() -> None:
    bare = made().model_copy(
        update={
            "labels": None, "divergences": None, "two_sample": None, "cross_perplexity": None,
            "lengths": None, "random": None, "pool": None, "shared": (),
        }
    )  # fmt: skip
    assert [section.title for section in sections(bare)] == ["Certificate", "Shares of clusters"]
