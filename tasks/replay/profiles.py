r"""Target profiles (:mod:`schemas.profile`): built from what is at hand of a distribution.

- :func:`of_published`: the shares that its makers print, and nothing else.
- :func:`of_shares`: shares that were inferred, such as from a tokenizer, with their widths.
- :func:`of_sample`: all of it, counted in some of its text.
- :func:`of_generations`: a model's own text: languages and n-grams as they are there, the shares of
  sources as :mod:`tasks.replay.generations` concludes them.

**Intervals of what is counted** go by the effective number of documents, ``n = (sum L)^2 / sum
L^2``, since passages of one document are alike. Of a share ``p``, Wilson's (1927) with ``n`` for
the sample's size: it has a width where the share is 0, too. Of a quantile, the quantiles at the
ends of that interval of its level (Woodruff 1952). Both are a function of the rows alone, in any
order.
"""

from __future__ import annotations

import base64
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from schemas import published
from schemas.errors import ConfigError
from schemas.profile import Lengths, NGrams, Profile, Quantiles, Share, Shares
from tasks import hashing, ngrams
from tasks.replay import packed
from tasks.replay.sides import effective, tokens_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from schemas.profile import Kind, Provenance
    from tasks.replay.generations import Told
    from tasks.replay.packed import Packed
    from tasks.replay.sides import Floats, Ints, Strata

LEVEL: Final = 0.95
QUANTILES: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
NO_LANGUAGE: Final = "unknown"
PROVENANCE: Final[dict[str, Provenance]] = {
    "published": "published",
    "estimated": "inferred",
    "unknown": "unknown",
}
NOT_PRINTED: Final = "what is published gives shares of sources, and nothing else"
NOT_INFERRED: Final = "shares were inferred, and nothing else"
NO_LANGUAGES: Final = "nobody told the languages"
NO_POOL: Final = "clusters are of a target and a pool together"


class Rows(NamedTuple):
    """Texts of a distribution: passages, whole documents, conversations or generations.

    - ``characters``, ``tokens``: how many each has; tokens are what shares are of.
    - ``documents``: a number for the document that it is of.
    - ``counts``: of its n-grams.
    - ``langs``, ``sources``: its language and its source, where they are known.
    """

    characters: Ints
    tokens: Ints
    documents: Ints
    counts: Packed
    langs: Sequence[str | None] | None = None
    sources: Sequence[str] | None = None


class About(NamedTuple):
    """What rows are: of what, where they are from, what one of them is, and of which kind."""

    title: str
    basis: str
    rows: str = "passage"
    kind: Kind = "pretrain"


def of_published(name: str, *, kind: Kind = "pretrain") -> Profile:
    """Return what is published of a mixture (``data/mixtures/``). ConfigError for an unknown one.

    What is estimated by others counts as inferred, and nobody says how wide it is.
    """
    mixture = published.published(name)
    doubtful = [n for n, part in mixture.components.items() if not part.verified]
    notes = (f"Not read in the source itself: {', '.join(doubtful)}.",) if doubtful else ()
    shares = {n: Share(share=share) for n, share in mixture.shares().items()}
    basis = f"{mixture.source} ({mixture.status}, {mixture.unit})"
    told = Shares(
        provenance=PROVENANCE[mixture.status],
        basis=basis,
        unit="bytes" if mixture.unit.endswith("bytes") else "tokens",
        shares=shares,
    )
    return _only(told, mixture.title, NOT_PRINTED, kind, notes)


def of_shares(
    shares: Mapping[str, float],
    *,
    provenance: Provenance,
    basis: str,
    widths: Mapping[str, float] | None = None,
    kind: Kind = "pretrain",
) -> Profile:
    """Return a profile of shares of sources, in the order given; what they lack up to 1 is other.

    ``widths`` are half of the intervals, of level :data:`LEVEL`. ConfigError where shares are
    negative, or more than 1 in all.
    """
    total = sum(shares.values())
    if not shares or min(shares.values()) < 0 or total > 1 + 1e-6:
        raise ConfigError(
            "target",
            got=f"{len(shares)} shares of {total:g} in all",
            wanted="shares of 0 or more, and up to 1 in all",
            way_out="Give the share of each source as a part of 1; what is missing is other.",
        )
    every = {n: _within(s, None if widths is None else widths[n]) for n, s in shares.items()}
    rest = Share(share=1 - total) if total < 1 - 1e-6 else None
    told = Shares(
        provenance=provenance,
        basis=basis,
        shares=every,
        other=rest,
        level=None if widths is None else LEVEL,
    )
    return _only(told, basis, NOT_INFERRED, kind)


