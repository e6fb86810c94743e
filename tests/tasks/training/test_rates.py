"""Rates beside their formulas, written out step by step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.training import RateConfig
from tasks.training.rates import phases, rates


def cosine(step: int, warm: int, total: int, high: float, low: float) -> float:
    if step <= warm:
        return high * step / warm
    return low + (high - low) / 2 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))


def test_the_rate_rises_and_falls_as_the_paper_has_it() -> None:
    config = RateConfig(peak=3e-4, floor_share=0.1, warm_up=0.05)
    wanted = [cosine(step, 6, 120, 3e-4, 3e-5) for step in range(1, 121)]
    np.testing.assert_allclose(rates(config, 120), wanted, rtol=1e-12)


def four_phases(step: int, config: RateConfig, ends: tuple[int, int, int, int]) -> float:
    """As in arXiv 2403.08763, section 6."""
    warm, cooled, constant, total = ends
    level = config.peak * config.constant_share
    if step <= warm:
        return config.peak * step / warm
    if step <= cooled:
        done = (step - warm) / (cooled - warm)
        if config.cooling == "cosine":
            return level + (config.peak - level) / 2 * (1 + math.cos(math.pi * done))
        bend = [1 / math.sqrt(1 + config.alpha * x) - 1 for x in (done, 1.0)]
        return config.peak + (level - config.peak) / bend[1] * bend[0]
    if step <= constant:
        return level
    floor = config.peak * config.floor_share
    return float(level * (floor / level) ** ((step - constant) / (total - constant)))


@pytest.mark.parametrize("cooling", ["cosine", "inverse_sqrt"])
def test_the_infinite_schedule_has_its_four_phases(cooling: Any) -> None:
    config = RateConfig(
        schedule="infinite", peak=1e-3, warm_up=0.1, cool_down=0.3, anneal=0.2, cooling=cooling
    )
    assert phases(config, 200) == (20, 80, 160, 200)
    wanted = [four_phases(step, config, (20, 80, 160, 200)) for step in range(1, 201)]
    np.testing.assert_allclose(rates(config, 200), wanted, rtol=1e-12)


def test_more_data_goes_on_at_the_constant_rate() -> None:
    config = RateConfig(schedule="infinite", peak=1e-3, warm_up=0, cool_down=0, anneal=0.25)
    found = rates(config, 100)
    assert set(found[:75]) == {5e-4}
    assert found[-1] == pytest.approx(1e-4)


SHARES = st.floats(0, 0.3)


@given(
    st.sampled_from(["cosine", "infinite", "constant"]), SHARES, SHARES, SHARES, st.integers(1, 300)
)
def test_every_rate_is_between_nothing_and_the_peak(
    schedule: Any, warm: float, cool: float, anneal: float, total: int
) -> None:
    config = RateConfig(schedule=schedule, warm_up=warm, cool_down=cool, anneal=anneal)
    found = rates(config, total)
    assert len(found) == total
    assert (found > 0).all()
    assert found.max() <= config.peak * (1 + 1e-12)


def test_phases_longer_than_the_run_are_refused() -> None:
    with pytest.raises(ValidationError, match="100 % at most"):
        RateConfig(schedule="infinite", warm_up=0.5, cool_down=0.5, anneal=0.1)
    with pytest.raises(ValidationError, match="falls by a factor"):
        RateConfig(schedule="infinite", floor_share=0)
