"""How near a shard comes to a hidden original, by what it did not go by, beside the noise floor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from benchmarks import originals
from tasks.ngram_lm.training import Counting
from tasks.replay import divergence, features, labels, packed, selection
from tasks.replay.sides import effective

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.originals import Cell, Corpus
    from tasks.ngram_lm.model import NgramModel

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

ORDER: Final = 3
HALVES: Final = 4
"""Ways to split what is held out into a shard of the original and what that is compared with."""
TRAINED: Final = 2
"""Of these, how many models are trained on."""
FOLDS: Final = 5


class Half(NamedTuple):
    """Rows that stand for a shard of the original, of the budget; and those of the other half."""

    own: Ints
    other: Ints


class Original(NamedTuple):
    """What shards are compared with: halves, their divergence, nats a word on the other half."""

    corpus: Corpus
    cell: Cell
    halves: list[Half]
    floor: float
    nats: list[float]
    budget: int
    seed: int


def original(corpus: Corpus, cell: Cell, *, budget: int, seed: int) -> Original:
    """Split what is held out by document, within sources, and measure one half by the other."""
    halves = [_half(corpus, cell.held, budget, [seed, number]) for number in range(HALVES)]
    floor = float(np.mean([js(corpus, half.own, half.other) for half in halves]))
    nats = [cross_entropy(model(corpus, half.own), corpus, half.other) for half in halves[:TRAINED]]
    return Original(corpus, cell, halves, floor, nats, budget, seed)


def _half(of: Corpus, held: Ints, budget: int, seed: list[int]) -> Half:
    chance = np.random.default_rng(seed)
    own: list[Any] = []
    for source in np.unique(of.sources[held]).tolist():
        rows = held[of.sources[held] == source]
        names, places = np.unique(of.side.documents[rows], return_inverse=True)
        tokens = np.bincount(places, of.side.tokens[rows])
        mixed = chance.permutation(len(names))
        ends = np.cumsum(tokens[mixed])
        own += names[mixed[ends <= ends[-1] / 2]].tolist()
    mine = np.isin(of.side.documents[held], own)
    drawn = chance.permutation(held[mine])
    return Half(drawn[: selection.up_to(of.side.tokens[drawn], budget)], held[~mine])


def js(of: Corpus, left: Ints, right: Ints) -> float:
    """Return the Jensen-Shannon divergence of hashed n-grams, bits."""
    found = divergence.js(*(packed.sums(of.side.counts, rows) for rows in (left, right)))
    assert found is not None  # noqa: S101  (neither has no words)
    return found


def model(of: Corpus, rows: Ints) -> NgramModel:
    """Learn a language model of trigrams."""
    counting = Counting(ORDER)
    counting.add(of.texts.take(rows))
    return counting.model()


def cross_entropy(by: NgramModel, of: Corpus, rows: Ints) -> float:
    """Return nats a word."""
    nats, words = by.cross_entropy(of.texts.take(rows))
    return float(nats.sum() / max(1, words.sum()))


def nearness(of: Original, rows: Ints) -> dict[str, float]:
    """Return the figures of a shard: some rows of the corpus."""
    corpus, side = of.corpus, of.corpus.side
    shares = originals.shares_of(corpus, rows)
    truth = originals.shares_of(corpus, of.cell.held)
    apart = [js(corpus, rows, half.other) for half in of.halves]
    own = model(corpus, rows)
    gaps = [
        cross_entropy(own, corpus, half.other) - nats
        for half, nats in zip(of.halves, of.nats, strict=False)
    ]
    return {
        "js_floor": float(np.mean(apart)) / of.floor,
        "gap": float(np.mean(gaps)),
        "tv": float(np.abs(shares - truth).sum() / 2),
        "foreign": float(shares[len(originals.SIX) :].sum()),
        "ks": ks(corpus.chars[rows], corpus.chars[of.cell.held]),
        "auc": auc(of, rows),
        "n_eff": effective(side.documents[rows], side.tokens[rows]),
    }


def ks(left: Ints, right: Ints) -> float:
    """Return the largest distance of two distributions."""
    at = np.union1d(left, right)
    below = [np.searchsorted(np.sort(one), at, side="right") / len(one) for one in (left, right)]
    return float(np.abs(below[0] - below[1]).max())


def auc(of: Original, rows: Ints) -> float:
    """Return how well a classifier tells the shard from as much of what is held out.

    Logistic regression on points, learnt without the documents that it is asked about.
    """
    side = of.corpus.side
    held = np.random.default_rng([of.seed, 1]).permutation(of.cell.held)
    both = np.concatenate([rows, held[: selection.up_to(side.tokens[held], of.budget)]])
    kinds = np.repeat([0, 1], [len(rows), len(both) - len(rows)])
    space = features.fit([(side.counts, both)], seed=of.seed)
    points = features.project(space, side.counts, both)
    names, places = np.unique(side.documents[both], return_inverse=True)
    folds = np.random.default_rng([of.seed, 2]).integers(FOLDS, size=len(names))[places]
    found = np.zeros(len(both))
    for fold in range(FOLDS):
        asked = folds == fold
        weights = labels.taught(points[~asked], kinds[~asked], 2)
        found[asked] = labels.posteriors(points[asked], weights)[:, 1]
    return _auc(found, kinds == 1)


def _auc(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """Return the chance that a positive one has the larger score; of equals, half."""
    values, places = np.unique(scores, return_inverse=True)
    of_each = [np.bincount(places[kind], minlength=len(values)) for kind in (positive, ~positive)]
    below = np.cumsum(of_each[1]) - of_each[1] / 2
    return float((of_each[0] * below).sum() / (of_each[0].sum() * of_each[1].sum()))
