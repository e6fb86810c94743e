"""The words of candidate sources, and how often each occurs in which: one table for all of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from tasks.replay.merges.lists import MergeList
    from tasks.replay.merges.splitting import Splitting

    Ints = NDArray[np.int64]

LEAST_BYTES: Final = 200_000
"""Of less text a source's rates are noise; a few megabytes are better."""
MOST_BYTES: Final = 8_000_000
"""Of a source that are read: a few seconds; more text changes next to nothing."""
MOST_WORDS: Final = 2_000_000
"""Different words that are held of all sources; some 300 MB."""
LONGEST: Final = 256
"""Characters of a word; a longer one is cut into several."""
AT_ONCE: Final = 64
"""Texts between two looks at how many words are held."""


class Table(NamedTuple):
    """Words of sources. ``counts``: int64 (words, sources). ``n_bytes``, ``n_texts``: by source.

    ``dropped``: occurrences of rare words that were let go to bound memory, by source.
    """

    sources: tuple[str, ...]
    words: tuple[str, ...]
    counts: Ints
    n_bytes: Ints
    n_texts: Ints
    dropped: Ints


class Symbols(NamedTuple):
    """The words of a table as numbers of symbols, one after the other.

    ``values``: int32; word ``w`` is ``values[firsts[w]:firsts[w + 1]]``. Where a word has what is
    no symbol of the tokenizer it is two, and what has no pair is left out. ``counts``: int64
    (words, sources).
    """

    values: NDArray[np.int32]
    firsts: Ints
    counts: Ints


def table(
    sources: Mapping[str, Iterable[str]],
    splitting: Splitting,
    *,
    most_bytes: int = MOST_BYTES,
    most_words: int = MOST_WORDS,
) -> Table:
    """Count the words of the texts of each source.

    Texts are read one at a time, until a source has given ``most_bytes``: give them in an order
    that stands for all of it. When more than ``most_words`` different words are held, those
    that were rarest so far are let go. ConfigError for a source of less than
    :data:`LEAST_BYTES`, and for none at all.
    """
    if not sources:
        raise ConfigError(
            "mixture inference",
            got="no candidate source",
            wanted="two or more",
            way_out="Give texts of the kinds that the tokenizer's text may have been.",
        )
    held: list[Counter[str]] = []
    sizes = np.zeros((3, len(sources)), np.int64)
    for number, (name, texts) in enumerate(sources.items()):
        held.append(Counter())
        for i, text in enumerate(texts, 1):
            held[number].update(_cut(splitting.words(text)))
            sizes[:2, number] += len(text.encode("utf-8", "surrogatepass")), 1
            if not i % AT_ONCE:
                sizes[2] += _bounded(held, most_words, len(sources))
            if sizes[0, number] >= most_bytes:
                break
        sizes[2] += _bounded(held, most_words, len(sources))
        if sizes[0, number] < LEAST_BYTES:
            raise ConfigError(
                f"candidate source {name}",
                got=f"{sizes[0, number]:,} bytes of text in {sizes[1, number]:,} documents",
                wanted=f"{LEAST_BYTES:,} bytes or more",
                way_out="Give more of it, or leave it out.",
            )
    return _joined(tuple(sources), held, sizes)


def _cut(words: list[str]) -> list[str]:
    if max(map(len, words), default=0) <= LONGEST:
        return words
    return [word[i : i + LONGEST] for word in words for i in range(0, len(word), LONGEST)]


def _bounded(held: list[Counter[str]], most: int, n_sources: int) -> Ints:
    """Let the rarest words go until there are no more than ``most``; return what was let go."""
    dropped = np.zeros(n_sources, np.int64)
    least = 1
    while sum(map(len, held)) > most:
        for number, own in enumerate(held):
            rare = [word for word, count in own.items() if count <= least]
            dropped[number] += sum(own.pop(word) for word in rare)
        least *= 2
    return dropped


def _joined(names: tuple[str, ...], held: list[Counter[str]], sizes: Ints) -> Table:
    """Put the counts of sources side by side, words in alphabetic order."""
    words = sorted(set().union(*held))
    counts = np.zeros((len(words), len(names)), np.int64)
    for number, own in enumerate(held):
        counts[:, number] = np.fromiter(map(own.__getitem__, words), np.int64, len(words))
        own.clear()
    return Table(names, tuple(words), counts, *sizes)


def encoded(some: Table, merges: MergeList) -> Symbols:
    """Return a table's words in the symbols that they begin as."""
    numbers = {symbol: i for i, symbol in enumerate(merges.symbols[: merges.n_first])}
    values: list[int] = []
    firsts, rows = [0], list[int]()
    for row, word in enumerate(some.words):
        for part in _parts([numbers.get(one, -1) for one in merges.splitting.symbols(word)]):
            values += part
            firsts.append(len(values))
            rows.append(row)
    return Symbols(np.array(values, np.int32), np.array(firsts), some.counts[rows])


def _parts(symbols: Sequence[int]) -> list[Sequence[int]]:
    """Cut a word where it has an unknown symbol (-1); return the parts that have a pair."""
    if -1 not in symbols:
        return [symbols] if len(symbols) > 1 else []
    parts: list[Sequence[int]] = []
    first = 0
    for i, symbol in enumerate([*symbols, -1]):
        if symbol < 0:
            parts.append(symbols[first:i])
            first = i + 1
    return [part for part in parts if len(part) > 1]
