"""The verdict: one sentence by a rule, and nothing beyond it.

**Apart**: ``p`` is at most alpha, and TV* not a trifle: .05 or more of labels, .07 of clusters.

With labels, of at least :data:`THREE` effective documents on each side: *indistinguishable at this
size* where they are not apart, *different* where TV* is above a limit, else *close*. Of fewer,
*close* is not told from *different*; of fewer than :data:`TWO` there is no verdict. Alpha and the
limit are those of :data:`LIMITS`, by the effective documents of the smaller side.

Clusters see what labels do not: kinds of text that no source of the pool has, such as a fifth of
the original that is missing from the pool. Where they are apart and their TV* is :data:`VETO` or
more, it is that TV* that is judged, whatever labels say. Without labels, clusters alone tell
*indistinguishable* from *different*.

*Indistinguishable* is not said where a difference of less than :data:`TOO_LARGE` would have been
missed too often: then there is no verdict.

Constants were chosen on draws of ``make bench-calibration`` of other seeds than those whose table
is in ``docs/certificate.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from schemas.certificate import CLOSE, DIFFERENT, INDISTINGUISHABLE, NONE

if TYPE_CHECKING:
    from schemas.certificate import Provenance, Verdict
    from tasks.replay.certificate.differences import Difference

THREE: Final = 400.0
TWO: Final = 140.0
SMALL: Final = 0.05
SMALL_CLUSTERS: Final = 0.07
VETO: Final = 0.12
TOO_LARGE: Final = 0.23
STANDS: Final[dict[Provenance, str]] = {
    "original": "the original",
    "sample": "a sample of the original, which stands in for it",
    "generations": "text that the model made, which stands in for the original",
    "other": "other text, which stands in for the original",
}


class Limits(NamedTuple):
    """From so many effective documents on: the largest p of what is apart, and of *close* TV*."""

    n_eff: float
    alpha: float
    large: float


LIMITS: Final = (Limits(800.0, 0.05, 0.145), Limits(0.0, 0.04, 0.13))
"""Below 20 points: posteriors are less far apart than sources are, and chance spreads TV*."""


class Seen(NamedTuple):
    """What a verdict goes by: effective documents of each side, and differences."""

    n_eff: tuple[float, float]
    labels: Difference | None
    clusters: Difference


def verdict(seen: Seen) -> Verdict:
    """Return the verdict, by the rule above."""
    found = _apart(seen)
    if min(seen.n_eff) < TWO:
        return NONE
    if found is None:
        by = seen.labels or seen.clusters
        return NONE if by.could_have_seen > TOO_LARGE else INDISTINGUISHABLE
    three = seen.labels is not None and min(seen.n_eff) >= THREE
    return CLOSE if three and found.corrected <= _limits(seen).large else DIFFERENT


def _limits(seen: Seen) -> Limits:
    return next(limits for limits in LIMITS if min(seen.n_eff) >= limits.n_eff)


def _apart(seen: Seen) -> Difference | None:
    """Return the difference that is there, if one is: not by chance alone, and not a trifle."""
    alpha = _limits(seen).alpha
    by_labels, by_clusters = seen.labels, seen.clusters
    if by_labels is not None and by_labels.p_tv <= alpha and by_labels.corrected >= SMALL:
        return by_labels
    least = SMALL_CLUSTERS if by_labels is None else VETO
    return by_clusters if by_clusters.p_chi2 <= alpha and by_clusters.corrected >= least else None


def sentence(seen: Seen, found: Verdict, names: tuple[str, str], provenance: Provenance) -> str:
    """Return the verdict as a sentence."""
    sides = f"{names[0]} and {names[1]} ({STANDS[provenance]})"
    n_eff = f"n_eff {seen.n_eff[0]:,.0f} and {seen.n_eff[1]:,.0f}"
    if found == NONE:
        return f"No verdict on {sides}: {_why_none(seen)}."
    by = seen.labels or seen.clusters
    what = "shares of sources" if seen.labels else "shares of clusters"
    size = f"{100 * by.could_have_seen:.0f} points"
    if found == INDISTINGUISHABLE:
        return (
            f"Indistinguishable at this size: {sides}, by {what}, with {n_eff}; a difference of "
            f"{size} or more would have been seen in 19 of 20 draws."
        )
    if seen.labels and _apart(seen) is seen.clusters:
        by, what = seen.clusters, "shares of clusters, in kinds of text that sources do not tell"
    word = "Close, but not the same" if found == CLOSE else "Different"
    far = f"{100 * by.corrected:.0f} points apart (TV*)"
    return f"{word}: {sides}, by {what}, are {far}, with {n_eff}."


def _why_none(seen: Seen) -> str:
    n_eff = f"n_eff {seen.n_eff[0]:,.0f} and {seen.n_eff[1]:,.0f}"
    if min(seen.n_eff) < TWO:
        return f"{n_eff}, and {TWO:.0f} effective documents of each are the least for one"
    by = seen.labels or seen.clusters
    size = f"{100 * by.could_have_seen:.0f} points"
    return f"with {n_eff}, a difference of less than {size} would often not have been seen"
