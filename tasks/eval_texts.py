"""Texts judged for eval items: which they have, and the paragraphs that they have them in.

**Common** grams are numbers of an index in order; they count for nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa

from tasks import compiled
from tasks.evals.index import Finds
from tasks.pieces import kinds_in_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from tasks.evals.index import Index, Limits

    Ints = NDArray[np.int64]

KERNEL: Final = "tasks.pieces.kernel"
WORDLESS: Final = (0, 1)
"""Lines are not asked for; paragraphs are from one word on."""


class Span(NamedTuple):
    """Bytes of a text: from, and up to but without; and an item that they hold."""

    start: int
    end: int
    item: int


class Cut(NamedTuple):
    """What goes of a text so that it has no item any more, and whether a word is left of it."""

    spans: list[Span]
    worded: bool


def finds(texts: pa.LargeStringArray, index: Index, common: Ints) -> Finds:
    """Return what texts have of the items without common grams."""
    every = index.find(texts)
    rare = ~np.isin(every.grams, common)
    left = np.append(0, np.cumsum(rare))[every.firsts].astype(np.int64)
    return Finds(every.grams[rare], every.words[rare], every.starts[rare], every.ends[rare], left)


def judged(texts: pa.LargeStringArray, index: Index, common: Ints, limits: Limits) -> Ints:
    """Return which items texts have: text, item, words covered, words of the longest run."""
    some = finds(texts, index, common)
    return index.judge(some.grams, some.words, some.firsts, limits)


def cut(texts: pa.LargeStringArray, index: Index, common: Ints, limits: Limits) -> list[Cut]:
    """Return of each text the paragraphs that hold the rows of words of an item that it has.

    A row of words that goes over several takes all of them. What is left is judged again, since it
    may bring the halves of an item together, until it has none. Paragraphs are those of
    :mod:`tasks.pieces`, and stand in order; those without a word go only between others.
    """
    bodies = [text.encode() for text in texts.to_pylist()]
    paragraphs = _paragraphs(texts)
    lost: list[list[Span]] = [[] for _ in bodies]
    looked = list(range(len(bodies)))
    while looked:
        left = [_left(bodies[i], lost[i]) for i in looked]
        some = finds(pa.array(left, pa.large_string()), index, common)
        hits = index.judge(some.grams, some.words, some.firsts, limits)
        found = [_had(i, hits, some, index) for i in range(len(looked))]
        for i, had in zip(looked, found, strict=True):
            own = [_over(span, lost[i], paragraphs[i]) for span in had]
            lost[i] = _joined([*lost[i], *own])
        looked = [i for i, had in zip(looked, found, strict=True) if had]
    return [Cut(s, _worded(p, s)) for s, p in zip(lost, paragraphs, strict=True)]


def _paragraphs(texts: pa.LargeStringArray) -> list[Ints]:
    """Return where the paragraphs of each text begin and end, that have a word."""
    whole = np.zeros(len(texts), np.bool_)
    _, places, firsts = compiled.load(KERNEL).pieces(
        *compiled.buffers(texts), whole, kinds_in_blocks(), WORDLESS, (0, 0)
    )
    return np.split(places[:, :2].astype(np.int64), firsts[1:-1])


def _left(body: bytes, lost: Sequence[Span]) -> str:
    """Return a text without what it loses."""
    places = [0, *(at for span in lost for at in span[:2]), len(body)]
    kept = zip(places[::2], places[1::2], strict=True)
    return b"".join(body[start:end] for start, end in kept).decode()


def _had(text: int, hits: Ints, some: Finds, index: Index) -> list[Span]:
    """Return the rows of words of items that a text has: the bytes that they stand in."""
    items = set(hits[hits[:, 0] == text, 1].tolist())
    spans = []
    for i in range(some.firsts[text], some.firsts[text + 1]) if items else ():
        gram = some.grams[i]
        own = index.items[index.firsts[gram] : index.firsts[gram + 1]].tolist()
        named = (item for item in dict.fromkeys(own) if item in items)
        spans += [Span(int(some.starts[i]), int(some.ends[i]), item) for item in named]
    return spans


def _over(span: Span, lost: Sequence[Span], paragraphs: Ints) -> Span:
    """Return the paragraphs, in bytes of the whole text, that hold a part of what was left."""
    begins = np.cumsum([0, *(s.end - s.start for s in lost)])
    gaps = np.array([s.start for s in lost], np.int64) - begins[:-1]
    ends = np.array([span.start, span.end - 1])
    whole = ends + begins[np.searchsorted(gaps, ends, side="right")]
    first, last = np.searchsorted(paragraphs[:, 0], whole, side="right") - 1
    return Span(int(paragraphs[first, 0]), int(paragraphs[last, 1]), span.item)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Join spans that have bytes in common; each names the item that it has most rows of."""
    joined: list[tuple[int, int, Counter[int]]] = []
    for start, end, item in sorted(spans):
        if joined and start < joined[-1][1]:
            begin, before, items = joined[-1]
            joined[-1] = (begin, max(before, end), items + Counter([item]))
        else:
            joined.append((start, end, Counter([item])))
    return [Span(s, e, min(n, key=lambda item: (-n[item], item))) for s, e, n in joined]


def _worded(paragraphs: Ints, lost: Sequence[Span]) -> bool:
    """Return whether a paragraph with a word stays."""
    starts = np.array([s.start for s in lost], np.int64)
    ends = np.array([-1, *(s.end for s in lost)], np.int64)
    begins = paragraphs[:, 0]
    return bool((begins >= ends[np.searchsorted(starts, begins, side="right")]).any())
