"""What the report says of a target profile."""

from __future__ import annotations

from tasks.replay import profiles
from tasks.report.page import render
from tasks.report.profile import sections
from tests.tasks.replay.test_profiles import ABOUT, rows, told


def test_each_part_is_told_with_how_it_is_known() -> None:
    found = sections(profiles.of_sample(rows(60), ABOUT))
    first, sources, languages, lengths = found
    assert first.table is not None
    assert [row[:2] for row in first.table.rows] == [
        ("sources", "sampled"),
        ("languages", "sampled"),
        ("lengths", "sampled"),
        ("n-grams", "sampled"),
        ("strata", "unknown"),
    ]
    assert first.table.rows[0][2] == ABOUT.basis
    assert sources.table is not None
    assert sources.table.header == ("name", "share", "from", "up to")
    assert [row[0] for row in sources.table.rows] == ["news", "wiki"]
    assert "95%" in sources.text
    assert languages.chart is not None
    assert lengths.table is not None
    assert [row[0] for row in lengths.table.rows] == [5, 10, 25, 50, 75, 90, 95]


def test_what_is_published_is_told_without_intervals() -> None:
    first, sources = sections(profiles.of_published("llama-1"))
    assert first.table is not None
    assert [row[4] for row in first.table.rows][1:] == ["nothing"] * 4
    assert sources.table is not None
    assert {row[2] for row in sources.table.rows} == {None}
    assert "Without intervals" in sources.text


def test_generations_that_were_stopped_are_told() -> None:
    found = sections(profiles.of_generations(rows(60), told(), ABOUT, cut=0.4))
    assert "They look like it." in found[0].text
    assert "(other)" in [row[0] for row in found[1].table.rows if found[1].table]  # type: ignore[union-attr]
    assert "40% of them end because they were stopped" in found[-1].text


def test_what_others_wrote_is_escaped_on_the_page() -> None:
    shares = profiles.of_shares({"<b>": 1.0}, provenance="inferred", basis="<script>")
    shown = render("title", "subtitle", sections(shares))
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
