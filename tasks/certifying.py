"""Files as they are, and the certificate of one beside the other: ``openmoat certify``.

Shard, reference and pool are read once, and the part of each that is looked at is kept in memory
(:mod:`tasks.drawing`). Near-duplicates are looked for in all of shard, reference and evals, which
reads them again (:mod:`tasks.overlap`).
"""

from __future__ import annotations

from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.certificate import Pair, Shared, rounded
from schemas.config import SignalsConfig, TokenizerConfig
from schemas.errors import ConfigError
from tasks import hashing, overlap, storage, tokenizer_files, tokens
from tasks.drawing import CHARS, OWN, Draw, candidates
from tasks.measured import Fields, Seen, measured, nothing, source_of
from tasks.replay.certificate import How, Texts, Tokenizer, Whole, certified
from tasks.replay.certificate.texts import CHARS_PER_TOKEN, LEAST_DOCUMENTS, MOST_TOKENS
from tasks.signals.language import language

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.certificate import Certificate, Provenance
    from tasks.overlap.asking import Met

CONFIG: Final = SignalsConfig(minhash=False)
COMMAND: Final = "openmoat certify"
DRAWN, RANDOM = "certificate", "certificate-random"
"""Stages of the seeded orders: what is looked at, and the random draw."""
SIDE: Final = 2
"""The reference is halved, so that twice the tokens of a side are kept."""
TIMES: Final = 4
"""The pool's classifier learns from so many times the tokens of a side."""
SHOWN: Final = 20
"""Pairs of near-duplicates that are named."""


class Question(NamedTuple):
    """What is asked of which files. ``pool`` are locations, each a source unless records name one.

    ``most_tokens`` bounds what is looked at of each side.
    """

    shard: str
    reference: str
    pool: Sequence[str] = ()
    random: str | None = None
    evals: str | None = None
    tokenizer: str | None = None
    provenance: Provenance = "sample"
    text_field: str = "text"
    eval_field: str = "text"
    source_field: str | None = None
    threshold: float = 0.8
    seed: int = 0
    most_tokens: int = MOST_TOKENS
    duplicates: bool = True


def of_files(question: Question) -> Certificate:
    """Return the certificate of a shard.

    Raises :class:`ConfigError` for files that cannot be read, hold no text, or are one and the
    same; and for a tokenizer that is none.
    """
    _check(question)
    tokenizer = _tokenizer(question.tokenizer)
    shard = _side(question.shard, question)
    reference = _side(question.reference, question)
    pool, drawn = _pool(question, shard)
    if question.random is not None:
        drawn = _side(question.random, question)
    how = How(
        names=(storage.name_of(question.shard), storage.name_of(question.reference)),
        provenance=question.provenance,
        seed=question.seed,
        most_tokens=question.most_tokens,
        tokenizer=tokenizer,
    )
    found = certified(shard, reference, random=drawn, pool=pool, how=how)
    if not question.duplicates:
        return found
    return found.model_copy(update={"shared": tuple(_shared(question))})


def _check(question: Question) -> None:
    if _same(question.shard, question.reference):
        raise ConfigError(
            COMMAND,
            got=f"{question.shard} as shard and as reference",
            wanted="two sets",
            way_out="Name a reference that the shard was not drawn from.",
        )
    for one, other in combinations(question.pool, 2):
        if _same(one, other):
            raise ConfigError(
                f"--pool {other}",
                got="a source of the pool that is named already",
                wanted="each source once",
                way_out="Leave one of them out.",
            )


def _same(one: str, other: str) -> bool:
    """Whether two locations are one, whatever they are called."""
    return one == other or (storage.stamp(one) or one) == (storage.stamp(other) or other)


def _tokenizer(path: str | None) -> Tokenizer | None:
    if path is None:
        return None
    try:
        body = tokenizer_files.read(TokenizerConfig(path=path)).body
        found = tokens.load(body, where=path)
    except ConfigError as error:
        raise ConfigError(
            f"--tokenizer {path}",
            got=error.got,
            wanted=error.wanted,
            way_out="Give the path of the model's tokenizer.json, or leave it out.",
        ) from error

    name = f"{storage.name_of(path)} {tokens.digest(found)}"
    return Tokenizer(name, partial(tokens.ids, found))


class _Read:
    """What there is of a location, counted while it is read."""

    def __init__(self) -> None:
        self.documents = self.characters = 0
        self._digests: list[str] = []
        self._ids: set[str] = set()

    def see(self, some: pa.Table, hashes: list[str]) -> None:
        own = some.column(OWN).to_pylist()
        self._ids.update(hashing.text_hash(one)[:16] for one in own)
        self.characters += int(pl.Series(some.column(CHARS)).sum())
        self._digests = [hashing.add_hex([*self._digests, *hashes])]

    @property
    def whole(self) -> Whole:
        digest = self._digests[0] if self._digests else hashing.add_hex([])
        return Whole(len(self._ids), self.characters, digest)


