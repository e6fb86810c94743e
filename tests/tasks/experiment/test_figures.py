"""What is printed of an experiment: removed, recovered, and when a ratio may not be printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.experiment import Base, Figures, Losses, Mean, Outcome
from schemas.training import TrainConfig
from tasks.experiment import arms, figures

FULL = {arm.name: arm for arm in arms.full()}


def outcome(name: str, old: float, seed: int = 0, new: float = 4.0) -> Outcome:
    losses = Losses(old=old, new=new, seen=new - 0.5, domains={"wiki": old + 0.1, "code": old})
    return Outcome(arm=FULL[name], seed=seed, losses=losses, seen_before=5.8, points=(), rows=10,
                   replay_rows=1,
                   config=TrainConfig(), seconds=1.0)  # fmt: skip


def base(seed: int = 0, old: float = 5.0) -> Base:
    losses = Losses(old=old, new=6.0, seen=6.0, domains={"wiki": old, "code": old})
    return Base(seed=seed, losses=losses, parameters=10, tokens=100, epochs=1.0, steps=1,
                seconds=1.0)  # fmt: skip


def middle(found: Mean | None) -> float:
    assert found is not None
    return found.mean


def told(*outcomes: Outcome) -> dict[str, Figures]:
    bases = {one.seed: base(one.seed) for one in outcomes}
    return {one.arm.name: one for one in figures.figures(outcomes, bases)}


def test_the_published_table_comes_out_again() -> None:
    """Ibrahim et al., table 2, Pile to German: 3.56 without replay, 2.33 with 25 %."""
    none, much = outcome("none", 3.56), outcome("true 25 %", 2.33)
    bases = {0: base(old=2.17)}
    found = figures.figures([none, much], bases)
    assert middle(found[1].removed) == pytest.approx(0.88, abs=0.01)
    assert found[1].average == pytest.approx((2.33 + 4.0) / 2)
    # Held-out new text gained 2 nats a token, rows that were trained on 2.3.
    assert found[1].overfit == pytest.approx(0.3)


def test_recovery_is_of_true_replay_at_the_same_share_and_of_the_same_seed() -> None:
    found = told(
        outcome("none", 7.0), outcome("true 5 %", 6.0), outcome("true 25 %", 5.0),
        outcome("random 5 %", 6.5), outcome("random 25 %", 6.5),
    )  # fmt: skip
    assert middle(found["random 5 %"].recovery) == pytest.approx(0.5)
    assert middle(found["random 25 %"].recovery) == pytest.approx(0.25)
    assert middle(found["random 25 %"].gap) == pytest.approx(1.5)
    assert found["random 5 %"].worst == "wiki"
    assert found["random 5 %"].worst_rise == pytest.approx(1.6)


def test_a_ratio_of_noise_is_not_printed_and_its_gap_is() -> None:
    noisy = [
        outcome(name, old, seed)
        for seed, shift in enumerate((0.0, 0.3, -0.3))
        for name, old in (("none", 7.0 + shift), ("true 5 %", 6.0), ("random 5 %", 6.5))
    ]
    found = told(*noisy)["random 5 %"]
    assert found.recovery is None
    assert middle(found.gap) == pytest.approx(0.5)
    assert not figures.may_print([7.0, 7.3, 6.7], [6.0] * 3)
    assert figures.may_print([7.0, 7.1, 6.9], [6.0] * 3)


def test_no_share_of_nothing_and_no_interval_of_one_seed() -> None:
    found = told(outcome("none", 4.9), outcome("true 5 %", 4.8))
    assert found["true 5 %"].removed is None  # nothing was forgotten
    assert found["true 5 %"].old.low is None


def test_an_interval_is_students() -> None:
    """Of 1, 2, 3: 4.303 / sqrt(3) either way."""
    found = figures.mean([1.0, 2.0, 3.0])
    assert found.low == pytest.approx(2 - 2.484, abs=1e-3)
    assert found.high == pytest.approx(2 + 2.484, abs=1e-3)


def test_the_headline_is_the_best_closed_arm_never_one_that_saw_old_text() -> None:
    found = told(
        outcome("none", 7.0), outcome("true 5 %", 5.0), outcome("surrogate: sample 5 %", 5.1),
        outcome("surrogate: card 5 %", 5.5), outcome("surrogate: tokenizer 5 %", 5.4),
        outcome("self 5 %", 5.2), outcome("surrogate: card 25 %, NEFTune", 5.0),
    )  # fmt: skip
    assert figures.headline(list(found.values())) == {"0.05": "surrogate: tokenizer 5 %"}


def test_misses_are_said() -> None:
    found = told(
        outcome("none", 7.0), outcome("true 1 %", 5.5), outcome("true 5 %", 6.0),
        outcome("random 5 %", 6.1), outcome("shares 5 %", 6.0),
        outcome("surrogate: card 5 %", 6.2), outcome("surrogate: sample 5 %", 6.01),
    )  # fmt: skip
    said = figures.says(list(found.values()))
    assert [one.split(":")[0] for one in said] == ["MISSED", "met", "MISSED", "MISSED"]


def test_published_shares_are_missed_by_more_than_seeds_differ() -> None:
    """Seeds differ by much; one arm from another of the same seed by little."""

    def said(*more: float) -> str:
        pairs = zip((6.0, 6.5, 7.0), more, strict=True)
        every = [
            outcome(name, value, seed)
            for seed, (old, by) in enumerate(pairs)
            for name, value in (("shares 5 %", old), ("surrogate: card 5 %", old + by))
        ]
        return figures.says(list(told(*every).values()))[0]

    assert said(0.1, 0.11, 0.09).startswith("MISSED: ")
    assert "(+0.100 ± 0.025)" in said(0.1, 0.11, 0.09)
    assert said(0.1, 0.2, -0.2).startswith("met: ")
    assert said(-0.1, -0.11, -0.09).startswith("met: ")


def test_what_a_ratio_may_not_be_printed_of_is_not_judged() -> None:
    noisy = [
        outcome(name, old, seed)
        for seed, shift in enumerate((0.0, 0.3, -0.3))
        for name, old in (("none", 7.0 + shift), ("true 5 %", 6.0), ("surrogate: sample 5 %", 6.0))
    ]
    assert figures.says(list(told(*noisy).values()))[0].startswith("not judged: ")


@given(st.floats(5.1, 9.0), st.floats(0.0, 1.0))
def test_removed_is_one_at_the_base_and_zero_without_replay(none: float, part: float) -> None:
    own = none - part * (none - 5.0)
    found = told(outcome("none", none), outcome("true 5 %", own))
    assert middle(found["true 5 %"].removed) == pytest.approx(part, abs=1e-6)
    assert middle(found["none"].removed) == 0.0
