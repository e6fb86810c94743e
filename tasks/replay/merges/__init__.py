"""What a tokenizer's merge list says of the text that it was trained on. Without storage.

A BPE tokenizer is trained by joining, again and again, the pair of neighbouring symbols that is the
most frequent in the text: its list of merges orders frequencies of pairs. Where samples of some
candidate sources are at hand, the shares at which they reproduce that order are an estimate of the
mixture (Hayase et al., arXiv 2407.16607).

**Word**: what a tokenizer's splitting leaves whole (:mod:`tasks.replay.merges.splitting`). Pairs do
not cross words, so a text counts as its words and how often each occurs.

**Symbol**: what a word begins as (a byte or a character) and what merges make of them. **Pair**:
two neighbouring symbols of a word; "aaa" has the pair "aa" twice. **Step** ``t``: the words as the
merges before ``t`` leave them; in a word, a merge joins its pair from left to right.

**Rate** ``c[i, p, t]``: how often pair ``p`` occurs in source ``i`` at step ``t``, by byte of the
source's text: a constant of each source, so that shares of mixtures are shares of bytes.

**Competitors** of step ``t``: all pairs but its merge ``m_t``. **Violation** of an order: in the
mixture a competitor is more frequent than the merge, ``a.c[p, t] > a.c[m_t, t]``.

This is the plain Python of it; :mod:`tasks.replay.merges.kernel` is what runs.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Word = tuple[int, ...]
    Pair = tuple[int, int]

KERNEL: Final = "tasks.replay.merges.kernel"
STEPS: Final = 300
"""Merges that are looked at; later ones are of pairs that samples of a few megabytes have too few
of."""


def joined(word: Word, pair: Pair, product: int) -> Word:
    """Return a word in which a pair is joined, wherever it stands, from left to right."""
    some: list[int] = []
    at = 0
    while at < len(word):
        here = word[at : at + 2] == pair
        some.append(product if here else word[at])
        at += 2 if here else 1
    return tuple(some)


def counted(words: Sequence[Word], counts: Sequence[Sequence[int]]) -> dict[Pair, list[int]]:
    """Return how often each pair occurs in each source; ``counts``: how often each word does."""
    found: dict[Pair, list[int]] = {}
    for word, own in zip(words, counts, strict=True):
        for pair in pairwise(word):
            row = found.setdefault(pair, [0] * len(own))
            for source, count in enumerate(own):
                row[source] += count
    return found


def steps(
    words: Sequence[Word], counts: Sequence[Sequence[int]], merges: Sequence[tuple[int, int, int]]
) -> Iterator[dict[Pair, list[int]]]:
    """Yield the counts of pairs at each step; a merge is its two symbols and their product."""
    now = list(words)
    for left, right, product in merges:
        yield counted(now, counts)
        now = [joined(word, (left, right), product) for word in now]
