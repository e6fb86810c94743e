"""``certificate.json``: how near a replay shard comes to a reference, and how sure that is."""

from __future__ import annotations

from typing import Final, Literal

from schemas.manifest import Frozen

VERSION: Final = 1
"""Version of the file's layout and of what its figures mean."""
INDISTINGUISHABLE: Final = "indistinguishable"
CLOSE: Final = "close"
DIFFERENT: Final = "different"
NONE: Final = "none"
Verdict = Literal["indistinguishable", "close", "different", "none"]
Provenance = Literal["original", "sample", "generations", "other"]
"""What the reference is to the original: itself, a sample of it, text that the model made, or other
text that stands in for it."""
DIGITS: Final = 6
"""Digits of a figure that are kept: what differs behind these is the machine's."""


def rounded(value: float | None) -> float | None:
    """Return a number with as many digits as are kept."""
    return None if value is None else float(f"{value:.{DIGITS}g}")


class Figure(Frozen):
    """One measure of shard and reference.

    - ``value``: of the shard.
    - ``floor``: the same between parts of the reference, at the same size; ``ratio``: of both.
    - ``random``: the same of a random draw in the place of the shard.

    What cannot be measured, or was not asked for, is null.
    """

    value: float | None = None
    floor: float | None = None
    ratio: float | None = None
    random: float | None = None

    @classmethod
    def of(
        cls, value: float | None, floor: float | None = None, random: float | None = None
    ) -> Figure:
        """Return a figure of numbers as they were measured."""
        ratio = value / floor if value is not None and floor else None
        return cls(
            value=rounded(value), floor=rounded(floor), ratio=rounded(ratio), random=rounded(random)
        )


class TextSet(Frozen):
    """A side: ``documents`` and ``characters`` of all of it, ``digest`` of its texts in any order.

    ``sampled_documents``, ``sampled_tokens``: what the figures are of (tokens of a pool are always
    characters by four); ``n_eff``: its effective number of documents, ``(sum L)^2 / sum L^2`` for
    documents of L tokens.
    """

    name: str
    documents: int
    characters: int
    digest: str
    sampled_documents: int
    sampled_tokens: int
    n_eff: float


class Share(Frozen):
    """Share of a kind of text in the tokens of each side."""

    name: str
    reference: float
    shard: float
    random: float | None = None


class Gate(Frozen):
    """Shares of kinds of text, compared with what chance makes of the same documents.

    - ``by``: sources of the pool, told by a classifier (``labels``), or ``clusters`` of both sides.
    - ``tokens``: of each side; ``n_eff_shard``, ``n_eff_reference``: what these are of.
    - ``tv``: total variation; its floor is the mean of the permutations.
    - ``corrected``: TV* = root(max(0, TV^2 - mean^2 - sd^2)) of these; ``corrected_random``: of the
      random draw.
    - ``chi2``: of the shares, ``sum (a - b)^2 / (a + b)``; ``p``: share of permutations, the shard
      among them, that are as far apart or farther, by ``tv`` for labels and ``chi2`` for clusters.
    - ``could_have_seen``: a difference (TV) of this size would have been seen in 19 of 20 draws.
    - ``uncovered``: share of the reference that the shard has less than a quarter of.
    - ``accuracy``: of the classifier, on passages of the pool that it has not seen.
    """

    by: Literal["labels", "clusters"]
    tokens: int
    n_eff_shard: float
    n_eff_reference: float
    permutations: int
    tv: Figure
    corrected: float
    corrected_random: float | None
    chi2: Figure
    p: float
    could_have_seen: float
    uncovered: Figure
    accuracy: float | None
    shares: tuple[Share, ...]


class Divergences(Frozen):
    """Distances of distributions, each at about ``tokens`` of both sides.

    - ``js``, ``kl``: bits; hashed words and pairs of words. ``kl`` is of the reference from the
      shard, half a count added to each bucket.
    - ``unigram_js``: bits; tokens of the tokenizer.
    - ``language_tv``: of tokens by language.
    - ``length_ks``, ``length_wasserstein``: of passages by tokens; the latter in tokens.
    """

    tokens: int
    splits: int
    js: Figure
    kl: Figure
    unigram_js: Figure
    language_tv: Figure
    length_ks: Figure
    length_wasserstein: Figure


class Word(Frozen):
    """A word or pair of words that tells the sides apart: how often it comes in a million words."""

    text: str
    shard: float
    reference: float


class TwoSample(Frozen):
    """A classifier that tells passages of the shard from those of the reference.

    ``auc``: how often it is right about one of each; .5 is chance. Folds never part a document.
    ``low`` and ``high`` are an interval of 95 % over folds. Then what gives the shard away.
    """

    auc: Figure
    low: float | None
    high: float | None
    folds: int
    passages: int
    of_the_shard: tuple[Word, ...]
    of_the_reference: tuple[Word, ...]


class CrossPerplexity(Frozen):
    """Nats of held-out text of the reference, by word trigram models of ``tokens`` of each side.

    ``floor`` is by the model of the reference's other documents; ``gap`` is value less floor.
    """

    order: int
    tokens: int
    words: int
    nats_per_word: Figure
    nats_per_byte: Figure
    gap: float | None
    gap_random: float | None


class Lengths(Frozen):
    """Share of passages in bins of tokens; ``edges`` are one more than bins."""

    edges: tuple[int, ...]
    reference: tuple[float, ...]
    shard: tuple[float, ...]
    random: tuple[float, ...] | None


class Pair(Frozen):
    """Two documents, as their records name themselves or by their places, and how like they are."""

    left: str
    right: str
    similarity: float


class Shared(Frozen):
    """Documents that two sides have in common, the same or nearly (Jaccard similarity).

    ``pairs`` are the likest of all.
    """

    left: str
    right: str
    left_documents: int
    right_documents: int
    left_matched: int
    right_matched: int
    exact_pairs: int
    near_pairs: int
    threshold: float
    pairs: tuple[Pair, ...] = ()


class Certificate(Frozen):
    """The whole certificate. The same inputs give the same bytes."""

    version: int = VERSION
    openmoat: str
    verdict: Verdict
    sentence: str
    warnings: tuple[str, ...]
    provenance: Provenance
    shard: TextSet
    reference: TextSet
    random: TextSet | None
    pool: TextSet | None
    tokens_by: str
    seed: int
    most_tokens: int
    labels: Gate | None
    clusters: Gate | None
    divergences: Divergences | None
    two_sample: TwoSample | None
    cross_perplexity: CrossPerplexity | None
    lengths: Lengths | None
    shared: tuple[Shared, ...] = ()
