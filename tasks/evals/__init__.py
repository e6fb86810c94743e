"""What documents have of the items of evaluation sets. Without storage, recipes or decisions.

**Word**: that of :mod:`tasks.shingles`; case, white space and punctuation do not count.

**Gram**: :data:`WIDTH` neighbouring words of an item, or all of them where it has fewer. It is told
apart by the hash of 64 bits that a shingle of so many words has.

**Covered**: the words of an item that lie in a gram which the document has. **Run**: the longest
row of neighbouring words of an item that stand in the document as they do in the item, counted from
:data:`WIDTH` words on (a shorter item: all of its words, or 0).

Brown et al. (GPT-3, arXiv 2005.14165, appendix C) call a document contaminated by a run of 13
words; Lambert et al. (Tülu 3, arXiv 2411.15124, section 3.2) where more than half of an item's
words lie in 8-grams of one document.

Each is defined here in plain Python; :mod:`tasks.evals.kernel` is what runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tasks.shingles import shingle_hash, token_hash, words

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH: Final = 8


class Had(NamedTuple):
    """How many words of an item are covered, and how many its longest run has."""

    covered: int
    run: int


def grams(text: str, least: int) -> list[int]:
    """Return the hash of each gram of an item, in order; none where it has less than ``least``."""
    some = words(text)
    if len(some) < least or not some:
        return []
    width = min(WIDTH, len(some))
    return [_hash(some[i : i + width]) for i in range(len(some) - width + 1)]


def _hash(some: Sequence[bytes]) -> int:
    return shingle_hash([token_hash(word) for word in some])


def found(text: str, wanted: dict[int, int]) -> list[tuple[int, int]]:
    """Return the grams that a document has: their hash, and the number of the first word.

    ``wanted`` says of each gram how many words it has.
    """
    some = words(text)
    every = (
        (i, width, _hash(some[i : i + width]))
        for i in range(len(some))
        for width in sorted(set(wanted.values()))
        if i + width <= len(some)
    )
    return [(value, i) for i, width, value in every if wanted.get(value) == width]


def had(item: Sequence[int], n_words: int, has: Sequence[tuple[int, int]]) -> Had:
    """Return what a document has of an item, of so many words, with these grams in order.

    ``has``: the grams that it has, as :func:`found` gives them.
    """
    width = min(WIDTH, n_words)
    of_document = set(has)
    known = {value for value, _ in has}
    covered = {at + k for at, value in enumerate(item) if value in known for k in range(width)}
    longest = 0
    for value, word in of_document:
        for at in (at for at, own in enumerate(item) if own == value):
            length = 0
            while at + length < len(item) and (item[at + length], word + length) in of_document:
                length += 1
            longest = max(longest, length)
    return Had(len(covered), longest + width - 1 if longest else 0)
