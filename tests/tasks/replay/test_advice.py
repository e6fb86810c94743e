"""How much replay: the published constants come out of the published table, and pilots count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.advice import Pilot, Shift
from schemas.errors import ConfigError
from tasks.replay.advice import PRIOR, Question, advise, worth
from tasks.replay.forgetting import TABLE, UNION_LOSS, fitted, published

PUBLISHED = published()


def table(shift: Shift) -> list[Pilot]:
    return [Pilot(replay_share=r, old_loss=old, new_loss=new) for r, old, new in TABLE[shift]]


def pilots(*shares: float, f0: float = 0.5, k: float = 0.02, c: float = 0.8) -> list[Pilot]:
    """Pilots that lie on a curve, over a base whose old loss is 3."""
    return [
        Pilot(
            replay_share=r,
            old_loss=3 + f0 / (1 + (r / k) ** c),
            new_loss=2 - 0.1 * math.log(1 - r),
        )
        for r in shares
    ]


@pytest.mark.parametrize("shift", [Shift.WEAK, Shift.LANGUAGE])
def test_the_published_table_gives_the_published_constants(shift: Shift) -> None:
    curve = fitted(table(shift), base_loss=UNION_LOSS).curve
    known = PUBLISHED[shift]
    assert curve.f0 == pytest.approx(known.f0, abs=0.005)
    assert curve.k == pytest.approx(known.k, rel=0.03)
    assert curve.c == pytest.approx(known.c, abs=0.01)
    assert curve.error == pytest.approx(known.error, abs=0.001)
    assert (curve.points, curve.lowest, curve.highest) == (6, known.lowest, known.highest)
    first = TABLE[shift][0]
    paid = np.array([-math.log(1 - r) for r, _, _ in TABLE[shift]])
    cost = paid @ np.array([new - first[2] for _, _, new in TABLE[shift]]) / (paid @ paid)
    assert cost == pytest.approx(known.cost, abs=0.0005)


def test_the_table_is_that_of_the_paper() -> None:
    removed = [(2.44 - old) / (2.44 - 2.17) for _, old, _ in TABLE[Shift.WEAK]]
    assert [round(100 * one) for one in removed] == [0, 63, 67, 78, 85, 104]
    removed = [(3.56 - old) / (3.56 - 2.17) for _, old, _ in TABLE[Shift.LANGUAGE]]
    assert [round(100 * one) for one in removed] == [0, 53, 71, 79, 88, 95]


@given(
    st.floats(0.1, 3.0), st.floats(0.003, 0.2), st.floats(0.4, 1.5), st.booleans()
)  # fmt: skip
def test_pilots_on_a_curve_give_it_back(f0: float, k: float, c: float, known: bool) -> None:  # noqa: FBT001
    some = pilots(0, 0.003, 0.01, 0.03, 0.1, 0.3, 0.6, f0=f0, k=k, c=c)
    curve = fitted(some, base_loss=3.0 if known else None).curve
    assert curve.error is not None
    assert curve.error < 1e-3
    for share in (0.0, 0.02, 0.2, 0.5):
        truth = 3 + f0 / (1 + (share / k) ** c)
        assert curve.over + curve.rise(share) == pytest.approx(truth, abs=0.01 * f0)
    assert curve.cost == pytest.approx(0.1, abs=1e-6)


@given(st.sampled_from(list(PUBLISHED.values())), st.floats(1e-3, 1.5))
def test_the_least_share_is_within_the_tolerance_and_no_smaller_is(
    curve: Any, tolerance: float
) -> None:
    share = curve.least(tolerance)
    assume(share)
    assert curve.rise(share) == pytest.approx(tolerance, rel=1e-6)
    assert curve.rise(share * 0.99) > tolerance


def test_repeated_tokens_are_worth_what_the_law_says() -> None:
    assert [round(100 * worth(n)) for n in (0.5, 1, 4, 8, 16)] == [100, 100, 93, 83, 66]


@pytest.mark.parametrize("shift", list(Shift))
def test_without_a_tolerance_the_prior_is_given_and_the_evidence_disagrees(shift: Shift) -> None:
    found = advise(Question(shift=shift))
    assert found.share == found.prior == PRIOR[shift]
    assert "disagrees" in found.warnings[0]
    for source in ("2403.08763", "2502.06042", "2508.04676", "2603.04964"):
        assert source in found.warnings[0]


def test_a_tolerance_is_answered_by_the_curve_of_the_shift() -> None:
    weak = advise(Question(shift=Shift.WEAK, tolerance=0.05))
    assert weak.share == pytest.approx(PUBLISHED[Shift.WEAK].least(0.05))
    assert weak.share is not None
    assert 0.03 < weak.share < 0.06
    assert advise(Question(shift=Shift.WEAK, tolerance=0.3)).share == 0.0
    none = advise(Question(shift=Shift.LANGUAGE, tolerance=0.01))
    assert none.share is None
    assert "No share keeps" in none.because


def test_another_domain_lies_between_the_two_curves() -> None:
    found = advise(Question(shift=Shift.DOMAIN, tolerance=0.1))
    low, high = (curve.least(0.1) for curve in found.curves)
    assert found.share is not None
    assert low is not None
    assert high is not None
    assert low <= found.share <= high
    assert "No published curve is of another domain" in found.because


def test_pilots_go_before_what_is_published() -> None:
    some = pilots(0, 0.01, 0.05, 0.2)
    found = advise(Question(Shift.WEAK, None, 0.1, pilots=some, base_loss=3.0))
    assert found.curves[0].basis == "4 pilots of your own"
    assert found.share == pytest.approx(0.02 * 4 ** (1 / 0.8), rel=1e-3)
    assert not any("Extrapolated" in one for one in found.warnings)
    alone = advise(Question(tolerance=0.1, pilots=some, base_loss=3.0))
    assert (alone.shift, alone.prior) == (None, None)
    assert alone.share == found.share


def test_three_pilots_settle_the_curve_and_hide_its_error() -> None:
    found = advise(Question(tolerance=0.1, pilots=pilots(0, 0.01, 0.1), base_loss=3.0))
    assert found.curves[0].error is None
    assert any("its error is not known" in one for one in found.warnings)
    blind = advise(Question(tolerance=0.1, pilots=pilots(0, 0.01, 0.1)))
    assert "c = 0.55" in blind.curves[0].basis
    assert any("Without --old-loss" in one for one in blind.warnings)


def test_what_lies_outside_the_pilots_is_called_so() -> None:
    found = advise(Question(tolerance=0.05, pilots=pilots(0, 0.01, 0.05, 0.1), base_loss=3.0))
    assert found.share is not None
    assert found.share > 0.1
    assert any("Extrapolated" in one for one in found.warnings)


def test_pilots_that_more_replay_does_not_help_are_called_so() -> None:
    noisy = [Pilot(replay_share=r, old_loss=o) for r, o in ((0, 3.1), (0.01, 3.2), (0.1, 3.15))]
    found = advise(Question(tolerance=0.2, pilots=noisy, base_loss=3.0))
    assert any("did not always lower" in one for one in found.warnings)
    assert found.curves[0].cost is None


def test_replay_is_not_repeated_more_than_four_times() -> None:
    asked = Question(shift=Shift.LANGUAGE, new_tokens=9_000, replay_tokens=250)
    found = advise(asked)
    assert found.share == pytest.approx(1_000 / 10_000)
    assert found.repetition is not None
    assert found.repetition.epochs == pytest.approx(4.0)
    assert found.repetition.worth == pytest.approx(0.93, abs=0.005)
    assert "capped" in found.because
    more = advise(asked._replace(epochs=16))
    assert more.share == PRIOR[Shift.LANGUAGE]
    assert more.repetition is not None
    assert more.repetition.epochs == pytest.approx(12.0)


def test_a_cap_that_costs_the_tolerance_says_so() -> None:
    found = advise(Question(Shift.LANGUAGE, None, 0.3, new_tokens=10**6, replay_tokens=1_000))
    assert any("more than asked for" in one for one in found.warnings)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shift": None}, "neither data nor a shift"),
        ({"tolerance": 0.0}, "--tolerance"),
        ({"tolerance": math.nan}, "--tolerance"),
        ({"base_loss": 2.0}, "--pilots: got nothing"),
        ({"base_loss": -2.0, "pilots": pilots(0, 0.1, 0.2)}, "--old-loss: got -2"),
        ({"base_loss": math.nan, "pilots": pilots(0, 0.1, 0.2)}, "--old-loss: got nan"),
        ({"base_loss": 1e308, "pilots": pilots(0, 0.1, 0.2)}, "--old-loss"),
        ({"new_tokens": 10}, "--replay-tokens: got nothing"),
        ({"replay_tokens": 10}, "--new-tokens: got nothing"),
        ({"new_tokens": 10, "replay_tokens": 0}, "one token or more"),
        ({"epochs": 0.5}, "1 or more"),
        ({"epochs": 17.0}, "--allow-many-epochs"),
        ({"pilots": pilots(0, 0.01)}, "2 different shares"),
        ({"pilots": pilots(0.1, 0.1, 0.1)}, "1 different shares"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        advise(Question(**({"shift": Shift.WEAK} | changes)))


@pytest.mark.parametrize("tolerance", [1e-9, 1e-300, 5e-324])
def test_no_share_reaches_next_to_nothing(tolerance: float) -> None:
    assert advise(Question(Shift.WEAK, tolerance=tolerance)).share is None


def test_many_epochs_are_allowed_when_they_are_meant() -> None:
    asked = Question(Shift.WEAK, epochs=40.0, many_epochs=True, new_tokens=19_000, replay_tokens=30)
    found = advise(asked)
    assert found.repetition is not None
    assert found.repetition.epochs == pytest.approx(1_000 / 30, rel=0.01)
