"""What tokenizers of all kinds do alike: batches of texts to ids, and what is learned of them."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from schemas.errors import ConfigError
from tasks.ragged import Lists

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Ids = NDArray[np.int32]
    Places = NDArray[np.int64]
    Spans = Sequence[tuple[int, int]]

BATCH_CHARS: Final = 1_000_000
BATCH_TEXTS: Final = 256


class Located(NamedTuple):
    """Tokens of a text, and the code points that each stands for, from and up to but without.

    A token that is a part of a code point has the whole of it; one that stands for none, as a space
    that SentencePiece puts before a text, has the place where it stands.
    """

    ids: Ids
    starts: Places
    ends: Places


class Ends(NamedTuple):
    """Ids of the tokens that end a document, begin one and fill a row; None where there is none."""

    end: int | None = None
    begin: int | None = None
    padding: int | None = None


class Tokenizer(ABC):
    """A tokenizer: texts to ids (int32), none added around them.

    Texts go to the library a few at a time: what it holds of a token until the batch is done takes
    a hundred times the memory of the token. Every function raises :class:`ConfigError` where there
    is no token for what a text holds.
    """

    kind: str
    """The library's format: ``tokenizers``, ``tiktoken``, ``sentencepiece`` or ``tekken``."""
    digest: str
    """Tells it from others, whatever its files are called."""
    size: int
    """Above every id."""

    @abstractmethod
    def id_of(self, name: str) -> int | None:
        """Return the id of a token by its name; None where it has none of this name."""

    @abstractmethod
    def name_of(self, number: int) -> str | None:
        """Return the name of a token; None where there is none of this id."""

    @abstractmethod
    def special(self) -> list[str]:
        """Return the names of special tokens, in the order of their ids."""

    @abstractmethod
    def places(self, text: str) -> Places:
        """Return where each token of a plain text begins, in code points."""

    def own(self) -> Ends:
        """Return what its file itself names; most leave it to files beside it."""
        return Ends()

    @abstractmethod
    def _encode(self, texts: list[str]) -> list[Ids]:
        """Encode a few texts, in which names of special tokens are text like any other."""

    @abstractmethod
    def _locate(self, texts: list[str]) -> list[Located]:
        """Encode a few texts, in which special tokens are recognised."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""
        return [len(ids) for some in _batches(texts) for ids in self._tried(some)]

    def encoded(self, texts: Sequence[str]) -> Lists:
        """Return the ids of plain texts. The name of a special token in one is text, as any."""
        return joined([ids for some in _batches(texts) for ids in self._tried(some)], np.int32)

    def rendered(self, texts: Sequence[str], spans: Sequence[Spans]) -> tuple[Lists, Lists]:
        """Return the ids of rendered conversations, and of each token whether it is learned.

        Special tokens are recognised in them. ``spans`` say what is learned of each text, in code
        points, in order and apart: a token is learned that has any of it.
        """
        ids: list[Ids] = []
        learned: list[NDArray[np.bool_]] = []
        given = iter(spans)
        for some in _batches(texts):
            with _encodable():
                found = self._locate(some)
            for one in found:
                ids.append(one.ids)
                learned.append(within(one, next(given)))
        return joined(ids, np.int32), joined(learned, np.bool_)

    def _tried(self, texts: list[str]) -> list[Ids]:
        with _encodable():
            return self._encode(texts)


def within(tokens: Located, spans: Spans) -> NDArray[np.bool_]:
    """Tell of each token whether it has a code point of a span; spans are in order and apart."""
    some = np.array([span for span in spans if span[0] < span[1]], np.int64).reshape(-1, 2)
    found = np.zeros(len(tokens.ids), np.bool_)
    if len(some):
        ends = np.maximum(tokens.ends, tokens.starts + 1)
        first = np.searchsorted(some[:, 1], tokens.starts, side="right")
        inside = first < len(some)
        found[inside] = some[first[inside], 0] < ends[inside]
    return found


def joined(parts: Sequence[NDArray[np.int32] | NDArray[np.bool_]], kind: type) -> Lists:
    """Return arrays, one after the other, as lists."""
    offsets = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=offsets[1:])
    return Lists(np.concatenate([np.zeros(0, kind), *parts], dtype=kind), offsets)


@contextlib.contextmanager
def _encodable() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the libraries raise whatever they like
        raise ConfigError(
            "tokenizer",
            got=f"one that cannot encode a text: {next(iter(str(error).splitlines()), '')}",
            wanted="a token for every text, or one for what is unknown",
            way_out="Mend its tokenizer.json (a Unigram model needs an unk_id), or take another.",
        ) from error


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch, held = list[str](), 0
    for text in texts:
        batch.append(text)
        held += len(text)
        if held > BATCH_CHARS or len(batch) == BATCH_TEXTS:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