def _within(share: float, width: float | None) -> Share:
    if width is None:
        return Share(share=share)
    return Share(share=share, low=max(0.0, share - width), high=min(1.0, share + width))


def of_sample(rows: Rows, about: About, *, strata: Strata | None = None) -> Profile:
    """Return a profile of what was counted. ConfigError where there is no row with a token.

    ``strata`` are those of the rows as a target; without the rows' own, that part is unknown.
    """
    _check(rows, about)
    own = None if strata is None else strata.target
    numbers = None if own is None else [str(number) for number in own.tolist()]
    known = _Known("sampled", about.basis)
    return Profile(
        kind=about.kind,
        title=about.title,
        sources=_counted(rows, rows.sources, known, "the sample does not name sources"),
        languages=_counted(rows, rows.langs, known, NO_LANGUAGES),
        lengths=_lengths(rows, known, about.rows),
        ngrams=_ngrams(rows, known),
        strata=_in_order(_counted(rows, numbers, known, NO_POOL), strata),
    )


def of_generations(rows: Rows, told: Told, about: About, *, cut: float) -> Profile:
    """Return a profile of what a model wrote; ``cut`` is that of :class:`Lengths`.

    Everything in it is inferred: the model's text stands for what it was trained on. Where shares
    of sources were refused, they are unknown, and the basis says why.
    """
    _check(rows, about)
    known = _Known("inferred", about.basis)
    return Profile(
        kind=about.kind,
        title=about.title,
        sources=_concluded(told),
        languages=_counted(rows, rows.langs, known, NO_LANGUAGES),
        lengths=_lengths(rows, known, about.rows).model_copy(update={"cut": cut}),
        ngrams=_ngrams(rows, known),
        strata=Shares(provenance="unknown", basis=NO_POOL),
        notes=(told.says,),
    )


def _concluded(told: Told) -> Shares:
    found = told.tokens
    if found is None:
        return Shares(provenance="unknown", basis=told.says)
    none = [None] * len(told.sources)
    low, high = (none if ends is None else ends.tolist() for ends in (found.low, found.high))
    every = zip(told.sources, found.shares.tolist(), low, high, strict=True)
    return Shares(
        provenance="inferred",
        basis=f"a classifier of the pool's sources, on {told.n_eff:,.0f} generations",
        n_eff=told.n_eff,
        level=None if found.low is None else told.level,
        shares={name: Share(share=s, low=a, high=b) for name, s, a, b in every},
        other=Share(share=max(0.0, 1 - float(found.shares.sum()))),
    )


def digest(profile: Profile) -> str:
    """Hex xxh3_128 of all that a profile says."""
    return hashing.digest("profile", profile)


def mean(profile: Profile) -> NDArray[np.float32] | None:
    """Return the share of each bucket in the n-grams; None where it is not known."""
    if profile.ngrams.mean is None:
        return None
    return np.frombuffer(base64.b64decode(profile.ngrams.mean), "<f4").astype(np.float32)


