"""Merge lists from the files that tokenizers are published as."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

import orjson

from schemas.errors import ConfigError
from tasks.replay.merges import sentencepiece, splitting
from tasks.replay.merges.lists import MergeList, Parts, numbered, taken_apart
from tasks.replay.merges.splitting import SPACE, Lines, Splitting

if TYPE_CHECKING:
    from collections.abc import Sequence

RANKED: Final = re.compile(rb"[A-Za-z0-9+/]+={0,2} \d+")
PAIR: Final = re.compile(rb"#version|\S+ \S+\s")
SAME_PRODUCT: Final = 1.05
"""Merges by product, above which a list holds every way to make a token instead of the one that the
training took (lists that were made of ranks): then the order is that of the vocabulary."""
STARTS: Final = (b'"Prepend"', b'"prepend_scheme":"always"', b'"prepend_scheme":"first"')
FORMATS: Final = "tokenizer.json, a tiktoken rank file, tekken.json, merges.txt or a .model"


def read(
    body: bytes, *, where: str, pattern: str | None = None, most: int | None = None
) -> MergeList:
    """Return the merges of a tokenizer's file, told apart by what is in it.

    ``pattern``: how rank files and merges.txt, which do not say it, split text: a name of
    :data:`tasks.replay.merges.splitting.PATTERNS` or a regular expression. ``most``: no more merges
    than that are looked for. ConfigError for what is no byte-pair encoding, or damaged.
    """
    first_line = body[:1000].split(b"\n", 1)[0]
    if body[:1000].lstrip().startswith(b"{"):
        found = _from_json(body, where, pattern, most)
    elif RANKED.fullmatch(first_line.strip()):
        found = _ranks(_rank_lines(body, where), where, pattern, most, kind="tiktoken ranks")
    elif PAIR.match(body[:1000]):
        found = _merge_lines(body, where, pattern)
    elif body:
        found = _pieces(sentencepiece.read(body, where=where), where, most)
    else:
        _refuse(where, "an empty file")
    return found if most is None else found.first(most)


def _refuse(where: str, got: str, cause: Exception | None = None) -> NoReturn:
    raise ConfigError(
        where,
        got=got,
        wanted=f"a byte-pair encoding: {FORMATS}",
        way_out="Give the tokenizer as the model's makers publish it. Of other kinds (unigram, "
        "WordPiece) the mixture cannot be read: give a sample or generations of the model.",
    ) from cause


def _from_json(body: bytes, where: str, pattern: str | None, most: int | None) -> MergeList:
    try:
        config = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        _refuse(where, f"damaged JSON ({error})", error)
    if isinstance(config.get("model"), dict):
        return _tokenizer(config, where, most)
    if isinstance(config.get("vocab"), list):
        return _tekken(config, where, pattern, most)
    _refuse(where, f"JSON with the keys {', '.join(list(config)[:5]) or 'of nothing'}")


def _tokenizer(config: dict[str, Any], where: str, most: int | None) -> MergeList:
    model = config["model"]
    vocab, merges = model.get("vocab"), model.get("merges")
    kind = model.get("type") or ("BPE" if merges else "unknown")
    if kind != "BPE":
        _refuse(where, f"a tokenizer.json of kind {kind}")
    if not isinstance(vocab, dict) or not isinstance(merges, list) or not merges:
        _refuse(where, "a tokenizer.json without merges")
    pairs = [_pair(one, where) for one in merges]
    special = {one.get("content") for one in config.get("added_tokens") or []}
    in_order = [token for token in sorted(vocab, key=vocab.__getitem__) if token not in special]
    if model.get("byte_fallback"):
        return _converted(config, in_order, where, most)
    how = splitting.of_tokenizer(config, where=where)
    made = {how.product(a, b) for a, b in pairs}
    first = [*splitting.byte_characters()] if _is_byte_level(config) else []
    first += [token for token in in_order if token not in made]
    if len(pairs) <= SAME_PRODUCT * len(made):
        return numbered("tokenizer.json", how, Parts(first, pairs, []), where=where)
    known = set(first)
    long = [token for token in in_order if token not in known][:most]
    parts = taken_apart([*(one for one in first if len(one) == 1), *long], how)
    return numbered("tokenizer.json", how, parts, where=where)


def _pair(one: object, where: str) -> tuple[str, str]:
    parts = one.split(" ") if isinstance(one, str) else one
    match parts:
        case [str(left), str(right)]:
            return left, right
    _refuse(where, f"a tokenizer.json with the merge {one!r}"[:100])


def _is_byte_level(config: dict[str, Any]) -> bool:
    return (
        '"ByteLevel"'
        in orjson.dumps([config.get("pre_tokenizer"), config.get("normalizer")]).decode()
    )


def _converted(
    config: dict[str, Any], in_order: list[str], where: str, most: int | None
) -> MergeList:
    """Read a SentencePiece model that was converted: its vocabulary is in the order of training.

    What its training was told of words is not in the file; the tokens themselves show it.
    """
    fallback = re.compile(r"<0x[0-9A-F]{2}>")
    tokens = [token for token in in_order if not fallback.fullmatch(token)]
    told = orjson.dumps([config.get("normalizer"), config.get("pre_tokenizer")])
    starts = any(one in told for one in STARTS)
    long = [t for t in tokens if len(t) > 1]
    lines = Lines(
        starts=starts,
        squeezes=False,
        by_script=not any(re.search(r"[^\W\d_][!-/]|[!-/][^\W\d_]", t) for t in long[:2000]),
        single_digits=not any(re.search(r"\d", t) for t in long),
        only_spaces=any(not t.strip(SPACE) for t in long),
    )
    return _pieces(sentencepiece.Model(tuple(tokens), lines), where, most, kind="tokenizer.json")


def _pieces(
    model: sentencepiece.Model, where: str, most: int | None, *, kind: str = "SentencePiece"
) -> MergeList:
    how = splitting.of_lines(model.lines)
    characters = [piece for piece in model.pieces if len(piece) == 1]
    pieces = [piece for piece in model.pieces if len(piece) > 1][:most]
    return numbered(kind, how, taken_apart([*characters, *pieces], how), where=where)


def _rank_lines(body: bytes, where: str) -> list[bytes]:
    """Return the tokens of a rank file by rank."""
    rows: list[tuple[int, bytes]] = []
    for number, line in enumerate(body.splitlines(), 1):
        if not line.strip():
            continue
        token, _, rank = line.partition(b" ")
        try:
            rows.append((int(rank), base64.b64decode(token, validate=True)))
        except (ValueError, binascii.Error) as error:
            _refuse(where, f"line {number} of a rank file, which is {line[:40]!r}", error)
    return [token for _, token in sorted(rows) if token]


def _tekken(config: dict[str, Any], where: str, pattern: str | None, most: int | None) -> MergeList:
    told = config.get("config") or {}
    try:
        rows = sorted(
            (one["rank"], base64.b64decode(one["token_bytes"])) for one in config["vocab"]
        )
    except (KeyError, TypeError, ValueError) as error:
        _refuse(where, f"a tekken.json with a damaged vocab ({error!r})", error)
    # The file lists more tokens than the tokenizer uses; special ones come on top of these.
    size = told.get("default_vocab_size") or len(rows) + told.get("default_num_special_tokens", 0)
    used = [token for _, token in rows if token]
    used = used[: max(0, size - told.get("default_num_special_tokens", 0))]
    return _ranks(used, where, pattern or told.get("pattern"), most, kind="tekken")


def _ranks(
    tokens: Sequence[bytes], where: str, pattern: str | None, most: int | None, *, kind: str
) -> MergeList:
    how = splitting.of_name(pattern, where=where) if pattern else splitting.likeliest(tokens)
    written = [splitting.written(token) for token in tokens]
    long = [token for token in written if len(token) > 1][:most]
    parts = taken_apart([*splitting.byte_characters(), *long], how)
    return numbered(kind, how, parts, where=where)


def _merge_lines(body: bytes, where: str, pattern: str | None) -> MergeList:
    """Read GPT-2's merges.txt (vocab.bpe)."""
    try:
        lines = body.decode().splitlines()
    except UnicodeDecodeError as error:
        _refuse(where, f"a text that is not UTF-8 ({error})", error)
    some = [line.split(" ") for line in lines if line and not line.startswith("#version")]
    if bad := next((line for line in some if len(line) != 2), None):  # noqa: PLR2004 -- a pair
        _refuse(where, f"a line that is not a merge: {' '.join(bad)[:40]!r}")
    pairs = [(left, right) for left, right in some]
    how: Splitting = splitting.of_name(pattern or "gpt2", where=where)
    parts = Parts([*splitting.byte_characters()], pairs, [])
    return numbered("merges.txt", how, parts, where=where)
