"""From losses to what is printed: forgetting removed, recovery, and whether they may be. Pure.

With one seed there are neither intervals nor standard deviations: figures come without them, and
recovery is printed for what it is, one number.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from schemas.experiment import Arm, Base, Figures, Mean, Outcome
from tasks.experiment import arms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    BySeed = Mapping[int, Outcome]

LEAST_DEVIATIONS: Final = 5.0
LEVEL: Final = 0.95
AIM: Final = 0.95
"""Of true replay's benefit, what the surrogate by a sample is to have."""


def mean(values: Sequence[float] | Floats) -> Mean:
    """Return the mean of seeds, and its interval."""
    found, n = np.array(values, np.float64), len(values)
    if n < 2:  # noqa: PLR2004  (no deviation of one)
        return Mean(mean=float(found.mean()))
    from scipy.stats import t

    half = float(t.ppf((1 + LEVEL) / 2, n - 1) * found.std(ddof=1) / np.sqrt(n))
    middle = float(found.mean())
    return Mean(mean=middle, low=middle - half, high=middle + half)


def figures(outcomes: Sequence[Outcome], bases: Mapping[int, Base]) -> tuple[Figures, ...]:
    """Return the figures of each arm, in the order in which they first come."""
    by_arm: dict[str, dict[int, Outcome]] = {}
    for one in outcomes:
        by_arm.setdefault(one.arm.name, {})[one.seed] = one
    return tuple(_of(own, by_arm, bases) for own in by_arm.values())


def _of(own: BySeed, by_arm: Mapping[str, BySeed], bases: Mapping[int, Base]) -> Figures:
    arm, seeds = next(iter(own.values())).arm, sorted(own)
    old, new = (np.array([getattr(own[s].losses, side) for s in seeds]) for side in ("old", "new"))
    beside = arm.replay not in {None, arms.TRUE} and arm.passes == 1
    true = by_arm.get(arms.named(arms.TRUE, arm.share), {}) if beside else {}
    none = by_arm.get(arms.NONE if arm.passes == 1 else arms.FEW_TEXTS, {})
    rises = {
        domain: float(np.mean([own[s].losses.domains[domain] - bases[s].losses.domains[domain]
                               for s in seeds]))
        for domain in own[seeds[0]].losses.domains
    }  # fmt: skip
    worst = max(rises, key=lambda domain: rises[domain])
    return Figures(
        arm=arm,
        by_seed=dict(zip(seeds, zip(old.tolist(), new.tolist(), strict=True), strict=True)),
        old=mean(old),
        new=mean(new),
        average=float((old.mean() + new.mean()) / 2),
        removed=_removed(own, none, bases),
        recovery=recovery(own, none, true),
        gap=_gap(own, true),
        worst=worst,
        worst_rise=rises[worst],
        overfit=float(np.mean([_overfit(own[s], bases[s]) for s in seeds])),
    )


def _overfit(own: Outcome, base: Base) -> float:
    """Return by how much rows that were trained on gained more than others: 0 without any.

    Gains, and not losses: what was learned may be easier text than what is held out.
    """
    held_out = base.losses.new - own.losses.new
    return own.seen_before - own.losses.seen - held_out if own.seen_before else 0.0


def _removed(own: BySeed, none: BySeed, bases: Mapping[int, Base]) -> Mean | None:
    """Return the share of forgetting that is gone; None where nothing was forgotten."""
    both = sorted(own.keys() & none.keys())
    lost = np.array([none[s].losses.old - bases[s].losses.old for s in both])
    if not both or (lost <= 0).any():
        return None
    return mean(np.array([none[s].losses.old - own[s].losses.old for s in both]) / lost)


def recovery(own: BySeed, none: BySeed, true: BySeed) -> Mean | None:
    """Return what part of true replay's benefit an arm has; None where that may not be printed."""
    both = sorted(own.keys() & none.keys() & true.keys())
    if not both or not may_print(
        [none[s].losses.old for s in both], [true[s].losses.old for s in both]
    ):
        return None
    return mean(
        [
            (none[s].losses.old - own[s].losses.old) / (none[s].losses.old - true[s].losses.old)
            for s in both
        ]
    )


