"""Documents of a candidate source, dealt out to the candidate and to its self-test.

A self-test of text that the candidates have would praise itself. So a document's side is settled by
a hash of its text (copies never part), and a document of the self-test of which half of the runs of
eight words stand among the candidate's is left out (:func:`apart`).

A side keeps the documents whose hashes are lowest, a few megabytes of them: what is kept does not
depend on the order in which they come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa

from tasks.hashing import seeded
from tasks.replay.merges.words import MOST_BYTES
from tasks.shingles.sets import sets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STAGE: Final = "infer-mixture"
RUN: Final = 8
"""Words of a run that two documents have in common."""
COMMON: Final = 0.5
LEAST: Final = 50
"""Characters of a document; of shorter ones copies cannot be told from chance."""
LONGEST: Final = 100_000
"""Characters that are taken of a document: else a single one decides what its source is like."""


class Sides(NamedTuple):
    """Texts of a source for the candidate, for its self-test, and how many were left out."""

    candidate: list[str]
    others: list[str]
    left_out: int


class Dealer:
    """Takes the documents of one source, one at a time; gives two sides, or one."""

    def __init__(self, *, seed: int, both: bool, most_bytes: int = MOST_BYTES) -> None:
        self._seed, self._both = seed, both
        self._sides = (_Side(most_bytes), _Side(most_bytes))

    def add(self, texts: Iterable[str]) -> None:
        """Take some texts; short ones are passed over."""
        some = [text[:LONGEST] for text in texts if len(text) >= LEAST]
        folded = [" ".join(text.split()) for text in some]
        for number, text in zip(seeded(folded, seed=self._seed, stage=STAGE), some, strict=True):
            self._sides[int(number) & 1 if self._both else 0].add(int(number), text)

    def sides(self) -> Sides:
        """Return what was kept, near-duplicates across the two left out."""
        candidate, others = (side.texts() for side in self._sides)
        kept = apart(others, candidate)
        return Sides(candidate, kept, len(others) - len(kept))


class _Side:
    """Texts by their numbers, the lowest, of about so many bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._size = most_bytes, 0
        self._held: dict[int, tuple[str, int]] = {}

    def add(self, number: int, text: str) -> None:
        if number in self._held:
            return
        n_bytes = len(text.encode("utf-8", "surrogatepass"))
        self._held[number] = text, n_bytes
        self._size += n_bytes
        if self._size > 2 * self._most:
            self._cut()

    def texts(self) -> list[str]:
        self._cut()
        return [text for text, _ in self._held.values()]

    def _cut(self) -> None:
        kept, size = dict[int, tuple[str, int]](), 0
        for number in sorted(self._held):
            if size >= self._most:
                break
            kept[number] = self._held[number]
            size += kept[number][1]
        self._held, self._size = kept, size


def apart(texts: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return the texts of which less than half of the runs stand in the others.

    A text of fewer words than a run is one run of all of them; one without words is kept.
    """
    if not texts or not others:
        return list(texts)
    own, ends = sets(pa.array(texts, pa.large_string()), width=RUN)
    known, _ = sets(pa.array(others, pa.large_string()), width=RUN)
    met = np.concatenate([[0], np.cumsum(np.isin(own, known))])
    shared, sizes = np.diff(met[ends]), np.diff(ends)
    kept = shared < COMMON * np.maximum(sizes, 1)
    return [text for text, keep in zip(texts, kept.tolist(), strict=True) if keep]
