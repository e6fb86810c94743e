"""Merge lists from the files that tokenizers are published as."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final, NoReturn

import orjson
from pydantic import ValidationError

from schemas.errors import ConfigError
from tasks.replay.merges import sentencepiece, splitting
from tasks.replay.merges.contents import TekkenFile, TokenizerFile
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
    name = "tokenizer.json" if isinstance(config.get("model"), dict) else "tekken.json"
    if name == "tekken.json" and not isinstance(config.get("vocab"), list):
        _refuse(where, f"JSON with the keys {', '.join(list(config)[:5]) or 'of nothing'}")
    try:
        if name == "tekken.json":
            tekken = TekkenFile.model_validate(config)
            return _tekken(tekken, where, pattern, most)
        kind = config["model"].get("type")
        if kind is not None and kind != "BPE":
            _refuse(where, f"a tokenizer.json of kind {kind}")
        return _tokenizer(TokenizerFile.model_validate(config), where, most)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"][:3]))
        _refuse(where, f"a {name} whose {place} is not as it should be ({first['msg']})", error)


def _tokenizer(file: TokenizerFile, where: str, most: int | None) -> MergeList:
    in_order, pairs = file.in_order(), file.model.pairs()
    if file.model.byte_fallback:
        return _converted(file, where, most)
    how = splitting.of_tokenizer(file, where=where)
    made = {how.product(left, right) for left, right in pairs}
    told = orjson.dumps([file.pre_tokenizer, file.normalizer])
    first = [*splitting.byte_characters()] if b'"ByteLevel"' in told else []
    first += [token for token in in_order if token not in made]
    if len(pairs) <= SAME_PRODUCT * len(made):
        return numbered("tokenizer.json", how, Parts(first, pairs, []), where=where)
    known = set(first)
    long = [token for token in in_order if token not in known][:most]
    parts = taken_apart([*(one for one in first if len(one) == 1), *long], how)
    return numbered("tokenizer.json", how, parts, where=where)


def _converted(file: TokenizerFile, where: str, most: int | None) -> MergeList:
    """Read a SentencePiece model that was converted: its vocabulary is in the order of training.

    What its training was told of words is not in the file; the tokens themselves show it.
    """
    fallback = re.compile(r"<0x[0-9A-F]{2}>")
    tokens = [token for token in file.in_order() if not fallback.fullmatch(token)]
    told = orjson.dumps([file.normalizer, file.pre_tokenizer])
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


def _tekken(file: TekkenFile, where: str, pattern: str | None, most: int | None) -> MergeList:
    return _ranks(file.tokens(), where, pattern or file.config.pattern, most, kind="tekken")


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
