"""Sections as Markdown: what a page shows, and nothing that is taken for markup."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from schemas.section import Beside, Excerpt, Lines, Section, Table
from tasks.report import page
from tasks.report.markdown import markdown

LINES = Lines((("a <b>", ((0.0, 1.0), (1.0, 0.5))),), "new", "old", 'from "a" > to', marked=True)


def test_tables_plots_and_excerpts_are_there() -> None:
    some = [
        Section("One", "Text.", Table(("a", "b"), (("x|y", 1_000), (None, 0.5)))),
        Section("Two", lines=LINES),
    ]
    assert "\n".join(markdown(some, picture="two.svg")) == (
        "## One\n\nText.\n\n| a | b |\n|---|---|\n| x\\|y | 1,000 |\n|  | 0.50 |\n\n"
        '## Two\n\n\n\n![from "a" > to](two.svg)\n'
    )
    assert "svg" not in "\n".join(markdown(some))


def test_excerpts_hold_no_markup_of_their_own() -> None:
    pair = Beside("wiki", "It *was* …", (Excerpt("none", ((False, "<b>|x|\n\n# Der"),)),))
    told = "\n".join(markdown([Section("Side by side", beside=(pair,))]))
    assert "**wiki**: It \\*was\\* …" in told
    assert "| none | \\<b\\>\\|x\\| \\# Der |" in told


def test_a_picture_is_a_file_of_its_own() -> None:
    drawn = ET.fromstring(page.picture(LINES))  # noqa: S314  (our own)
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert drawn.get("aria-label") == LINES.said
    assert drawn.get("viewBox") is not None
    names = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "a <b>" in names
    assert sum(1 for _ in drawn.iter("{http://www.w3.org/2000/svg}path")) == 1
