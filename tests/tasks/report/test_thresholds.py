"""Histograms about the thresholds: what the manifest holds, and how the page shows it."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from typing import Any

import orjson
import polars as pl
import pytest

from schemas.manifest import StageManifest
from schemas.section import Panel, Section, Strip
from tasks.report.histograms import SOURCES, histograms
from tasks.report.page import render
from tasks.report.panels import drawn, marks
from tasks.report.thresholds import limits, number, share, thresholds
from tasks.rules import Rule

WORDS = Rule("gopher_word_count", "words", least=50)
DUPES = Rule("dupes", "dupes", most=0.2)
OWN = Rule("rule:own", expression="words < 3")
RULES = (WORDS, DUPES, OWN)


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema: dict[str, Any] = {
        "source": pl.String,
        "words": pl.Int64,
        "dupes": pl.Float64,
        "drop_reasons": pl.List(pl.String),
    }
    return pl.DataFrame([{"drop_reasons": [], "dupes": 0.0} | row for row in rows], schema=schema)


def counted(rows: list[dict[str, Any]], rules: tuple[Rule, ...] = RULES) -> dict[str, Any]:
    every = frame(rows)
    return histograms(every.select("source", "drop_reasons"), rules, every.select)


def manifest(found: dict[str, Any]) -> StageManifest:
    # As the manifest's file gives it back.
    details = orjson.loads(orjson.dumps({"histograms": found}))
    return StageManifest(stage="select", key="", digest="", rows_in=0, rows_out=0, details=details)


def sections(rows: list[dict[str, Any]], rules: tuple[Rule, ...] = RULES) -> list[Section]:
    return thresholds(manifest(counted(rows, rules)))


SHORT: dict[str, Any] = {"source": "news", "words": 20, "drop_reasons": [WORDS.name]}
BOTH: dict[str, Any] = {
    "source": "news",
    "words": 3,
    "dupes": 0.5,
    "drop_reasons": ["exact_duplicate", WORDS.name],
}
GOOD: dict[str, Any] = {"source": "news", "words": 80}
NEW: dict[str, Any] = {"source": "laws", "words": 10}
UNKNOWN: dict[str, Any] = {"source": "laws", "words": None, "dupes": math.nan}


def test_documents_are_counted_by_source_and_rule() -> None:
    found = counted([SHORT, SHORT, BOTH, GOOD, NEW, UNKNOWN])
    news, laws = found["sources"]
    assert (news["source"], news["documents"], laws["documents"]) == ("news", 4, 2)
    words = news["rules"][WORDS.name]
    assert {k: words[k] for k in ("broken", "alone", "outside", "unknown", "median")} == {
        "broken": 3,
        "alone": 2,
        "outside": 3,
        "unknown": 0,
        "median": 20.0,
    }
    assert laws["rules"][WORDS.name]["broken"] == 0
    assert laws["rules"][WORDS.name]["outside"] == 1
    assert laws["rules"][WORDS.name]["unknown"] == laws["rules"]["dupes"]["unknown"] == 1
    assert news["rules"]["rule:own"] == {"broken": 0, "alone": 0}


def test_every_value_is_in_a_bar_and_bars_know_their_side() -> None:
    found = counted([SHORT, BOTH, GOOD, NEW, UNKNOWN] * 7)
    (words, dupes, _) = found["rules"]
    for rule in (words, dupes):
        first, last = map(int, rule["kept"].split())
        for source in found["sources"]:
            own = source["rules"][rule["name"]]
            counts = [int(n) for n in own["counts"].split()]
            assert len(counts) == len(rule["edges"].split()) - 1
            assert sum(counts) + own["unknown"] == source["documents"]
            assert sum(counts[:first] + counts[last:]) == own["outside"]


def test_the_order_of_rows_does_not_count() -> None:
    rows = [SHORT, BOTH, GOOD, NEW, UNKNOWN, GOOD]
    assert counted(rows) == counted(rows[::-1])


def test_of_many_sources_the_largest_are_shown_and_the_rest_together() -> None:
    rows = [
        {"source": f"s{i:03d}", "words": 60 + i} for i in range(1_000) for _ in range(1 + i // 900)
    ]
    found = counted(rows)
    assert len(found["sources"]) == SOURCES + 1
    assert found["sources"][0]["source"] == "s900"
    rest = found["sources"][-1]
    assert (rest["source"], rest["sources"]) == (None, 1_000 - SOURCES)
    assert rest["documents"] == len(rows) - 2 * SOURCES
    assert len(orjson.dumps(found, option=orjson.OPT_INDENT_2)) < 1_000 * (SOURCES + 2) * len(RULES)
    one_more = [{"source": f"s{i}", "words": 60} for i in range(SOURCES + 1)]
    assert all(s["source"] for s in counted(one_more)["sources"])


def test_overrides_of_a_rule_are_told() -> None:
    other = Rule(WORDS.name, "words", least=10)
    first, second = sections([SHORT, GOOD], (WORDS, other))
    assert first.table is not None
    assert first.table.rows == ((WORDS.name, "at least 50; overrides have others", 1, 50.0, 1),)
    assert second.panels[0].text == "kept: at least 50; overrides have others"


def test_nothing_to_show_is_no_section() -> None:
    assert sections([]) == []
    assert sections([GOOD], ()) == []
    assert thresholds(manifest({"rules": [], "sources": []})) == []
    assert [s.title for s in sections([GOOD], (OWN,))] == ["Thresholds"]


def test_figures_are_said_in_words() -> None:
    (panel, _) = sections([SHORT, SHORT, BOTH, GOOD, NEW, UNKNOWN])[1].panels
    news, laws = panel.strips
    assert news.figure == "75.0 %"
    assert news.said == "3 of 4 documents break the rule, 2 of them no other; median 20."
    assert laws.figure == "not judged"
    assert laws.said == (
        "0 of 2 documents break the rule; 1 beyond the limits are not judged by it; median 10; "
        "1 have no value."
    )


@pytest.mark.parametrize(
    ("part", "of", "said"),
    [
        (0, 9, "0 %"),
        (9, 9, "100 %"),
        (1, 10**6, "<0.01 %"),
        (9_999, 10_000, "99.9 %"),
        (1, 300, "0.33 %"),
    ],
)
def test_some_are_never_shown_as_none_or_all(part: int, of: int, said: str) -> None:
    assert share(part, of) == said


def test_limits_in_words() -> None:
    assert limits(50, 100_000) == "50 to 100,000"
    assert limits(None, 0.18) == "at most 0.18"
    assert limits(3.0, None) == "at least 3"
    assert (limits(None, None), number(0.123456), number(-1e20)) == ("", "0.1235", "-1e+20")


def test_paths_stay_on_their_line_and_show_what_is_there() -> None:
    strip = Strip("news", (0.0, 1e-9, 0.0, 1.0, 0.5), "", "")
    panel = Panel(
        "x", "", (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), (2, 5), ((0.4, "2"),), ("0", "5"), (strip,)
    )
    paths = drawn(panel, strip)
    assert paths == {"beyond": "M96 44V42H192V44z", "kept": "M288 44V5H384V24H480V44z"}


def test_texts_on_an_axis_do_not_overlap() -> None:
    strips: tuple[Strip, ...] = ()
    near = Panel(
        "x", "", (0.0, 1.0), (0, 1), ((0.1, "50"), (1.0, "100,000")), ("4", "100,001"), strips
    )
    assert [(m["text"], m["anchor"]) for m in marks(near)] == [("50", "middle"), ("100,000", "end")]
    free = Panel("x", "", (0.0, 1.0), (0, 1), ((0.5, "3"),), ("0", "6"), strips)
    assert [m["text"] for m in marks(free)] == ["3", "0", "6"]


def test_the_page_is_well_formed_escaped_and_small() -> None:
    rows = [SHORT, BOTH, GOOD, NEW, UNKNOWN, {"source": '<b>&"x', "words": 70}]
    evil = Rule("rule:<i>", "words", most=60)
    body = render("t", "s", sections(rows, (*RULES, evil)))
    assert '<b>&"x' not in body
    assert "<i>" not in body
    for figure in re.findall("<figure.*?</figure>", body, re.DOTALL):
        parsed = ET.fromstring(figure)  # noqa: S314  (our own page)
        drawings = parsed.findall(".//svg[@role='img']")
        assert len(drawings) == 3
        assert all(svg.findtext("title") for svg in drawings)
    many = [{"source": f"s{i:03d}", "words": 60 + i} for i in range(40) for _ in range(3)]
    rules = [Rule(f"r{i}", "words", least=50 + i) for i in range(30)]
    assert len(render("t", "s", sections(many, tuple(rules)))) < 400_000


def test_a_page_without_panels_carries_no_style_for_them() -> None:
    assert "panel" not in render("t", "s", [Section("Read", "text")])
