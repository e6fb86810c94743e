"""Hidden originals of real documents, and pools of other documents, half of them foreign.

A *cell* is a mixture of six sources and a split: documents are dealt out to the target's sample, to
what is held out of the original and to the pool. The pool has the six in other shares, and as many
tokens of foreign sources. No document has a near-duplicate in another part: of documents that are
alike one stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks import documents
from schemas import columns as c
from schemas.config import SignalsConfig
from schemas.errors import OpenmoatError
from tasks import dedup
from tasks.hashing import seeded
from tasks.replay import packed, passages
from tasks.replay.sides import Side, tokens_by
from tasks.signals.minhash import minhash

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

SIX: Final = ("wiki", "news", "science", "code", "docs", "legal")
PLACES: Final = {
    **{name: f"dolma/documents/{name}" for name in (*SIX, "maths")},
    "german laws": "german/laws",
    "german manpages": "german/manpages",
    "languages": "languages",
    "instructions": "instruct/llamafactory",
    "c4": "native/llamafactory_pretrain",
}
FIRST: Final = (0.35, 0.10, 0.10, 0.20, 0.15, 0.10)
"""Shares of mixture 0; others are drawn."""
LEAST_SHARE: Final = 0.05
LEAST_CHARS, LONGEST, MOST_CHARS = 200, 40_000, 20_000_000
"""Characters of a document, at least and at most; of a source."""
OF_TARGET, OF_HELD = 0.3, 0.6
"""Documents, in an order by chance: up to here for the target's sample, up to here held out."""
TARGET_CHARS: Final = 2_400_000
POOL_CHARS, FOREIGN_CHARS = 3_000_000, 3_200_000
"""Of each source in the pool, at most."""
TOKENIZER: Final = "tokenizers/ai2_olmo_eval/allenai_gpt-neox-olmo-dolma-v1_5.json"
TWINS: Final = 0.8
MEMORY_BYTES: Final = 1_000_000_000


class Corpus(NamedTuple):
    """Passages of all sources: their side, texts, sources (a number of ``names``), code points."""

    side: Side
    texts: pa.ChunkedArray
    sources: Ints
    chars: Ints
    names: tuple[str, ...]


class Cell(NamedTuple):
    """Rows of a corpus: the target's sample, what is held out at the original's shares, the pool.

    ``shares`` are those of the six in the target's sample, by characters.
    """

    target: Ints
    held: Ints
    pool: Ints
    shares: Floats


def corpus(*, most_chars: int = MOST_CHARS, whole: bool = False) -> Corpus:
    """Read documents, leave near-duplicates out, cut, count. ``whole``: documents are not cut."""
    texts: list[str] = []
    sources: list[int] = []
    for number, place in enumerate(PLACES.values()):
        own = _some(place, most_chars)
        texts += own
        sources += [number] * len(own)
    if not texts:
        raise OpenmoatError(
            "OPENMOAT_DATA",
            got="no documents below it",
            wanted=f"the folders {', '.join(PLACES.values())}",
            way_out="Set OPENMOAT_DATA to the folder of real data.",
        )
    stay = _alone(texts)
    texts, of = [texts[i] for i in stay], np.array(sources)[stay]
    cut = passages.cut(pa.array(texts, pa.large_string()), most=LONGEST if whole else passages.MOST)
    keys = passages.keys([str(i) for i in stay.tolist()], cut)
    side = Side(packed.of(cut.texts), keys, cut.documents, _tokens(cut.texts))
    return Corpus(side, cut.texts, of[cut.documents], cut.ends - cut.starts, tuple(PLACES))


def _some(place: str, most: int) -> list[str]:
    """Return documents of a folder in an order by seed, up to so many characters."""
    every = dict.fromkeys(
        text[:LONGEST] for text in documents.read(place) if len(text.strip()) >= LEAST_CHARS
    )
    texts, found, size = list(every), [], 0
    for i in np.argsort(seeded(map(str, range(len(texts))), seed=0, stage=f"originals {place}")):
        if size < most:
            found.append(texts[i])
            size += len(texts[i])
    return found


def _alone(texts: list[str]) -> Ints:
    """Return the places of documents without those that are alike one before."""
    config, every = SignalsConfig(), np.arange(len(texts))
    signals = minhash(pa.array(texts, pa.large_string()), config).with_row_index(c.ROW).lazy()
    pairs = [
        dedup.pairs(signals, every, span, config=config, threshold=TWINS)
        for span in dedup.spans(len(texts), config, MEMORY_BYTES)
    ]
    gone = dedup.settle(lambda: [pl.concat(pairs)], every)[c.ROW].to_numpy()
    return np.setdiff1d(every, gone)


