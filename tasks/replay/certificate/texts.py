"""What is compared: texts as given, the part of them that is looked at, and that part dealt out.

**Part**: documents in an order by seed and text, until they have ``most_tokens`` (four characters
for a token); what is behind that is not looked at, so that memory and time are bounded however
large a set is. **Passages** of these (:mod:`tasks.replay.passages`) are the rows of all figures,
those of a document one after the other. A document's texts may be many: passages that were drawn of
it. Rows depend on the texts and not on the order in which they are given. Of a pool as many tokens
are looked at of each source, and :data:`LEAST_DOCUMENTS` at least, where it has them.

**Deal**: documents in another order by seed, their passages until a number of tokens is met, to
within half a passage: all but the last document are whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks import hashing
from tasks.replay import order, packed, passages
from tasks.replay.selection import up_to
from tasks.replay.sides import Side, effective

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from schemas.certificate import Provenance
    from tasks.replay.sides import Ints, Keys

CHARS_PER_TOKEN: Final = 4
MOST_TOKENS: Final = 2_000_000
SPLITS: Final = 4
"""Ways in which the reference is halved: figures are means over these."""
LEAST_DOCUMENTS: Final = 20
ENCODED: Final = 512
"""Passages that the tokenizer gets at a time."""
_OCCURRENCE: Final = np.uint64(0x9E3779B97F4A7C15)


class Whole(NamedTuple):
    """All of a set of which the texts that are given are a part."""

    documents: int
    characters: int
    digest: str


class Texts(NamedTuple):
    """Texts (large_string, no nulls), and the number of the document that each is of.

    ``langs`` and ``sources``: of each text, where known. ``whole``: where this is a part only.
    """

    texts: pa.ChunkedArray
    documents: Ints
    langs: Sequence[str] | None = None
    sources: Sequence[str] | None = None
    whole: Whole | None = None


class Tokenizer(NamedTuple):
    """What tells the tokens of texts, as numbers."""

    name: str
    encode: Callable[[Sequence[str]], Sequence[Sequence[int]]]


class How(NamedTuple):
    """What a certificate is made by.

    ``names`` are of shard and reference, ``provenance`` says what the reference is to the original.
    Without a tokenizer, tokens are characters by four.
    """

    names: tuple[str, str] = ("shard", "reference")
    provenance: Provenance = "sample"
    seed: int = 0
    most_tokens: int = MOST_TOKENS
    tokenizer: Tokenizer | None = None


class Ids(NamedTuple):
    """Tokens of passages: row i is ``numbers[firsts[i]:firsts[i + 1]]``."""

    firsts: Ints
    numbers: NDArray[np.int64]


class Measured(NamedTuple):
    """Passages: counts and tokens, texts, hashes of these, what is known of each, and the whole."""

    side: Side
    texts: pa.ChunkedArray
    hashes: Keys
    ids: Ids | None
    langs: NDArray[np.str_] | None
    sources: NDArray[np.str_] | None
    whole: Whole

    @property
    def tokens(self) -> int:
        """Tokens of all passages."""
        return int(self.side.tokens.sum())

    @property
    def n_eff(self) -> float:
        """Effective number of documents."""
        return effective(self.side.documents, self.side.tokens)


class Split(NamedTuple):
    """The reference halved by document, rows; and as much of the shard and of the random draw."""

    one: Ints
    other: Ints
    shard: Ints
    random: Ints | None


def whole(some: Texts) -> Whole:
    """Return what there is of a set; the digest is of its texts in any order."""
    if some.whole is not None:
        return some.whole
    characters = pc.sum(pc.utf8_length(some.texts)).as_py() or 0
    digest = hashing.add_hex(hashing.text_hashes(some.texts))
    return Whole(len(np.unique(some.documents)), characters, digest)


def measured(some: Texts, how: How, *, most_tokens: int, by_source: bool = False) -> Measured:
    """Cut, count and hash the part of a set that is looked at.

    ValueError where documents, languages or sources are not one for each text.
    """
    _check(some)
    rows, ranks = _chosen(some, how, most_tokens, by_source=by_source)
    texts = some.texts.take(pa.array(rows)) if len(rows) else some.texts.slice(0, 0)
    cut = passages.cut(texts)
    before = np.cumsum(cut.ends - cut.starts) - (cut.ends - cut.starts)
    # A document may be much longer than all that is to be looked at.
    kept = (before < most_tokens * CHARS_PER_TOKEN) | by_source
    column, owners = cut.texts.filter(pa.array(kept)), cut.documents[kept]
    documents = np.unique(ranks[owners], return_inverse=True)[1].astype(np.int64)
    hashes = _hashes(column)
    ids, tokens = _tokens(column, (cut.ends - cut.starts)[kept], how.tokenizer)
    keys = np.column_stack([hashes[:, 0], np.arange(len(hashes), dtype=np.uint64)])
    told = [
        None if given is None else np.array(given, np.str_)[rows][owners]
        for given in (some.langs, some.sources)
    ]
    side = Side(packed.of(column), keys, documents, tokens)
    return Measured(side, column, hashes, ids, told[0], told[1], whole(some))


def _check(some: Texts) -> None:
    sizes = [len(part) for part in some[1:4] if part is not None]
    if any(size != len(some.texts) for size in sizes):
        raise ValueError(f"{sizes} documents, languages, sources of {len(some.texts)} texts")


def _hashes(texts: pa.ChunkedArray) -> Keys:
    body = bytes.fromhex("".join(hashing.text_hashes(texts)))
    return np.frombuffer(body, ">u8").astype(np.uint64).reshape(-1, 2)


def _chosen(some: Texts, how: How, most_tokens: int, *, by_source: bool) -> tuple[Ints, Ints]:
    """Return the texts that are looked at, in order, and the rank of the document of each."""
    hashes = _hashes(some.texts)
    _, owners = np.unique(some.documents, return_inverse=True)
    size = int(owners.max(initial=-1)) + 1
    keys = np.zeros((size, 2), np.uint64)
    np.add.at(keys, owners, hashes)
    by_key = np.lexsort((keys[:, 1], keys[:, 0]))
    keys[by_key, 1] += _OCCURRENCE * _occurrences(keys[by_key])
    characters = np.bincount(owners, pc.utf8_length(some.texts).to_numpy(), size)
    drawn = order.order(keys, seed=how.seed, use=order.FIT)
    of = np.zeros(size, np.int64)
    if by_source and some.sources is not None:
        of[owners] = np.unique(np.array(some.sources, np.str_), return_inverse=True)[1]
    limit = most_tokens * CHARS_PER_TOKEN / (int(of.max(initial=0)) + 1)
    least = LEAST_DOCUMENTS if by_source else 0
    taken = drawn[_first(of[drawn], characters[drawn], limit, least)]
    ranks = np.full(size, -1, np.int64)
    ranks[taken] = np.arange(len(taken))
    rows = np.flatnonzero(ranks[owners] >= 0)
    rows = rows[np.lexsort((hashes[rows, 1], hashes[rows, 0], ranks[owners[rows]]))]
    return rows, ranks[owners[rows]]


def _first(groups: Ints, characters: Ints, limit: float, least: int) -> NDArray[np.bool_]:
    """Tell which documents are looked at, some of each group, in the order in which they stand."""
    found = np.zeros(len(groups), np.bool_)
    for group in range(int(groups.max(initial=-1)) + 1):
        own = np.flatnonzero(groups == group)
        before = np.cumsum(characters[own]) - characters[own]
        found[own] = (before < limit) | (np.arange(len(own)) < least)
    return found


def _occurrences(keys: Keys) -> Keys:
    """Return how many equal keys stand before each, of some in order."""
    new = np.ones(len(keys), np.bool_)
    new[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    places = np.arange(len(keys))
    return (places - np.maximum.accumulate(np.where(new, places, 0))).astype(np.uint64)


def _tokens(
    texts: pa.ChunkedArray, characters: Ints, tokenizer: Tokenizer | None
) -> tuple[Ids | None, Ints]:
    if tokenizer is None:
        return None, (characters + CHARS_PER_TOKEN - 1) // CHARS_PER_TOKEN
    found: list[Sequence[int]] = []
    for start in range(0, len(texts), ENCODED):
        found += tokenizer.encode(texts.slice(start, ENCODED).to_pylist())
    sizes = np.array([len(row) for row in found], np.int64)
    numbers = np.concatenate([np.zeros(0, np.int64), *(np.array(row, np.int64) for row in found)])
    return Ids(np.append(0, np.cumsum(sizes)).astype(np.int64), numbers), np.maximum(1, sizes)


def dealt(some: Measured, tokens: int, *, seed: Sequence[int]) -> tuple[Ints, Ints]:
    """Return rows of about so many tokens; and as many of other documents, if there are."""
    side = some.side
    size = int(side.documents.max(initial=-1)) + 1
    ranks = np.random.default_rng(seed).permutation(size)
    rows = np.argsort(ranks[side.documents], kind="stable")
    first = rows[: up_to(side.tokens[rows], tokens)]
    rest = rows[len(first) :]
    if len(first):
        rest = rest[side.documents[rest] != side.documents[first[-1]]]
    return first, rest[: up_to(side.tokens[rest], tokens)]


def splits(shard: Measured, reference: Measured, random: Measured | None, how: How) -> list[Split]:
    """Return ways of halving the reference by document, all parts of as many tokens."""
    most = min(how.most_tokens, shard.tokens, reference.tokens // 2)
    found = []
    for number in range(SPLITS):
        one, other = dealt(reference, most, seed=(how.seed, number, 0))
        own = dealt(shard, most, seed=(how.seed, number, 1))[0]
        drawn = None if random is None else dealt(random, most, seed=(how.seed, number, 2))[0]
        found.append(Split(one, other, own, drawn))
    return found