def _batches(
    location: str, question: Question, name: str, stage: str
) -> Iterator[tuple[pa.Table, list[str]]]:
    """Yield candidates and the hashes of their texts. Raises :class:`ConfigError` for none."""
    seen = Seen()
    fields = Fields(question.text_field, source=question.source_field)
    source = source_of(name, [location], fields=fields, where=location or COMMAND)
    for documents, frame in measured(source, CONFIG, seen, where=location):
        hashes = frame[c.TEXT_HASH].to_list()
        yield candidates(documents, hashes, seed=question.seed, stage=stage), hashes
    if not seen.documents:
        raise nothing(location, seen)


def _side(location: str, question: Question) -> Texts:
    read, draw = _Read(), Draw(SIDE * question.most_tokens * CHARS_PER_TOKEN)
    for some, hashes in _batches(location, question, "side", DRAWN):
        read.see(some, hashes)
        draw.add(some)
    return _texts(draw.table(), read.whole, langs=True)


def _pool(question: Question, shard: Texts) -> tuple[Texts | None, Texts | None]:
    """Return documents of each source of the pool, and as many at random as the shard has."""
    if not question.pool:
        return None, None
    read, whole = _Read(), shard.whole
    assert whole is not None  # noqa: S101  (files were read)
    drawn = Draw(min(whole.characters, question.most_tokens * CHARS_PER_TOKEN))
    every = _BySource(TIMES * question.most_tokens * CHARS_PER_TOKEN)
    for name, location in _named(question.pool):
        for some, hashes in _batches(location, question, name, RANDOM):
            read.see(some, hashes)
            drawn.add(some)
            every.add(some)
    return _texts(every.table(), read.whole, langs=False), _texts(drawn.table(), None, langs=True)


class _BySource:
    """Documents of each source, of all as many characters."""

    def __init__(self, characters: float) -> None:
        self._characters = characters
        self._draws: dict[str, Draw] = {}

    def add(self, some: pa.Table) -> None:
        sources = np.array(some.column(c.SOURCE).to_pylist(), np.str_)
        for source in np.unique(sources).tolist():
            if source not in self._draws:
                self._draws[source] = Draw(self._characters, least=LEAST_DOCUMENTS)
                for draw in self._draws.values():
                    draw.characters = self._characters / len(self._draws)
            self._draws[source].add(some.filter(pa.array(sources == source)))

    def table(self) -> pa.Table:
        return pa.concat_tables([draw.table() for _, draw in sorted(self._draws.items())])


def _named(locations: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield names of sources, which are the last parts of their locations, and these."""
    names = [storage.name_of(location.rstrip("/")).split(".")[0] for location in locations]
    for name, location in zip(names, locations, strict=True):
        yield (name if names.count(name) == 1 and name else location), location


def _texts(table: pa.Table, whole: Whole | None, *, langs: bool) -> Texts:
    texts = table.column(c.TEXT)
    documents = table.column(OWN).combine_chunks().dictionary_encode().indices.to_numpy()
    told = language(texts, CONFIG)[c.LANG].to_list() if langs and table.num_rows else None
    sources = table.column(c.SOURCE).to_pylist()
    return Texts(texts, documents.astype(np.int64), told, sources, whole)


def _shared(question: Question) -> Iterator[Shared]:
    """Yield what the shard has in common with the reference and with evals."""
    locations = [question.shard, question.reference, *([question.evals] if question.evals else [])]
    fields = [question.text_field] * 2 + [question.eval_field] * (len(locations) - 2)
    asked = overlap.Question(threshold=question.threshold, text_fields=fields)
    return shared(locations, asked, [storage.name_of(location) for location in locations])


def shared(
    locations: Sequence[str], asked: overlap.Question, names: Sequence[str]
) -> Iterator[Shared]:
    """Yield what the first set of files has in common with each other one, as they are called."""
    answer = overlap.of_files(locations, asked)
    documents = {one.name: one.documents for one in answer.sets}
    called = dict(zip(locations, names, strict=True))
    for met in answer.met:
        if met.left == locations[0]:
            yield Shared(
                left=called[met.left],
                right=called[met.right],
                left_documents=documents[met.left],
                right_documents=documents[met.right],
                left_matched=met.left_matched,
                right_matched=met.right_matched,
                exact_pairs=met.exact,
                near_pairs=met.near,
                threshold=asked.threshold,
                pairs=tuple(_pairs(answer.pairs, met)),
            )


def _pairs(pairs: pa.Table, met: Met) -> Iterator[Pair]:
    found = pl.DataFrame(pairs).filter(
        (pl.col(c.LEFT_SET) == met.left) & (pl.col(c.RIGHT_SET) == met.right)
    )
    ordered = found.sort(-pl.col(c.SIMILARITY), c.LEFT_ID, c.RIGHT_ID).head(SHOWN)
    for row in ordered.select(c.LEFT_ID, c.RIGHT_ID, c.SIMILARITY).iter_rows():
        left, right = map(_short, row[:2])
        yield Pair(left=left, right=right, similarity=rounded(row[2]) or 0.0)


def _short(own: str) -> str:
    """Return a document's id or, of a place in a file, the file without its folder."""
    return storage.name_of(own) if storage.is_file(own.rpartition(":")[0]) else own
