r"""Distances of distributions, with floors: the reference halved by document, at the same size.

A figure is the mean over the ways of halving (:func:`tasks.replay.certificate.texts.splits`): its
value of the shard and one half, its floor of the other half and that one, and the random draw's of
it and that one. All of these parts have as many tokens: a distance shrinks with its size, so that
it says nothing beside one of another size.

**JS** and **KL** (:mod:`tasks.replay.divergence`), in bits; KL is of the reference from the shard,
where each bucket of both has half a count more. **KS**: the largest distance of the cumulative
shares of passages by tokens; **Wasserstein**: the area between these, in tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from schemas.certificate import Divergences, Figure, Lengths, rounded
from tasks.replay import packed
from tasks.replay.certificate.texts import SPLITS
from tasks.replay.divergence import js, kl
from tasks.replay.sides import tokens_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.replay.certificate.gate import Sides
    from tasks.replay.certificate.texts import Measured, Split
    from tasks.replay.sides import Floats, Ints

BINS = 20
"""Bars of the histogram of lengths."""


class Part(NamedTuple):
    """Some rows of a side."""

    side: Measured
    rows: Ints


def parts(sides: Sides, split: Split) -> tuple[Part, Part, Part, Part | None]:
    """Return both halves of the reference, the shard and the random draw."""
    drawn = None
    if sides.random is not None and split.random is not None:
        drawn = Part(sides.random, split.random)
    return (
        Part(sides.reference, split.one),
        Part(sides.reference, split.other),
        Part(sides.shard, split.shard),
        drawn,
    )


def divergences(sides: Sides, splits: Sequence[Split]) -> Divergences | None:
    """Return all figures; none where the reference cannot be halved."""
    dealt = [parts(sides, split) for split in splits]
    if not all(len(part.rows) for some in dealt for part in some[:3]):
        return None
    tokens = [int(some[0].side.side.tokens[some[0].rows].sum()) for some in dealt]
    return Divergences(
        tokens=round(sum(tokens) / len(tokens)),
        splits=SPLITS,
        js=_figure(_js, dealt),
        kl=_figure(_kl, dealt),
        unigram_js=_figure(_unigram_js, dealt),
        language_tv=_figure(_language_tv, dealt),
        length_ks=_figure(lambda a, b: ks(_lengths(a), _lengths(b)), dealt),
        length_wasserstein=_figure(lambda a, b: wasserstein(_lengths(a), _lengths(b)), dealt),
    )


def _figure(metric: Any, dealt: Sequence[Any]) -> Figure:  # noqa: ANN401
    """Return the means of a metric of shard, other half and random draw, each beside one half."""
    means: list[float | None] = []
    for place in (2, 1, 3):
        found = [None if some[place] is None else metric(some[place], some[0]) for some in dealt]
        known = [value for value in found if value is not None]
        means.append(sum(known) / len(known) if known else None)
    return Figure.of(*means)


def _counts(part: Part) -> Floats:
    found: Floats = packed.sums(part.side.side.counts, part.rows)
    return found


def _js(one: Part, reference: Part) -> float | None:
    return js(_counts(one), _counts(reference))


def _kl(one: Part, reference: Part) -> float | None:
    return kl(_counts(reference) + 0.5, _counts(one) + 0.5)


def _unigram_js(one: Part, reference: Part) -> float | None:
    found = [_unigrams(part) for part in (one, reference)]
    if any(some is None for some in found):
        return None
    size = max(len(some) for some in found)
    return js(*(np.pad(some, (0, size - len(some))) for some in found))


def _unigrams(part: Part) -> Any:  # noqa: ANN401  (counts by token, or none)
    ids = part.side.ids
    if ids is None:
        return None
    spans = [ids.numbers[ids.firsts[row] : ids.firsts[row + 1]] for row in part.rows.tolist()]
    return np.bincount(np.concatenate(spans)).astype(np.float64)


def _language_tv(one: Part, reference: Part) -> float | None:
    langs = [part.side.langs[part.rows] for part in (one, reference) if part.side.langs is not None]
    if len(langs) < 2:  # noqa: PLR2004  (not known of both)
        return None
    names = np.unique(np.concatenate(langs))
    shares = []
    for part, own in zip((one, reference), langs, strict=True):
        tokens = tokens_by(np.searchsorted(names, own), _lengths(part), len(names))
        shares.append(tokens / tokens.sum())
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _lengths(part: Part) -> Ints:
    return part.side.side.tokens[part.rows]


def ks(one: Ints, other: Ints) -> float:
    """Return the largest distance of two cumulative distributions."""
    return float(np.abs(np.subtract(*_cumulative(one, other)[1:])).max())


def wasserstein(one: Ints, other: Ints) -> float:
    """Return the area between two cumulative distributions."""
    at, a, b = _cumulative(one, other)
    return float((np.abs(a - b)[:-1] * np.diff(at)).sum())


def _cumulative(one: Ints, other: Ints) -> tuple[Ints, Floats, Floats]:
    at = np.unique(np.concatenate([one, other]))
    a, b = (np.searchsorted(np.sort(x), at, side="right") / len(x) for x in (one, other))
    return at, a, b


def lengths(sides: Sides) -> Lengths:
    """Return histograms of the lengths of all passages that are looked at."""
    known = [side.side.tokens for side in sides[:3] if side is not None]
    top = max(BINS, int(np.quantile(np.concatenate(known), 0.998)))
    edges = np.unique(np.linspace(0, top + 1, BINS + 1).round().astype(np.int64))
    shares = [_histogram(some, edges) for some in known]
    return Lengths(
        edges=tuple(edges.tolist()),
        shard=shares[0],
        reference=shares[1],
        random=shares[2] if sides.random is not None else None,
    )


def _histogram(tokens: Ints, edges: Ints) -> tuple[float, ...]:
    found = np.histogram(np.minimum(tokens, edges[-1] - 1), edges)[0] / len(tokens)
    return tuple(rounded(float(x)) or 0.0 for x in found)
