"""Our definitions in plain Python, as far as other programs' are put in their place."""

from __future__ import annotations

from collections import Counter
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from tasks import characters as ch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Words = tuple[str, ...]
STOP_WORDS = frozenset(("the", "be", "to", "of", "and", "that", "have", "with"))
TO_LOWER = str.maketrans({chr(i): chr(i + 32) for i in range(ord("A"), ord("Z") + 1)})


@cache
def of_class(classes: int) -> frozenset[str]:
    """Return the characters of one of some classes."""
    return frozenset(map(chr, np.flatnonzero(ch.classes() & classes).tolist()))


@cache
def spaces() -> str:
    """White space."""
    return "".join(sorted(of_class(ch.SPACE)))


@cache
def _to_blank() -> dict[int, str]:
    return str.maketrans(dict.fromkeys(spaces(), " "))


@cache
def aside() -> str:
    """Punctuation that may follow the sign that ends a sentence."""
    return "".join(of_class(ch.PUNCTUATION) - of_class(ch.TERMINAL))


def words_of(text: str) -> Words:
    """Runs of what is no white space."""
    return tuple(word for word in text.translate(_to_blank()).split(" ") if word)


def lines_of(text: str) -> list[str]:
    """Lines that hold a word, stripped."""
    return [line for line in (raw.strip(spaces()) for raw in text.split("\n")) if line]


def share(part: float, whole: float) -> float:
    """Divide, and call nothing of nothing 0."""
    return part / whole if whole else 0.0


def with_letter(words: Iterable[str]) -> int:
    """Count the words with a letter."""
    letters = of_class(ch.LETTER)
    return sum(not letters.isdisjoint(word) for word in words)


def symbols(text: str) -> int:
    """Count the hash signs or the ellipses, of which there are more."""
    return max(text.count("#"), text.count("…") + text.count("..."))


def repeats(items: Sequence[str]) -> tuple[int, int]:
    """Count the items that have an equal one before them, and their characters."""
    seen: set[str] = set()
    number = size = 0
    for item in items:
        if item in seen:
            number += 1
            size += len(item)
        seen.add(item)
    return number, size


def size(gram: Iterable[str]) -> int:
    """Characters of its words."""
    return sum(map(len, gram))


# Most steps ask for the same words and n: 64 is more than one text is asked for.
@lru_cache(64)
def ngrams(words: Words, n: int) -> tuple[tuple[Words, ...], Counter[Words]]:
    """All n-grams in order, and how often each occurs."""
    grams = tuple(zip(*(words[i:] for i in range(n)), strict=False))
    return grams, Counter(grams)


def covered(words: Words, n: int, firsts: Iterable[int]) -> int:
    """Characters of the words in the n-grams that begin at ``firsts``, each once."""
    inside = {i for first in firsts for i in range(first, first + n)}
    return sum(len(words[i]) for i in inside)


@lru_cache(64)
def top(words: Words, n: int, *, least: int = 2, longest: bool = True) -> int:
    """Characters in the most frequent n-gram, if it occurs ``least`` times.

    Of several equally frequent ones the longest counts, or else the first.
    """
    grams, times = ngrams(words, n)
    if not times or max(times.values()) < least:
        return 0
    best = max(times, key=lambda gram: (times[gram], size(gram) if longest else 0))
    return covered(words, n, (i for i, gram in enumerate(grams) if gram == best))


@lru_cache(64)
def duplicated(words: Words, n: int) -> int:
    """Characters in all n-grams that occur twice or more."""
    grams, times = ngrams(words, n)
    return covered(words, n, (i for i, gram in enumerate(grams) if times[gram] > 1))


def most_frequent(words: Words, n: int) -> tuple[Words, int] | None:
    """The first of the most frequent n-grams and how often it occurs."""
    _, times = ngrams(words, n)
    return times.most_common(1)[0] if times else None