def may_print(none: Sequence[float], true: Sequence[float]) -> bool:
    """Whether true replay helped by five seed standard deviations: else a ratio says nothing."""
    gap = abs(float(np.mean(none)) - float(np.mean(true)))
    if len(none) < 2:  # noqa: PLR2004  (no deviation of one)
        return gap > 0
    return gap >= LEAST_DEVIATIONS * max(float(np.std(side, ddof=1)) for side in (none, true))


def _gap(own: BySeed, true: BySeed) -> Mean | None:
    both = sorted(own.keys() & true.keys())
    return mean([own[s].losses.old - true[s].losses.old for s in both]) if both else None


def headline(found: Sequence[Figures]) -> dict[str, str]:
    """Return the closed surrogate that remembers best, at each share."""
    plain = [one for one in found if one.arm.replay in arms.CLOSED and _is_plain(one.arm)]
    best: dict[str, str] = {}
    for share in sorted({one.arm.share for one in plain}):
        own = [one for one in plain if one.arm.share == share]
        best[f"{share:g}"] = min(own, key=lambda one: one.old.mean).arm.name
    return best


def _is_plain(arm: Arm) -> bool:
    return arm == Arm(name=arms.named(str(arm.replay), arm.share), replay=arm.replay,
                      share=arm.share, knows=arm.knows)  # fmt: skip


def says(found: Sequence[Figures]) -> tuple[str, ...]:
    """Return what was to be shown and whether it was, a sentence each; misses are said as well."""
    by_name = {one.arm.name: one for one in found}
    true = sorted((one for one in found if one.arm.replay == arms.TRUE), key=lambda f: f.arm.share)
    told = []
    if len(true) > 1:
        rising = all(a.old.mean > b.old.mean for a, b in pairwise(true))
        told.append(_said(rising, "forgetting removed rises with the share of true replay"))
    by_sample = sorted({one.arm.share for one in found if one.arm.replay == arms.SAMPLE})
    told += [_by_a_sample(by_name[arms.named(arms.SAMPLE, share)]) for share in by_sample]
    for one in found:
        if one.arm.replay in arms.CLOSED and _is_plain(one.arm):
            told += _beside(one, by_name)
    return tuple(told)


def _by_a_sample(one: Figures) -> str:
    if one.recovery is None:
        return (
            f"not judged: what {one.arm.name} recovers, as true replay of that share helps by less "
            "than five standard deviations of the seeds"
        )
    return _said(
        one.recovery.mean >= AIM,
        f"{one.arm.name} recovers {one.recovery.mean:.3f} of true replay's benefit (aim: {AIM:g})",
    )


def _beside(one: Figures, by_name: Mapping[str, Figures]) -> list[str]:
    """Say how a closed arm stands to the random draw and to published shares, seed by seed."""
    told = []
    other = by_name.get(arms.named(arms.RANDOM, one.arm.share))
    if other is not None:
        more, noise = _more(one, other)
        what = f"{one.arm.name} forgets less than a random draw"
        told.append(_said(more < 0, f"{what} ({more:+.3f} ± {noise:.3f})", sure=more < -noise))
    other = by_name.get(arms.named(arms.SHARES, one.arm.share))
    if other is not None:
        more, noise = _more(one, other)
        what = f"{one.arm.name} forgets no more than published shares, within what seeds differ"
        told.append(_said(more <= noise, f"{what} ({more:+.3f} ± {noise:.3f})"))
    return told


def _more(one: Figures, other: Figures) -> tuple[float, float]:
    """Return how far an arm's old loss is above another's of the same seed; half its interval."""
    both = sorted(one.by_seed.keys() & other.by_seed.keys())
    found = mean([one.by_seed[seed][0] - other.by_seed[seed][0] for seed in both])
    return found.mean, 0.0 if found.high is None else found.high - found.mean


def _said(met: bool, what: str, *, sure: bool = True) -> str:  # noqa: FBT001
    """Say whether something was shown; ``sure``: by more than seeds differ."""
    return f"{('met' if sure else 'met in the mean') if met else 'MISSED'}: {what}"
