"""How much replay: a prior by the shift, the published curve, or the user's own pilots.

**Prior**: 5 % for a weak shift, 10 % for another domain, 25 % for another language. **Tolerance**:
the least share whose predicted rise of the old loss is within it, by pilots where there are some,
else by the published curve of that shift; a domain has none of its own and lies between the two.
**Repetition**: ``D' = U + U R* (1 - e^(-R/R*))`` for ``U`` unique tokens seen ``R + 1`` times, with
``R* = 15.39`` (Muennighoff et al., arXiv 2305.16264): four times are worth 93 % of fresh text.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from schemas.advice import MOST_LOSS, Advice, Repetition, Shift
from schemas.errors import ConfigError
from tasks.replay.forgetting import fitted, published

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.advice import Curve, Measured, Pilot

PRIOR: Final = {Shift.WEAK: 0.05, Shift.DOMAIN: 0.10, Shift.LANGUAGE: 0.25}
HALF_LIFE: Final = 15.39
"""R* of repeated tokens (arXiv 2305.16264)."""
EPOCHS: Final = 4.0
MOST_EPOCHS: Final = 16.0
"""More is refused unless it is asked for: there a repeated token is worth two thirds."""
EVIDENCE: Final = (
    "Published evidence on the share disagrees: 5 % removed 78 % of the forgetting of a weak shift "
    "and 71 % across languages (arXiv 2403.08763, table 2, 405M parameters); 1 % is said to halt "
    "it in fine-tuning (2502.06042), a small fixed set to keep an 8B model (2508.04676), replay to "
    "help the new task as well (2603.04964), and one vendor found a share of .5 good and .9 best. "
    "Pilots of your own say more than any of them."
)


class Question(NamedTuple):
    """What is asked. ``shift`` goes before what was ``measured``.

    ``tolerance``: rise of the old loss in nats a token. ``replay_tokens``: unique ones that there
    are. ``base_loss``: old loss of the base before training. ``many_epochs``: that ``epochs`` may
    be above :data:`MOST_EPOCHS`.
    """

    shift: Shift | None = None
    measured: Measured | None = None
    tolerance: float | None = None
    new_tokens: int | None = None
    replay_tokens: int | None = None
    pilots: Sequence[Pilot] = ()
    base_loss: float | None = None
    epochs: float = EPOCHS
    many_epochs: bool = False


class Choice(NamedTuple):
    """A share of replay, None where there is none, and why."""

    share: float | None
    because: str


def advise(asked: Question) -> Advice:
    """Return advice. ConfigError where nothing tells the shift, and for what contradicts itself."""
    _check(asked)
    shift = asked.shift or (asked.measured.shift if asked.measured else None)
    own = fitted(asked.pilots, base_loss=asked.base_loss) if asked.pilots else None
    if shift is None and own is None:
        raise ConfigError(
            "openmoat advise",
            got=asked.measured.rule if asked.measured else "neither data nor a shift",
            wanted="--new and --replay with text enough, --shift, or --pilots",
            way_out="Say how far new data is from old: --shift weak, domain or language.",
        )
    curves = ((own.curve,) if own else ()) + _of_shift(shift)
    choice = _chosen(asked, shift, own.curve if own else None)
    repetition = _repetition(asked, choice.share)
    capped = _capped(asked, choice, repetition)
    return Advice(
        shift=shift,
        measured=asked.measured,
        prior=None if shift is None else PRIOR[shift],
        tolerance=asked.tolerance,
        curves=curves,
        share=capped.share,
        because=capped.because,
        repetition=_repetition(asked, capped.share),
        warnings=tuple(_warnings(asked, curves, choice.share, capped.share)),
    )


def worth(epochs: float) -> float:
    """Return what tokens that are seen so often are worth, each, beside fresh ones: 0 to 1."""
    if epochs <= 1:
        return 1.0
    repeats = epochs - 1
    return (1 + HALF_LIFE * (1 - math.exp(-repeats / HALF_LIFE))) / epochs


def _check(asked: Question) -> None:
    wrong: tuple[str, str, str] | None = None
    if asked.tolerance is not None and not 0 < asked.tolerance < math.inf:
        wrong = ("--tolerance", f"{asked.tolerance:g}", "a rise of the loss above 0, such as 0.05")
    elif asked.base_loss is not None and not 0 < asked.base_loss <= MOST_LOSS:
        wrong = (
            "--old-loss",
            f"{asked.base_loss:g}",
            f"above 0, to {MOST_LOSS:,.0f} nats a token",
        )
    elif asked.base_loss is not None and not asked.pilots:
        wrong = ("--pilots", "nothing", "the losses of pilots, which --old-loss goes with")
    elif (asked.new_tokens is None) != (asked.replay_tokens is None):
        missing = "--new-tokens" if asked.new_tokens is None else "--replay-tokens"
        wrong = (missing, "nothing", "both numbers of tokens, or neither")
    elif not 1 <= asked.epochs < math.inf:
        wrong = ("--max-epochs", f"{asked.epochs:g}", "1 or more")
    elif asked.epochs > MOST_EPOCHS and not asked.many_epochs:
        wrong = ("--max-epochs", f"{asked.epochs:g}", f"{MOST_EPOCHS:g} or less")
    if wrong is not None:
        option, got, wanted = wrong
        way_out = "Correct it."
        if option == "--max-epochs" and asked.epochs > MOST_EPOCHS:
            way_out = "Find more text; if you mean it, add --allow-many-epochs."
        raise ConfigError(option, got=got, wanted=wanted, way_out=way_out)


def _of_shift(shift: Shift | None) -> tuple[Curve, ...]:
    """The published curves that bear on a shift; a domain lies between the two."""
    known = published()
    return (known[shift],) if shift in known else tuple(known.values())


def _chosen(asked: Question, shift: Shift | None, own: Curve | None) -> Choice:
    tolerance = asked.tolerance
    if tolerance is None:
        return _by_prior(shift, own)
    if own is not None:
        return _by_curve(own, tolerance)
    if shift is Shift.DOMAIN:
        return _between(tolerance)
    return _by_curve(_of_shift(shift)[0], tolerance)


def _by_prior(shift: Shift | None, own: Curve | None) -> Choice:
    if shift is None:
        return Choice(None, "Pilots alone choose no share: say with --tolerance what rise will do.")
    share = PRIOR[shift]
    says = f"The prior of this shift ({shift.value})."
    if own is not None:
        says += f" By your pilots the old loss rises by {own.rise(share):.3f} there."
    return Choice(share, f"{says} With --tolerance the share is chosen by a curve.")


def _by_curve(curve: Curve, tolerance: float) -> Choice:
    share = curve.least(tolerance)
    if share is None:
        says = f"No share keeps the rise within {tolerance:g}, by the curve ({curve.basis})."
        return Choice(None, says)
    if share == 0:
        return Choice(0.0, f"Without replay the rise is within {tolerance:g}, by {curve.basis}.")
    return Choice(share, f"The least whose rise is within {tolerance:g}, by {curve.basis}.")


def _between(tolerance: float) -> Choice:
    """Another domain: the prior, drawn to what the two published curves leave between them."""
    low, high = (curve.least(tolerance) for curve in _of_shift(Shift.DOMAIN))
    share = max(PRIOR[Shift.DOMAIN], low or 0.0)
    if high is not None:
        share = min(share, max(high, low or 0.0))
    ends = " to ".join("none below 100 %" if end is None else f"{end:.2%}" for end in (low, high))
    return Choice(
        None if low is None else share,
        f"No published curve is of another domain: for a rise within {tolerance:g} those of a weak "
        f"shift and of another language give {ends}. Between them, the prior of a domain.",
    )


def _repetition(asked: Question, share: float | None) -> Repetition | None:
    new, unique = asked.new_tokens, asked.replay_tokens
    if new is None or unique is None or share is None:
        return None
    if new < 1 or unique < 1:
        raise ConfigError(
            "--new-tokens and --replay-tokens",
            got=f"{new:,} and {unique:,}",
            wanted="one token or more",
            way_out="Correct them.",
        )
    wanted = round(share / (1 - share) * new)
    most = asked.epochs * unique
    return Repetition(
        wanted=wanted,
        unique=unique,
        epochs=wanted / unique,
        worth=worth(wanted / unique),
        cap=most / (most + new),
    )


def _capped(asked: Question, choice: Choice, repetition: Repetition | None) -> Choice:
    if repetition is None or choice.share is None or repetition.epochs <= asked.epochs:
        return choice
    says = (
        f"{choice.because} That is {choice.share:.2%}, and would show {repetition.unique:,} tokens "
        f"of replay {repetition.epochs:.1f} times: capped where they are seen {asked.epochs:g} "
        "times."
    )
    return Choice(repetition.cap, says)


def _warnings(
    asked: Question, curves: Sequence[Curve], chosen: float | None, share: float | None
) -> Iterator[str]:
    """Yield what to mind; ``chosen``: the share before repetition capped it."""
    yield EVIDENCE
    if asked.pilots:
        yield from _about_pilots(asked, curves[0])
    used = curves[:1] if asked.pilots else curves
    if chosen and not any(one.lowest <= chosen <= one.highest for one in used):
        yield (
            f"Extrapolated: {chosen:.2%} lies outside the shares that the curve was fitted to, "
            f"{used[0].lowest:.2%} to {used[0].highest:.2%}."
        )
    rises = [one.rise(share) for one in used] if share is not None else []
    if asked.tolerance is not None and rises and max(rises) > asked.tolerance * 1.001:
        said = " to ".join(f"{rise:.3f}" for rise in rises)
        yield f"At {share:.2%} the old loss is predicted to rise by {said}: more than asked for."
    if not asked.pilots:
        yield (
            "The published curves are of one model size (405M), of hundreds of billions of tokens, "
            "and count rises over training on both from scratch."
        )


def _about_pilots(asked: Question, curve: Curve) -> Iterator[str]:
    ordered = sorted(asked.pilots, key=lambda one: one.replay_share)
    losses = [one.old_loss for one in ordered]
    if losses != sorted(losses, reverse=True):
        yield "More replay did not always lower the old loss of your pilots: noise, or no effect."
    if curve.error is None:
        yield (
            f"{curve.points} pilots settle the curve without a rest, so its error is not known: "
            "another pilot would tell."
        )
    if asked.base_loss is None:
        yield (
            f"Without --old-loss rises are counted over {curve.over:.3f}, where the fitted curve "
            "ends, and not over what the base had before."
        )
