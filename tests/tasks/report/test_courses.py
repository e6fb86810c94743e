"""The plot of a share along the way: its paths are where the numbers say."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from schemas.section import Course, Section
from tasks.report import courses, page

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def course(had: list[float], wanted: list[float]) -> Course:
    return Course(tuple(had), tuple(wanted), ("first row", "row 9"), "shares")


@given(SHARES, st.data())
def test_every_step_and_every_mark_lies_within_the_plot(
    had: list[float], data: st.DataObject
) -> None:
    wanted = data.draw(st.lists(st.floats(0, 1), min_size=len(had), max_size=len(had)))
    told = course(had, wanted)
    most = courses.top(told)
    assert max(*had, *wanted) <= most <= 1
    heights = [float(y) for y in re.findall(r"V([\d.]+) H", courses.had(told))]
    assert len(heights) == len(had)
    for share, y in zip(had, heights, strict=True):
        assert abs((courses.BOTTOM - y) / (courses.BOTTOM - courses.TOP) - share / most) < 0.001
    points = re.findall(r"([\d.]+) ([\d.]+)", courses.wanted(told))
    assert [float(points[0][0]), float(points[-1][0])] == [courses.LEFT, courses.RIGHT]
    assert all(courses.TOP <= float(y) <= courses.BOTTOM for _, y in points)
    assert all(courses.TOP <= y <= courses.BOTTOM for y, _ in courses.grid(told))


def test_marks_are_round_and_few() -> None:
    assert [label for _, label in courses.grid(course([0.25], [0.25]))] == [
        "0 %",
        "5 %",
        "10 %",
        "15 %",
        "20 %",
        "25 %",
    ]
    assert [label for _, label in courses.grid(course([0.004], []))] == [
        "0 %",
        "0.5 %",
        "1 %",
        "1.5 %",
        "2 %",
    ]


def test_the_page_shows_it_with_its_legend() -> None:
    shown = page.render("a run", "", [Section("Along", course=course([0.1, 0.2], [0.15, 0.15]))])
    assert '<path class="had"' in shown
    assert ">wanted</text>" in shown
    bare = page.render("a run", "", [Section("Along", course=course([0.1, 0.2], []))])
    assert ">wanted</text>" not in bare
