"""Schedules as a recipe says them: the mean is what there is, whatever the shape."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import ScheduleConfig
from schemas.errors import ConfigError
from tasks.mixture import diffusion, schedules
from tasks.mixture.diffusion import written

SHAPES = [
    {},
    {"kind": "ramp", "start": 0.1},
    {"kind": "ramp", "start": 0.02},
    {"kind": "anneal", "end": 0.0, "part": 0.2},
    {"kind": "anneal", "end": 0.5, "part": 0.1},
    {"kind": "heavy_start", "start": 0.5, "part": 0.1},
    {"kind": "heavy_start", "start": 1.0, "part": 0.05},
    {"kind": "decay", "factor": 0.5, "steps": 3},
]


@given(st.sampled_from(SHAPES), st.integers(1, 3000), st.data())
def test_replay_rows_are_as_many_as_there_are(
    shape: dict[str, object], rows: int, data: st.DataObject
) -> None:
    replay = data.draw(st.integers(0, rows))
    asked = written(0.06)
    made = schedules.schedule(
        ScheduleConfig.model_validate(shape), rows, asked=asked, share=Fraction(replay, rows)
    )
    assert diffusion.n_rows(made) == rows
    is_replay = diffusion.is_replay(made)
    assert is_replay.sum() == replay
    quick = schedules.reached(made)
    assert [int(np.floor(quick(n) + 1e-6)) for n in (0, rows)] == [0, replay]
    for row in (0, rows // 3, rows):
        exact = sum((s.total(min(max(0, row - before), s.rows))
                     for s, before in zip(made, np.cumsum([0, *(s.rows for s in made)]).tolist(),
                                          strict=False)), Fraction(0))  # fmt: skip
        assert quick(row) == pytest.approx(float(exact), abs=1e-6)


def test_the_shape_is_what_was_asked() -> None:
    rows, share = 10_000, written(0.05)
    config = ScheduleConfig(kind="heavy_start", start=0.5, part=0.05)
    made = schedules.schedule(config, rows, asked=share, share=share)
    is_replay = diffusion.is_replay(made)
    assert is_replay[:500].sum() == 250
    assert is_replay[500:].sum() == 250
    config = ScheduleConfig(kind="ramp", start=0.1)
    is_replay = diffusion.is_replay(schedules.schedule(config, rows, asked=share, share=share))
    assert [int(part.sum()) for part in np.split(is_replay, 4)] == [218, 157, 93, 32]
    config = ScheduleConfig(kind="decay", factor=0.5, steps=4)
    is_replay = diffusion.is_replay(schedules.schedule(config, rows, asked=share, share=share))
    assert [int(part.sum()) for part in np.split(is_replay, 4)] == [266, 134, 66, 34]


NARROW = [
    ({"kind": "decay", "factor": 0.5, "steps": 2}, 0.74),
    ({"kind": "decay", "factor": 0.5, "steps": 7}, 0.28),
    ({"kind": "decay", "factor": 0.9, "steps": 10}, 0.6),
    ({"kind": "heavy_start", "start": 0.1, "part": 0.33}, 0.7),
    ({"kind": "anneal", "end": 1.0, "part": 0.9}, 0.6),
]
"""Shapes and means that leave little room."""


@given(st.sampled_from(NARROW), st.integers(0, 60), st.data())
def test_what_the_check_accepts_can_be_had_of_any_number_of_rows(
    narrow: tuple[dict[str, object], float], rows: int, data: st.DataObject
) -> None:
    config, mean = ScheduleConfig.model_validate(narrow[0]), narrow[1]
    schedules.check(config, mean)
    replay = data.draw(st.integers(0, rows))
    share = Fraction(replay, max(1, rows))
    made = schedules.schedule(config, rows, asked=written(mean), share=share)
    assert diffusion.is_replay(made).sum() == replay


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"kind": "ramp", "start": 0.2}, "takes a replay share of -0.1"),
        ({"kind": "heavy_start", "start": 0.9, "part": 0.5}, "takes a replay share of -0.8"),
        ({"kind": "anneal", "end": 1.0, "part": 0.9}, "takes a replay share of -0.7"),
    ],
)
def test_a_mean_that_no_shares_have(shape: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match="wanted shares from 0 to 1 at every row") as found:
        schedules.check(ScheduleConfig.model_validate(shape), 0.05)
    assert said in str(found.value)
    assert "mixture.schedule" in str(found.value)
