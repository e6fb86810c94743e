"""A classifier that tells passages of the shard from those of the reference, and by what it does.

Logistic regression on hashed words and pairs of words (:mod:`tasks.classifier`), learnt on four
fifths of the documents and asked about the others, five times over. Folds never part a document,
nor documents of one text on both sides: what has seen another part of a document knows this one. It
is a diagnostic and not the gate.

**Words** that give the shard away: words and pairs of words of at least :data:`LEAST_DOCUMENTS`
documents, by the weight of their bucket times the difference of their frequencies; the largest on
either side.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from schemas.certificate import Figure, TwoSample, Word, rounded
from tasks import ngrams
from tasks.classifier import documents as d
from tasks.classifier import training
from tasks.classifier.figures import auc
from tasks.classifier.model import Linear
from tasks.shingles import shingle_hash, token_hash, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tasks.replay.certificate.divergences import Part
    from tasks.replay.certificate.texts import How
    from tasks.replay.sides import Ints

FOLDS: Final = 5
MOST: Final = 1_500
"""Passages of a side, at most."""
T_95: Final = 2.776
"""Of Student's t with four degrees of freedom."""
PENALTY: Final = 1e-4
LEAST_DOCUMENTS: Final = 5
SHOWN: Final = 15
MILLION: Final = 1_000_000
SETTINGS: Final = training.Settings(most_epochs=20)


class Area(NamedTuple):
    """The mean of the folds' AUC, and an interval of 95 %."""

    auc: float
    low: float
    high: float


def two_sample(
    shard: Part, reference: Part, other: Part, random: Part | None, how: How
) -> TwoSample:
    """Return how well parts are told from one of the reference, and the words that do it."""
    one, fixed = _some(shard), _some(reference)
    found = area(one, fixed, how)
    floor = area(_some(other), fixed, how)
    drawn = area(_some(random), fixed, how) if random is not None else None
    low_high = (rounded(found.low), rounded(found.high)) if found else (None, None)
    ours, theirs = _words(one, fixed)
    return TwoSample(
        auc=Figure.of(found and found.auc, floor and floor.auc, drawn and drawn.auc),
        low=low_high[0],
        high=low_high[1],
        folds=FOLDS,
        passages=len(one.rows) + len(fixed.rows),
        of_the_shard=ours,
        of_the_reference=theirs,
    )


def _some(part: Part) -> Part:
    return part._replace(rows=part.rows[:MOST])


def area(one: Part, other: Part, how: How) -> Area | None:
    """Return how well two parts are told apart; none where a fold lacks documents of one."""
    documents, is_one = _documents(one, other)
    folds = np.concatenate([_folds(part, how) for part in (one, other)])
    found = []
    for fold in range(FOLDS):
        held = folds == fold
        if any(len(set(is_one[some].tolist())) < 2 for some in (held, ~held)):  # noqa: PLR2004
            return None
        model = _model(documents, np.flatnonzero(~held), is_one)
        found.append(auc(model.margins(documents.counts, np.flatnonzero(held)), is_one[held]))
    mean = float(np.mean(found))
    off = T_95 * float(np.std(found, ddof=1)) / math.sqrt(FOLDS)
    return Area(mean, max(0.0, mean - off), min(1.0, mean + off))


def _documents(one: Part, other: Part) -> tuple[d.Documents, Any]:
    columns = [_texts(part) for part in (one, other)]
    buckets = 1 << SETTINGS.bits
    counts = [ngrams.counts(some, width=SETTINGS.width, buckets=buckets) for some in columns]
    # Which side a twin is on must not decide what is drawn for it.
    keys = np.concatenate([part.side.hashes[part.rows] for part in (one, other)])
    is_one = np.arange(len(keys)) < len(one.rows)
    return d.Documents(ngrams.joined(counts), keys), is_one


def _texts(part: Part) -> Any:  # noqa: ANN401  (a column)
    import pyarrow as pa

    return part.side.texts.take(pa.array(part.rows))


def _folds(part: Part, how: How) -> Ints:
    """Return the fold of each passage: by the least hash of its document's passages."""
    owners, hashes = part.side.side.documents, part.side.hashes[:, 0]
    least = np.full(int(owners.max(initial=-1)) + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(least, owners, hashes)
    mixed = d.drawn(least[owners[part.rows]], np.uint64(how.seed).item())
    return (mixed % np.uint64(FOLDS)).astype(np.int64)


def _model(documents: d.Documents, rows: Ints, is_one: Any) -> Linear:  # noqa: ANN401
    lesson = training.Lesson(documents, rows, is_one[rows].astype(np.float64))
    weights, _ = training.fitted(lesson, SETTINGS, penalty=PENALTY)
    own = weights[:-1].astype(np.float32)
    return Linear(SETTINGS.width, SETTINGS.bits, own, float(weights[-1]))


class _Spoken(NamedTuple):
    """How often n-grams come, and in how many documents."""

    times: Counter[tuple[bytes, ...]]
    documents: Counter[tuple[bytes, ...]]
    total: int


def _words(one: Part, other: Part) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    """Return the words of the shard, and those of the reference, that tell most."""
    documents, is_one = _documents(one, other)
    if len(set(is_one.tolist())) < 2:  # noqa: PLR2004
        return (), ()
    weights = _model(documents, np.arange(documents.size), is_one).weights
    spoken = [_spoken(part) for part in (one, other)]
    known = spoken[0].documents + spoken[1].documents
    grams = sorted(gram for gram, n in known.items() if n >= LEAST_DOCUMENTS)
    rates = [np.array([some.times[g] / max(1, some.total) for g in grams]) for some in spoken]
    gains = (rates[0] - rates[1]) * weights[_buckets(grams)]
    gains = np.where(gains > 0, gains, 0.0)
    shown = []
    for ahead in (rates[0] > rates[1], rates[1] > rates[0]):
        best = np.argsort(-(gains * ahead), kind="stable")[:SHOWN]
        best = best[(gains * ahead)[best] > 0]
        shown.append(tuple(_word(grams[i], rates[0][i], rates[1][i]) for i in best.tolist()))
    return shown[0], shown[1]


def _word(gram: Sequence[bytes], shard: Any, reference: Any) -> Word:  # noqa: ANN401
    text = b" ".join(gram).decode(errors="replace")
    per_million = [rounded(MILLION * float(rate)) or 0.0 for rate in (shard, reference)]
    return Word(text=text, shard=per_million[0], reference=per_million[1])


def _buckets(grams: Iterable[Sequence[bytes]]) -> Ints:
    buckets = 1 << SETTINGS.bits
    hashed = (shingle_hash([token_hash(word) for word in gram]) for gram in grams)
    return np.array([ngrams.bucket(h, buckets) for h in hashed], np.int64)


def _spoken(part: Part) -> _Spoken:
    times: Counter[tuple[bytes, ...]] = Counter()
    documents: Counter[tuple[bytes, ...]] = Counter()
    own: set[tuple[bytes, ...]] = set()
    total, before = 0, -1
    owners = part.side.side.documents[part.rows].tolist()
    for text, owner in zip(_texts(part).to_pylist(), owners, strict=True):
        if owner != before:
            documents.update(own)
            own, before = set(), owner
        row = words(text)
        total += len(row)
        grams = list(chain(((word,) for word in row), pairwise(row)))
        times.update(grams)
        own.update(grams)
    documents.update(own)
    return _Spoken(times, documents, total)
