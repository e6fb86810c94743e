"""Noisy Student where labels are few: pairs of kinds of real text, judged on documents apart.

``python -m benchmarks.few_labels SEEDS [quick]`` prints, as one JSON line, for each pair of
:mod:`benchmarks.kinds`, number of labels, setting of noise and seed, the AUC of each round's model
on documents that took no part: no text is in both halves, and no article of a kind either. From one
half labels are drawn by seed, and then the pool; from the other one what is judged by. Each kind is
dealt out for itself: where both are parts of the same articles, a part may be learned from and
another one judged by. Labels are as many of one kind as of the other, and they are dealt out as a
recipe does it: 60 % train, 20 % choose, and the 20 % that test are not used.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks import measuring
from benchmarks.kinds import PAIRS, texts_of
from schemas.errors import OpenmoatError
from tasks.classifier import documents as d
from tasks.classifier import noisy_student
from tasks.classifier.figures import auc
from tasks.classifier.noisy_student import Noise
from tasks.classifier.training import Settings

if TYPE_CHECKING:
    from benchmarks.kinds import Kind, Pair, Text
    from tasks.classifier.model import Linear

SIZE: Final = 2_000
"""Documents of each kind in the pool, and of those that are judged by, at most."""
LABELS: Final = (30, 100)
EVEN: Final = 0.5
"""AUC of a model that tells nothing apart."""
QUICK_PAIRS, QUICK_LABELS, QUICK_SIZE = 1, (30,), 200
NOISES: Final = {
    "confident .6, dropout .5": Noise(confident=0.6, dropout=0.5),
    "confident .6, dropout .7": Noise(confident=0.6, dropout=0.7),
    "confident .6, no dropout": Noise(confident=0.6, dropout=0.0),
    "confident .9, dropout .5": Noise(confident=0.9, dropout=0.5),
}


class Dealt(NamedTuple):
    """Texts of a kind in an order by seed: those to learn from, and those to judge by."""

    learned: list[str]
    judged: list[str]


def dealt(texts: list[Text], seed: int, taken: set[str]) -> Dealt:
    """Deal articles out to two halves by seed; a text that is ``taken`` is in neither."""
    chance = np.random.default_rng(seed)
    groups = list(dict.fromkeys(group for group, _ in texts))
    half = set(chance.permutation(groups)[: len(groups) // 2].tolist())
    order = [texts[i] for i in chance.permutation(len(texts)).tolist()]
    own = [(group in half, text) for group, text in order if text not in taken]
    return Dealt([t for here, t in own if here], [t for here, t in own if not here])


def counted(texts: list[str]) -> d.Documents:
    """Count n-grams as classifiers do."""
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    settings = Settings()
    return d.of(column, width=settings.width, buckets=1 << settings.bits)


class Room(NamedTuple):
    """What one seed of a pair has: texts of both kinds, what else is in the pool, sizes."""

    positive: Dealt
    negative: Dealt
    strangers: list[str]
    rare: int
    size: int
    seed: int

    def labelled(self, many: int) -> tuple[d.Documents, d.Documents]:
        """Return as many documents of both kinds."""
        return counted(self.positive.learned[: many // 2]), counted(
            self.negative.learned[: many // 2]
        )

    def pool(self, many: int) -> list[str]:
        """Return texts without labels."""
        some = [own.learned[many // 2 :][: self.size] for own in (self.positive, self.negative)]
        return [*some[0][:: self.rare], *some[1], *self.strangers[: self.size]]


def room(pair: Pair, kinds: dict[Kind, list[Text]], seed: int, size: int) -> Room:
    """Deal the texts of a pair out."""
    both = {text for _, text in kinds[pair.positive]} & {text for _, text in kinds[pair.negative]}
    sides = [dealt(kinds[kind], seed, both) for kind in (pair.positive, pair.negative)]
    strange = [t for kind in pair.strangers for t in dealt(kinds[kind], seed, both).learned]
    return Room(sides[0], sides[1], strange, pair.rare, size, seed)


def tried(one: Room, labels: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return how many documents there were, and what came of each setting of noise."""
    settings = Settings(least_documents=10, seed=one.seed)
    positive, negative = one.labelled(labels)
    pool = counted(one.pool(labels))
    judged = one.positive.judged[: one.size], one.negative.judged[: one.size]
    fresh = counted([*judged[0], *judged[1]])
    sizes = {"pool": pool.size, "judged": [len(side) for side in judged]}
    found = []
    for name, noise in NOISES.items():
        improved = noisy_student.improve(
            positive, negative, pool=pool, settings=settings, noise=noise
        )
        aucs = [worth(model, fresh, len(judged[0])) for model in improved.models]
        told = {"seed": one.seed, "aucs": aucs, "chosen": improved.best}
        told["turned"] = aucs[0] < EVEN
        found.append({"labels": labels, "noise": name} | told)
    return sizes, found


def worth(model: Linear, fresh: d.Documents, positive: int) -> float:
    """Return the AUC on documents of which the first ones are positive.

    Of probabilities, not of margins: where few documents calibrate, more of one may mean less of
    the other.
    """
    rows = np.arange(fresh.size)
    return round(auc(model.logits(model.margins(fresh.counts, rows)), rows < positive), 5)


def main(seeds: int, *, quick: bool) -> list[dict[str, Any]]:
    """Try every pair; return what came of it."""
    pairs, size = (PAIRS[:QUICK_PAIRS], QUICK_SIZE) if quick else (PAIRS, SIZE)
    found = []
    for pair in pairs:
        measuring.note(f"Few labels: {pair.name}")
        kinds = {k: texts_of(k) for k in (pair.positive, pair.negative, *pair.strangers)}
        sizes: dict[str, Any] = {}
        trials: list[dict[str, Any]] = []
        for seed in range(seeds):
            one = room(pair, kinds, seed, size)
            for labels in QUICK_LABELS if quick else LABELS:
                sizes, more = tried(one, labels)
                trials += more
        found.append({"pair": pair.name, **sizes, "trials": trials})
    return found


if __name__ == "__main__":
    try:
        print(json.dumps(main(int(sys.argv[1]), quick=bool(sys.argv[2:]))))
    except OpenmoatError as error_:
        sys.exit(str(error_))
