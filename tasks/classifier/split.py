"""Which labelled documents train a model, which calibrate it, and which it is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from schemas.errors import ConfigError
from tasks.classifier import DEAL, salt
from tasks.classifier import documents as d

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.classifier.documents import Documents, Flags, Ints

    Shares = tuple[float, float, float]

TRAIN, VALID, TEST = range(3)
NAMES: Final = ("train", "validation", "test")
SHARES: Final[Shares] = (0.6, 0.2, 0.2)
LEAST: Final = 10
"""Documents of a class: of fewer, no part of a fifth is sure to have two."""


class LeftOut(NamedTuple):
    """Documents that are not used: those and the used ones are all that were given.

    ``repeated``: they have the text of another one of their class; ``in_both``: their text stands
    in both classes; ``without_words``: it has none.
    """

    repeated: int
    in_both: int
    without_words: int


class Labelled(NamedTuple):
    """Documents of two classes: rows that are used, in the order of their hashes.

    ``positive`` and ``parts`` (:data:`TRAIN`, ...) have a value for each of ``rows``.
    """

    documents: Documents
    rows: Ints
    positive: Flags
    parts: NDArray[np.uint8]
    left_out: LeftOut

    def of(self, part: int) -> tuple[Ints, Flags]:
        """Return rows of one part, and which of them are positive."""
        here = self.parts == part
        return self.rows[here], self.positive[here]


def labelled(
    positive: Documents,
    negative: Documents,
    *,
    shares: Shares = SHARES,
    seed: int = 0,
    least_documents: int = 50,
) -> Labelled:
    """Put two classes together and deal each out to three parts.

    Equal texts are one document; one that stands in both classes is none of either. Of each class
    the documents come in the order of a seeded hash of their texts, and the first ``shares[0]`` of
    them train, the next calibrate and the others test: every class is in every part, as far as it
    goes, and nothing else but texts and seed has a say. ConfigError for a class with less than
    ``least_documents``.
    """
    both = d.joined([positive, negative])
    order = d.in_order(both.keys)
    first = ~d.repeats(both.keys[order])
    number = np.cumsum(first) - 1  # of each different text
    has = [np.bincount(number[order < positive.size], minlength=int(first.sum()))]
    has += [np.bincount(number, minlength=len(has[0])) - has[0]]
    rows, is_positive, many = order[first], has[0] > 0, has[0] + has[1]
    empty = np.diff(both.counts.firsts)[rows] == 0
    shared = (has[0] > 0) & (has[1] > 0) & ~empty
    kept = ~empty & ~shared
    left_out = LeftOut(
        repeated=int((many[kept] - 1).sum()),
        in_both=int(many[shared].sum()),
        without_words=int(many[empty].sum()),
    )
    rows, is_positive = rows[kept], is_positive[kept]
    _check(is_positive, least_documents)
    parts = _dealt(d.own(both.keys)[rows], is_positive, shares, seed)
    return Labelled(both, rows, is_positive, parts, left_out)


def _check(positive: Flags, least: int) -> None:
    for name, many in (("positive", positive.sum()), ("negative", (~positive).sum())):
        if many < max(LEAST, least):
            raise ConfigError(
                f"the {name} class",
                got=f"{many:,} different documents with words",
                wanted=f"{max(LEAST, least):,} or more",
                way_out=f"Give it more documents, or lower least_documents (not below {LEAST}; so "
                "few say little of what the model is worth).",
            )


def _dealt(
    own: NDArray[np.uint64], positive: Flags, shares: Shares, seed: int
) -> NDArray[np.uint8]:
    """Return the part of each document, of which ``own`` are the hashes."""
    drawn = d.drawn(own, salt(seed, DEAL, 0))
    parts = np.full(len(own), TEST, np.uint8)
    for wanted in (True, False):
        here = np.flatnonzero(positive == wanted)
        here = here[np.argsort(drawn[here], kind="stable")]
        train, valid = _cuts(len(here), shares)
        parts[here[:train]] = TRAIN
        parts[here[train:valid]] = VALID
    return parts


def _cuts(many: int, shares: Shares) -> tuple[int, int]:
    """Return where the first part ends and where the second; each has one document or more."""
    train = min(max(round(many * shares[0]), 1), many - 2)
    valid = min(max(round(many * (shares[0] + shares[1])), train + 1), many - 1)
    return train, valid
