r"""What a base model's own text says of what it was trained on: shares of a pool's sources, or not.

**Cleaning** (:func:`cleaned`): sampled without truncation, a model also writes nothing, or the same
again and again. The first that holds of a text drops it:

- ``empty``: nothing but white space;
- ``short``: fewer than :data:`LEAST_CHARACTERS` characters, by which a source is hardly known;
- ``loop``: more than :data:`MOST_REPEATED` of its runs of eight words stood in it before, or it is
  more than :data:`MOST_COMPRESSED` times as large as zlib makes it (a loop of marks has no words).
  Of 13,197 passages of 2,000 characters of real text it drops 7.

**Shares** (:func:`told`): a classifier of the pool's sources and Saerens' correction
(:mod:`tasks.replay.labels`), where each generation counts 1, however long it is: sampled from the
beginning of a text, a model begins as often like a source as that had *documents*. Shares of
*tokens* follow by the mean length of the pool's documents of each source, ``a_s l_s / sum a l``;
what is other keeps its share. So the pool has to hold whole documents, and the same sources have to
have documents of such length in the original.

**Intervals**: 2.5th and 97.5th in a hundred of the answers to resampled generations (Poisson
bootstrap), with lengths of resampled documents of the pool. What the classifier is wrong about in
one direction is not in them.

**Refusals**: no shares are given for fewer than :data:`LEAST_GENERATIONS` generations, by a
classifier whose skill (how far it is from chance to always right, Cohen 1960) on held-out passages
is below :data:`LEAST_SKILL`, and where more than :data:`MOST_OTHER` is explained by no source. From
:data:`NOTABLE_OTHER` on they come with a warning and without intervals. *Other* is a warning light:
of a kind of text that the pool lacks it read all, where nothing is like it, and nothing, where a
source is (Python code, among documentation of Python). How well passages fit their source in
the mean showed no more.
"""

from __future__ import annotations

import zlib
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from tasks.replay import labels
from tasks.shingles import words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.replay.labels import Judged
    from tasks.replay.sides import Floats, Ints, Side

LEAST_CHARACTERS: Final = 100
RUN: Final = 8
MOST_REPEATED: Final = 0.5
MOST_COMPRESSED: Final = 8.0
DROPS: Final = ("empty", "short", "loop")

LEAST_GENERATIONS: Final = 140
"""Of fewer documents nothing is said elsewhere, either."""
LEAST_SKILL: Final = 0.6
NOTABLE_OTHER: Final = 0.03
MOST_OTHER: Final = 0.1
NOTABLE: Final = 0.05
"""A share from which on a source is named among the nearest."""
LEVEL: Final = 0.95
RESAMPLES: Final = 200
ROLES: Final = ("user", "assistant")


class Cleaned(NamedTuple):
    """Places of the generations that are kept, and what each filter dropped: rows and tokens."""

    kept: Ints
    dropped: dict[str, int]
    dropped_tokens: dict[str, int]


class Standing(StrEnum):
    """Whether shares are given, and why not."""

    FITS = "fits"
    PARTLY = "partly"
    FOREIGN = "foreign"
    WEAK = "weak"
    FEW = "few"


class Estimate(NamedTuple):
    """Shares by source, which with what is other make 1, and their intervals where there are."""

    shares: Floats
    low: Floats | None
    high: Floats | None


class Told(NamedTuple):
    """What generations say of a pool's sources.

    - ``documents``, ``tokens``: shares of these; None where they are refused.
    - ``other``: the share that no source explains. ``skill``: the classifier's.
    - ``n_eff``: the number of generations. ``level``: of the intervals.
    - ``nearest``: sources of notable share, the largest first; named even where shares are not.
    - ``says``: all of it in words.
    """

    standing: Standing
    sources: tuple[str, ...]
    documents: Estimate | None
    tokens: Estimate | None
    other: float
    skill: float
    n_eff: float
    level: float
    nearest: tuple[str, ...]
    says: str