def _tokens(texts: pa.ChunkedArray) -> Ints:
    """Return the tokens of each passage, by the tokenizer of an open model."""
    from tokenizers import Tokenizer

    folder = documents.data()
    own = Tokenizer.from_file(f"{folder}/{TOKENIZER}")
    sizes: list[int] = []
    for start in range(0, len(texts), 512):
        some = texts.slice(start, 512).to_pylist()
        sizes += [len(e.ids) for e in own.encode_batch_fast(some, add_special_tokens=False)]
    return np.array(sizes, np.int64)


def part(of: Corpus, rows: Ints) -> Side:
    """Return some passages as a side."""
    side = of.side
    counts = packed.taken(side.counts, rows)
    return Side(counts, side.keys[rows], side.documents[rows], side.tokens[rows])


def mixture(number: int) -> Floats:
    """Return the shares of the six in a mixture: those of 0 are fixed, others are drawn."""
    if not number:
        return np.array(FIRST)
    drawn = np.random.default_rng([7, number]).dirichlet(np.full(len(SIX), 3.0))
    drawn = np.maximum(drawn, LEAST_SHARE)
    found: Floats = drawn / drawn.sum()
    return found


def cell(
    of: Corpus, shares: Floats, seed: int, *, missing: int | None = None, chars: int = TARGET_CHARS
) -> Cell:
    """Deal documents out by seed. ``missing``: this source of the original is not in the pool."""
    chance = np.random.default_rng([11, seed])
    target, held, pool = [], [], []
    for source in range(len(SIX)):
        rows = np.flatnonzero(of.sources == source)
        own = chance.permutation(np.unique(of.side.documents[rows]))
        first, second = int(OF_TARGET * len(own)), int(OF_HELD * len(own))
        parts = np.split(own, [first, second])
        target.append(chance.permutation(_of(of, rows, parts[0])))
        held.append(chance.permutation(_of(of, rows, parts[1])))
        kept = _up_to(of, [_of(of, rows, [d]) for d in parts[2]], POOL_CHARS)
        pool.append(kept if source != missing else kept[:0])
    most = min(of.chars[r].sum() / share for r, share in zip(held, shares, strict=True))
    foreign = _foreign(of, chance, sum(int(of.side.tokens[r].sum()) for r in pool))
    return Cell(
        _at_shares(of, target, shares, chars),
        _at_shares(of, held, shares, most * 0.98),
        np.sort(np.concatenate([*pool, foreign])),
        shares,
    )


def _of(of: Corpus, rows: Ints, some: Any) -> Ints:  # noqa: ANN401  (a list, or an array)
    return rows[np.isin(of.side.documents[rows], some)]


def _up_to(of: Corpus, groups: list[Ints], most: float) -> Ints:
    """Return the rows of the first documents that have so many characters."""
    found, size = [np.zeros(0, np.int64)], 0
    for rows in groups:
        if size >= most:
            break
        found.append(rows)
        size += int(of.chars[rows].sum())
    return np.concatenate(found)


def _foreign(of: Corpus, chance: np.random.Generator, tokens: int) -> Ints:
    """Return documents of other sources, in an order by chance, of so many tokens."""
    rows = np.flatnonzero(of.sources >= len(SIX))
    every = of.side.documents[rows]
    starts = np.flatnonzero(np.append(True, every[1:] != every[:-1]))
    groups = np.split(rows, starts[1:])
    found, sizes, size = [np.zeros(0, np.int64)], np.zeros(len(of.names)), 0
    for i in chance.permutation(len(groups)).tolist():
        own = groups[i]
        source = of.sources[own[0]]
        if size >= tokens:
            break
        if sizes[source] < FOREIGN_CHARS:
            found.append(own)
            sizes[source] += of.chars[own].sum()
            size += int(of.side.tokens[own].sum())
    return np.concatenate(found)


def _at_shares(of: Corpus, rows: list[Ints], shares: Floats, chars: float) -> Ints:
    """Return passages of each source for its share of so many characters."""
    found = []
    for own, share in zip(rows, shares, strict=True):
        after = np.cumsum(of.chars[own])
        found.append(own[: int(np.searchsorted(after, share * chars)) + 1])
    return np.sort(np.concatenate(found))


def shares_of(of: Corpus, rows: Ints) -> Floats:
    """Return the share of each source in the tokens of some passages."""
    found = tokens_by(of.sources[rows], of.side.tokens[rows], len(of.names))
    return found / max(1.0, float(found.sum()))
