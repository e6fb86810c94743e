"""The plot of lines: points lie where the numbers say, marks are round."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.section import Lines, Section
from tasks.report import lines, page

NUMBERS = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30)


def told(*series: list[tuple[float, float]]) -> Lines:
    named = tuple((f"line {i}", tuple(points)) for i, points in enumerate(series))
    return Lines(named, "step", "loss", "loss by step")


@given(POINTS, POINTS)
def test_every_point_and_every_mark_lies_within_the_plot(
    one: list[tuple[float, float]], other: list[tuple[float, float]]
) -> None:
    found = lines.frame(told(one, other))
    assert [path.path.count("L") + 1 for path in found.paths] == [len(one), len(other)]
    for path in found.paths:
        for x, y in re.findall(r"([-\d.]+) ([-\d.]+)", path.path):
            assert lines.LEFT <= float(x) <= lines.RIGHT
            assert lines.TOP <= float(y) <= lines.BOTTOM
    assert all(lines.TOP <= y <= lines.BOTTOM for y, _ in found.up)
    assert all(lines.LEFT <= x <= lines.RIGHT for x, _ in found.across)


@given(NUMBERS, st.floats(1e-3, 1e6))
def test_marks_are_round_few_and_inside(low: float, width: float) -> None:
    found = lines.marks(low, low + width)
    assert 2 <= len(found) <= 7
    values = [value for value, _ in found]
    slack = 1e-6 * max(abs(low), width)
    assert all(low - slack <= value <= low + width + slack for value in values)
    steps = {round((b - a) / (values[1] - values[0]), 6) for a, b in pairwise(values)}
    assert steps == {1.0}


def test_the_page_draws_names_and_leaves_out_what_is_no_number() -> None:
    some = told([(1, 2.0), (2, math.nan), (3, 1.0)], [(1, math.inf)], [])
    assert lines.frame(some).names == ["line 0"]
    html = page.render("", "", [Section("Loss", lines=some)])
    assert 'aria-label="loss by step"' in html
    assert html.count('<path d="M') == 1
    assert "<b>" not in page.render("", "", [Section("x", lines=told([(0, 0)]))])
    assert lines.frame(told()) == ([], [], [], [])


@pytest.mark.parametrize("value", [0.0, 3e-4, -7.0])
def test_a_line_of_one_value_has_room_around_it(value: float) -> None:
    found = lines.frame(told([(5, value)]))
    assert found.paths[0].end == (
        (lines.LEFT + lines.RIGHT) / 2,
        (lines.TOP + lines.BOTTOM) / 2,
    )
