"""The tokenizer that budgets are counted in: loaded, trained, used for exact counts and for ids."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from schemas.errors import ConfigError
from tasks.tokens.hugging_face import END_OF_TEXT, HuggingFace, train
from tasks.tokens.ranks import tekken, tiktoken
from tasks.tokens.sentence_piece import SentencePiece
from tasks.tokens.tokenizer import Ends, Located, Tokenizer, joined, within

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "END_OF_TEXT",
    "Ends",
    "Located",
    "Tokenizer",
    "count",
    "digest",
    "ids",
    "joined",
    "load",
    "train",
    "within",
]

WANTED = (
    "a tokenizer.json of the Hugging Face tokenizers library, ranks of tiktoken, a SentencePiece "
    "model or a tekken.json"
)
_RANKS = re.compile(rb"[A-Za-z0-9+/]+={0,2} \d+\r?\n")
_TEKKEN = b'"token_bytes"'
_JSON = (b"{", b"[", b"n")  # an object, and what is read in vain with an error that says why
_LOOKED_AT = 10_000


def load(body: bytes, *, where: str) -> Tokenizer:
    """Return the tokenizer of a file's bytes, which tell its kind. Raises :class:`ConfigError`."""
    try:
        return _load(body, where)
    except ConfigError:
        raise
    except Exception as error:  # the libraries raise bare Exception for whatever is wrong
        raise ConfigError(
            where,
            got=next(iter(str(error).splitlines()), type(error).__name__),
            wanted=WANTED,
            way_out="Give the path of the model's tokenizer.json, or train_vocab_size.",
        ) from error


def _load(body: bytes, where: str) -> Tokenizer:
    if _RANKS.match(body):
        return tiktoken(body, where=where)
    if _TEKKEN in body[:_LOOKED_AT]:
        return tekken(body)
    if body.lstrip()[:1] in _JSON:
        return HuggingFace(body)
    return SentencePiece(body)


def digest(tokenizer: Tokenizer) -> str:
    """What tells a tokenizer from others."""
    return tokenizer.digest


def count(tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    """Number of tokens of each text, without special tokens around it."""
    return tokenizer.count(texts)


def ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each text, without special tokens around it."""
    values, offsets = tokenizer.encoded(texts)
    return [values[start:end].tolist() for start, end in pairwise(offsets.tolist())]
