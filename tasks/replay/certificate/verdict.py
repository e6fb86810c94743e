"""The verdict: one sentence by a rule, and nothing beyond it.

With labels, of at least :data:`THREE` effective documents on each side: *indistinguishable at this
size* where p > .04 or TV* < .05; *different* where TV* > .135; else *close*. Of fewer, *close* is
not told from *different*. Of fewer than :data:`TWO`, and where a difference of :data:`TOO_LARGE`
need not have been seen, there is none.

Clusters see what labels do not: kinds of text that no source of the pool has, such as a fifth of
the original that is missing from the pool. Where they are apart (p <= .04) and TV* of clusters is
:data:`VETO` or more, the shard is not indistinguishable whatever labels say: it is *different*
where that is > .135, else *close*. Without labels, clusters alone tell *indistinguishable* (p > .04,
or TV* < .07) from *different*.

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
ALPHA: Final = 0.04
SMALL: Final = 0.05
SMALL_CLUSTERS: Final = 0.07
LARGE: Final = 0.135
"""Of labels and clusters: posteriors are less far apart than sources are."""
VETO: Final = 0.12
TOO_LARGE: Final = 0.2
STANDS: Final[dict[Provenance, str]] = {
    "original": "the original",
    "sample": "a sample of the original, which stands in for it",
    "generations": "text that the model made, which stands in for the original",
    "other": "other text, which stands in for the original",
}


class Seen(NamedTuple):
    """What a verdict goes by: effective documents of each side, and differences."""

    n_eff: tuple[float, float]
    labels: Difference | None
    clusters: Difference


def verdict(seen: Seen) -> Verdict:
    """Return the verdict, by the rule above."""
    by = seen.labels or seen.clusters
    if min(seen.n_eff) < TWO or by.could_have_seen > TOO_LARGE:
        return NONE
    if seen.labels is None:
        return DIFFERENT if apart(seen.clusters, by_chi2=True) else INDISTINGUISHABLE
    found: Verdict = INDISTINGUISHABLE
    if apart(seen.labels, by_chi2=False):
        found = DIFFERENT if seen.labels.corrected > LARGE else CLOSE
    elif vetoed(seen):
        found = DIFFERENT if seen.clusters.corrected > LARGE else CLOSE
    return DIFFERENT if found == CLOSE and min(seen.n_eff) < THREE else found


def apart(found: Difference, *, by_chi2: bool) -> bool:
    """Tell whether there is a difference that chance does not explain, and is not a trifle."""
    p = found.p_chi2 if by_chi2 else found.p_tv
    return p <= ALPHA and found.corrected >= (SMALL_CLUSTERS if by_chi2 else SMALL)


def vetoed(seen: Seen) -> bool:
    """Tell whether clusters differ where labels do not."""
    return apart(seen.clusters, by_chi2=True) and seen.clusters.corrected >= VETO


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
    if seen.labels and not apart(seen.labels, by_chi2=False):
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