def turns(messages: Sequence[Mapping[str, str]]) -> str:
    """Return the text of a conversation: what user and assistant said, without who speaks.

    A system's turn is the template's, not the model's, and is left out.
    """
    return "\n\n".join(turn["content"] for turn in messages if turn["role"] in ROLES)


def cleaned(texts: Sequence[str], tokens: Ints) -> Cleaned:
    """Tell which texts are kept, by the definition above; ``tokens`` are how many each has."""
    why = [drop(text) for text in texts]
    kept = np.flatnonzero([reason is None for reason in why])
    rows, some = dict.fromkeys(DROPS, 0), dict.fromkeys(DROPS, 0)
    for reason, size in zip(why, tokens.tolist(), strict=True):
        if reason is not None:
            rows[reason] += 1
            some[reason] += size
    return Cleaned(kept, rows, some)


def drop(text: str) -> str | None:
    """Return why a text is dropped, or None."""
    if not text.strip():
        return "empty"
    if len(text) < LEAST_CHARACTERS:
        return "short"
    body = text.encode("utf-8", "replace")
    looped = len(body) > MOST_COMPRESSED * len(zlib.compress(body))
    return "loop" if looped or repeated(text) > MOST_REPEATED else None


def repeated(text: str) -> float:
    """Return the share of a text's runs of eight words that stood in it before."""
    every = words(text)
    runs = [tuple(every[i : i + RUN]) for i in range(len(every) - RUN + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def told(  # noqa: PLR0913  (both sides, and what is known of them)
    generations: Side,
    pool: Side,
    sources: Ints,
    *,
    names: Sequence[str],
    seed: int,
    given: Judged | None = None,
) -> Told:
    """Say what generations tell of the sources of a pool.

    ``sources`` is the number of each of its passages' source among ``names``. Passages are best cut
    as long as the generations are. Raises :class:`ConfigError` for a source of fewer than ten
    documents; no generations at all are a refusal. ``given``: what a classifier of these sources
    has judged already.
    """
    n_eff = float(len(np.unique(generations.documents)))
    if n_eff < LEAST_GENERATIONS:
        return _refused(Standing.FEW, tuple(names), n_eff)
    given = given or labels.judged(generations, pool, sources, names=names, seed=seed)
    documents = _Documents(generations.documents[given.own])
    shares, other = labels.estimated(given.given, given.prior, documents.parts, given.badly)
    skill = _skill(given)
    standing = _standing(skill, other)
    nearest = tuple(names[i] for i in np.argsort(-shares, kind="stable") if shares[i] >= NOTABLE)
    by_documents = by_tokens = None
    if standing in {Standing.FITS, Standing.PARTLY}:
        lengths = _Lengths(pool, sources, len(names))
        by_documents = Estimate(shares, None, None)
        by_tokens = Estimate(of_tokens(shares, lengths.mean()), None, None)
    if standing is Standing.FITS:
        ends = _ends(given, documents, lengths, seed)
        by_documents, by_tokens = (
            _around(one.shares, *both)
            for one, both in zip((by_documents, by_tokens), ends, strict=True)
            if one is not None
        )
    says = _says(standing, nearest, other, skill)
    return Told(
        standing, tuple(names), by_documents, by_tokens, other, skill, n_eff, LEVEL, nearest, says
    )


def of_tokens(shares: Floats, lengths: Floats) -> Floats:
    """Return shares of tokens, from those of documents and the mean tokens of a document."""
    weighed = shares * lengths
    total = float(weighed.sum())
    return weighed / total * shares.sum() if total else weighed


class _Documents:
    """Which generation each passage is of, by number, and what part of it: each counts 1."""

    def __init__(self, documents: Ints) -> None:
        # Numbered as their rows first come, in an order that is not the caller's.
        _, first, places, sizes = np.unique(
            documents, return_index=True, return_inverse=True, return_counts=True
        )
        ranks = np.empty(len(first), np.int64)
        ranks[np.argsort(first)] = np.arange(len(first))
        self.size, self.numbers = len(first), ranks[places]
        self.parts = 1 / sizes[places]


class _Lengths:
    """Mean tokens of a document of each source of a pool, and of resampled documents."""

    def __init__(self, pool: Side, sources: Ints, size: int) -> None:
        # By the keys' first numbers, which documents have whatever order they come in.
        every = np.column_stack([sources.astype(np.uint64), pool.keys[:, 0]])
        owners, places = np.unique(every, axis=0, return_inverse=True)
        self._sources, self._size = owners[:, 0].astype(np.int64), size
        self._tokens = np.bincount(places.ravel(), pool.tokens)

    def mean(self, weights: Floats | None = None) -> Floats:
        own = np.ones(len(self._tokens)) if weights is None else weights
        tokens = np.bincount(self._sources, self._tokens * own, self._size)
        documents = np.bincount(self._sources, own, self._size)
        return tokens / np.maximum(documents, 1e-12)

    def resampled(self, chance: np.random.Generator) -> Floats:
        found = self.mean(chance.poisson(1.0, len(self._tokens)).astype(np.float64))
        return np.where(found > 0, found, self.mean())


def _ends(
    given: Judged, documents: _Documents, lengths: _Lengths, seed: int
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Return the ends of the intervals of shares of documents, and of tokens."""
    chance = np.random.default_rng([seed, 0x6E])
    some: list[Floats] = []
    tokens: list[Floats] = []
    for _ in range(RESAMPLES):
        weights = chance.poisson(1.0, documents.size)[documents.numbers] * documents.parts
        shares, _ = labels.estimated(given.given, given.prior, weights, given.badly)
        some.append(shares)
        tokens.append(of_tokens(shares, lengths.resampled(chance)))
    at = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = (np.quantile(np.array(every), at, axis=0) for every in (some, tokens))
    return (low[0], low[1]), (high[0], high[1])


def _around(shares: Floats, low: Floats, high: Floats) -> Estimate:
    return Estimate(shares, np.minimum(low, shares), np.maximum(high, shares))


def _skill(given: Judged) -> float:
    """Return how far the classifier is from chance (0) to always right (1)."""
    by_chance = float(np.square(given.prior).sum())
    return (given.accuracy - by_chance) / (1 - by_chance) if by_chance < 1 else 1.0


def _standing(skill: float, other: float) -> Standing:
    if skill < LEAST_SKILL:
        return Standing.WEAK
    if other > MOST_OTHER:
        return Standing.FOREIGN
    return Standing.PARTLY if other > NOTABLE_OTHER else Standing.FITS


def _refused(standing: Standing, names: tuple[str, ...], n_eff: float) -> Told:
    says = (
        f"{n_eff:,.0f} generations are left, which is too few: no shares are given. "
        f"Sample {LEAST_GENERATIONS:,} or more, and look at what was dropped of them."
    )
    return Told(standing, names, None, None, 0.0, 0.0, n_eff, LEVEL, (), says)


def _says(standing: Standing, nearest: tuple[str, ...], other: float, skill: float) -> str:
    names = ", ".join(nearest) or "none"
    about = (
        "Shares are of what the model begins to write, nearest among your sources; those of tokens "
        "suppose that documents were as long as the pool's."
    )
    match standing:
        case Standing.FITS:
            return (
                "The generations look like a mixture of your sources. Nearest among them: "
                f"{names}. {about}"
            )
        case Standing.PARTLY:
            return (
                f"{other:.1%} of the generations are like none of your sources, and more may be: "
                "a kind of text is missing, and its share is partly with its neighbours, so no "
                f"intervals are given. Nearest among your sources: {names}. {about}"
            )
        case Standing.FOREIGN:
            return (
                f"{other:.1%} of the generations are like none of your sources, so no shares are "
                f"given. Nearest among them: {names}. Add the kinds of text, or the languages, "
                "that are missing."
            )
        case _:
            return (
                f"Your sources cannot be told apart well enough (skill {skill:.2f} of 1), so no "
                "shares are given. Join those that are alike."
            )