def wilson(shares: NDArray[Any], n_eff: float, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Return the ends of the intervals of shares of so many documents, by the definition above."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    p = np.asarray(shares, np.float64)
    middle = (p + z**2 / (2 * n_eff)) / (1 + z**2 / n_eff)
    half = z / (1 + z**2 / n_eff) * np.sqrt(p * (1 - p) / n_eff + z**2 / (4 * n_eff**2))
    return np.clip(middle - half, 0, p), np.clip(middle + half, p, 1)


def _only(told: Shares, title: str, why: str, kind: Kind, notes: tuple[str, ...] = ()) -> Profile:
    """Return a profile of shares of sources, the rest unknown."""
    none = {"provenance": "unknown", "basis": why}
    return Profile(
        kind=kind,
        title=title,
        sources=told,
        languages=Shares.model_validate(none),
        lengths=Lengths.model_validate(none),
        ngrams=NGrams.model_validate(none),
        strata=Shares.model_validate(none),
        notes=notes,
    )


class _Known(NamedTuple):
    """How a part is known."""

    provenance: Provenance
    basis: str


def _check(rows: Rows, about: About) -> None:
    lengths = {len(rows.characters), len(rows.tokens), len(rows.documents), rows.counts.size}
    lengths |= {len(some) for some in (rows.langs, rows.sources) if some is not None}
    if len(lengths) > 1:
        raise ValueError(f"{sorted(lengths)} rows: wanted as many of each part")
    if not len(rows.tokens) or not rows.tokens.sum():
        raise ConfigError(
            "target",
            got=f"no text ({about.basis})",
            wanted="some text that stands for the distribution",
            way_out="Look at the files, and at what was dropped of them.",
        )


def _counted(
    rows: Rows, labels: Sequence[str | None] | None, known: _Known, missing: str
) -> Shares:
    """Return the shares of tokens with each label, the largest first."""
    if labels is None:
        return Shares(provenance="unknown", basis=missing)
    every, places = np.unique([one or NO_LANGUAGE for one in labels], return_inverse=True)
    tokens = tokens_by(places, rows.tokens, len(every))
    ordered = np.lexsort((every, -tokens))
    shares = tokens[ordered] / tokens.sum()
    n_eff = effective(rows.documents, rows.tokens)
    low, high = wilson(shares, n_eff)
    ends = zip(every[ordered].tolist(), shares.tolist(), low.tolist(), high.tolist(), strict=True)
    return Shares(
        provenance=known.provenance,
        basis=known.basis,
        n_eff=n_eff,
        level=LEVEL,
        shares={name: Share(share=s, low=a, high=b) for name, s, a, b in ends},
    )


def _in_order(told: Shares, strata: Strata | None) -> Shares:
    """Return the shares of all strata by number, those that no row is in as well."""
    if strata is None or told.n_eff is None:
        return told
    (_,), (high,) = wilson(np.zeros(1), told.n_eff)
    none = Share(share=0.0, low=0.0, high=float(high))
    every = {str(i): told.shares.get(str(i), none) for i in range(len(strata.shares))}
    return told.model_copy(update={"shares": every})


def _lengths(rows: Rows, known: _Known, unit: str) -> Lengths:
    n_eff = effective(rows.documents, np.ones(len(rows.documents), np.int64))
    low, high = wilson(np.array(QUANTILES), n_eff)
    return Lengths(
        provenance=known.provenance,
        basis=known.basis,
        n_eff=n_eff,
        level=LEVEL,
        rows=unit,
        levels=QUANTILES,
        tokens=_quantiles(rows.tokens, low, high),
        characters=_quantiles(rows.characters, low, high),
    )


def _quantiles(lengths: Ints, low: Floats, high: Floats) -> Quantiles:
    values, below, above = (
        tuple(np.quantile(lengths, at, method="inverted_cdf").astype(float).tolist())
        for at in (np.array(QUANTILES), low, high)
    )
    return Quantiles(values=values, low=below, high=above)


def _ngrams(rows: Rows, known: _Known) -> NGrams:
    sums = packed.sums(rows.counts, packed.rows(rows.counts))
    total = float(sums.sum())
    if not total:
        return NGrams(provenance="unknown", basis="the text has no words")
    return NGrams(
        provenance=known.provenance,
        basis=known.basis,
        n_eff=effective(rows.documents, rows.tokens),
        hashing=ngrams.VERSION,
        width=packed.WIDTH,
        buckets=packed.BUCKETS,
        counted=int(total),
        mean=base64.b64encode((sums / total).astype("<f4").tobytes()).decode(),
    )
