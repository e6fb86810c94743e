"""What may be said of a tokenizer's mixture: shares, shares with a warning, or none.

The candidates may lack a kind of text that the tokenizer was trained on. Its share then goes to its
neighbours, and the fit gets worse: about twice as bad for a tenth to a third of the text. Nothing
in the merges says whether that is so; only how the fit stands to that of tokenizers which were
trained on the candidates' kinds of text and nothing else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.replay.merges.inference import Inferred
    from tasks.replay.merges.self_test import SelfTest

    Floats = NDArray[np.float64]

FAR: Final = 2.0
"""Times the worst fit of the self-test, from which on no shares are given."""
NOTABLE: Final = 0.05
"""A share from which on a source is named among the nearest."""


class Standing(StrEnum):
    """How a tokenizer's fit stands to those of the self-test."""

    WITHIN = "within"
    BEYOND = "beyond"
    FAR = "far"
    UNTESTED = "untested"


class Verdict(NamedTuple):
    """What is said of a mixture.

    ``shares``: by source, None where none can be given. ``low``, ``high``: their intervals, of the
    self-test's level, which hold only where nothing is missing: None unless the fit is within.
    ``nearest``: sources of notable share, the largest first. ``fit``: the
    tokenizer's; ``worst_known``: the self-test's worst. ``says``: all of it in words.
    """

    standing: Standing
    sources: tuple[str, ...]
    shares: Floats | None
    low: Floats | None
    high: Floats | None
    nearest: tuple[str, ...]
    fit: float
    worst_known: float | None
    says: str


def verdict(found: Inferred, test: SelfTest | None) -> Verdict:
    """Judge an answer by the self-test; without one, no shares are vouched for."""
    nearest = tuple(
        found.sources[i] for i in np.argsort(-found.shares) if found.shares[i] >= NOTABLE
    )
    worst = float(test.fits.max()) if test is not None else None
    standing = _standing(found.fit, worst)
    shares = low = high = None
    if test is not None and standing is not Standing.FAR:
        shares = found.shares
    if test is not None and standing is Standing.WITHIN:
        width = test.widths()
        low, high = np.maximum(found.shares - width, 0), np.minimum(found.shares + width, 1)
    says = _says(standing, nearest)
    return Verdict(standing, found.sources, shares, low, high, nearest, found.fit, worst, says)


def _standing(fit: float, worst: float | None) -> Standing:
    if worst is None:
        return Standing.UNTESTED
    if fit <= worst:
        return Standing.WITHIN
    return Standing.BEYOND if fit <= FAR * worst else Standing.FAR


def _says(standing: Standing, nearest: tuple[str, ...]) -> str:
    names = ", ".join(nearest)
    about = "This is the mixture of the tokenizer's text, which need not be the model's."
    match standing:
        case Standing.WITHIN:
            return (
                "The merges fit a mixture of your candidates as well as those of tokenizers that "
                f"were trained on such mixtures. Nearest among your candidates: {names}. {about}"
            )
        case Standing.BEYOND:
            return (
                "The merges fit worse than those of any tokenizer of the self-test: a kind of text "
                "may be missing among your candidates; its share is with its neighbours then, and "
                "how far the shares are off is not known. "
                f"Nearest among your candidates: {names}. {about}"
            )
        case Standing.FAR:
            return (
                "The merges are far from any mixture of your candidates, so no shares are given. "
                f"Nearest among your candidates: {names}. Add the kinds of text that are missing."
            )
        case Standing.UNTESTED:
            return (
                f"Nearest among your candidates: {names}. Without the self-test it is not known "
                "whether they are near at all, so no shares are given."
            )
