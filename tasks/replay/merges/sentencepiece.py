"""The pieces of a SentencePiece model, and what its training was told of words.

The few fields of ``sentencepiece_model.proto`` that matter are read here: it is a protocol buffer,
a row of (field number, value).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from schemas.errors import ConfigError
from tasks.replay.merges.splitting import Lines

if TYPE_CHECKING:
    from collections.abc import Iterator

VARINT, EIGHT, SOME, FOUR = 0, 1, 2, 5
PIECE, TRAINER, NORMALIZER = 1, 2, 3
NORMAL: Final = 1
BPE: Final = 2
KINDS: Final = {1: "unigram", BPE: "BPE", 3: "word", 4: "char"}
BELOW_ALL: Final = -1e8
"""Scores that makers give by hand to tokens that shall never be chosen; no place in an order."""
MOST_BITS: Final = 63


class Model(NamedTuple):
    """Pieces in the order of training, and how words were made."""

    pieces: tuple[str, ...]
    lines: Lines


def read(body: bytes, *, where: str) -> Model:
    """Read a ``.model`` file. ConfigError for a damaged one, and for any kind but BPE."""
    try:
        pieces, trainer, normalizer = _parts(body)
    except (ValueError, IndexError, struct.error) as error:
        raise ConfigError(
            where,
            got=f"bytes that are no SentencePiece model ({error})",
            wanted="tokenizer.json, a tiktoken rank file, tekken.json or a SentencePiece model",
            way_out="Give the file as the model's makers publish it.",
        ) from error
    kind = KINDS.get(int(trainer.get(3, 1)), "unknown")
    if kind != KINDS[BPE]:
        raise ConfigError(
            where,
            got=f"a SentencePiece model of kind {kind}",
            wanted="one of kind BPE",
            way_out="Only merges keep the order of frequencies; give a sample or generations of "
            "the model instead.",
        )
    return Model(tuple(_in_order(pieces)), _lines(trainer, normalizer))


def _parts(
    body: bytes,
) -> tuple[list[tuple[str, float]], dict[int, int], dict[int, int | bytes]]:
    """Return normal pieces with their scores, and the numbers of trainer and normaliser."""
    pieces: list[tuple[str, float]] = []
    trainer: dict[int, int] = {}
    normalizer: dict[int, int | bytes] = {}
    for number, value in _fields(body):
        if number not in {PIECE, TRAINER, NORMALIZER}:
            continue
        if not isinstance(value, bytes):
            raise ValueError(f"field {number} is a number")  # noqa: TRY004 -- of the file
        own = dict(_fields(value))
        if number == TRAINER:
            trainer = {key: one for key, one in own.items() if isinstance(one, int)}
        elif number == NORMALIZER:
            normalizer = own
        elif own.get(3, NORMAL) == NORMAL:
            text, score = own.get(1), own.get(2, bytes(4))
            if not isinstance(text, bytes) or not isinstance(score, bytes):
                raise ValueError("a piece without a text")
            pieces.append((text.decode(), struct.unpack("<f", score)[0]))
    if not pieces:
        raise ValueError("no pieces")
    return pieces, trainer, normalizer


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message; numbers of fixed width as bytes."""
    at = 0
    while at < len(body):
        key, at = _varint(body, at)
        number, form = key >> 3, key & 7
        if form == VARINT:
            value, at = _varint(body, at)
            yield number, value
            continue
        if form == SOME:
            size, at = _varint(body, at)
        elif form in {EIGHT, FOUR}:
            size = 8 if form == EIGHT else 4
        else:
            raise ValueError(f"a field of form {form} at byte {at}")
        if at + size > len(body):
            raise ValueError("it ends within a field")
        yield number, body[at : at + size]
        at += size


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, MOST_BITS + 1, 7):
        byte = body[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004 -- the top bit says that more follow
            return value, at
    raise ValueError(f"a number without an end at byte {at}")


def _in_order(pieces: list[tuple[str, float]]) -> list[str]:
    """Return pieces in the order of training: by falling score, which is minus their number.

    A piece with a score that was set by hand (runs of spaces in the models of Mistral and LLaMA)
    stays behind the piece that it follows in the file.
    """
    key, rows = 0.0, []
    for place, (text, score) in enumerate(pieces):
        key = score if score > BELOW_ALL else key
        rows.append((-key, place, text))
    return [text for _, _, text in sorted(rows)]


def _lines(trainer: dict[int, int], normalizer: dict[int, int | bytes]) -> Lines:
    charsmap = normalizer.get(2, b"")
    return Lines(
        starts=bool(normalizer.get(3, 1)),
        squeezes=bool(normalizer.get(4, 1)),
        by_space=bool(trainer.get(22, 1)),
        by_script=bool(trainer.get(21, 1)),
        single_digits=bool(trainer.get(25, 0)),
        only_spaces=bool(trainer.get(26, 0)),
        longest=trainer.get(20, 16),
        charsmap=charsmap if isinstance(charsmap, bytes) else b"",
    )
