r"""How a tokenizer splits text into words, written in the symbols that its merges are made of.

**Byte-level**: a byte is written as one character (the 256 of GPT-2), and words are UTF-8.
**Characters**: a symbol begins as a character; a space may be written "▁".

Rank files do not say how text was split. The patterns of :data:`PATTERNS` are those that tiktoken
(openai_public.py) names; :func:`likeliest` takes the one under which the fewest of the tokens
themselves fall apart, since no token is made across words.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenizers import Tokenizer
    from tokenizers.normalizers import Normalizer
    from tokenizers.pre_tokenizers import PreTokenizer

    from tasks.replay.merges.contents import TokenizerFile

SPACE: Final = "▁"
PATTERNS: Final = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "cl100k": r"(?i:'(?:[sdmt]|ll|ve|re))|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
DIGITS: Final = re.compile(r"[0-9０-９]|[^0-9０-９]+")  # noqa: RUF001 -- they are digits too
LOOKED_AT: Final = 20_000
"""Tokens that the choice of a pattern goes by: the first ones, as far as the list goes."""


class Splitting(NamedTuple):
    """How words are made. All that is None, empty or 0 is not done.

    ``lines``: a line is a text of its own, with a space before it where ``starts`` says so
    (SentencePiece). ``spaced``: a space is written "▁" after all, and stands at the front of a
    token or alone in it. ``by_script``, ``single_digits``: words end where the script changes, and
    a digit is a word. ``prefix``, ``suffix``: what the symbols inside a word begin with, or its
    last one ends with. ``longest``: characters of a token.
    """

    name: str
    normalizer: Normalizer | None = None
    splitter: PreTokenizer | None = None
    lines: bool = False
    starts: bool = False
    spaced: bool = False
    by_script: bool = False
    single_digits: bool = False
    prefix: str = ""
    suffix: str = ""
    longest: int = 0

    def words(self, text: str) -> list[str]:
        """Return the words of a text, in order."""
        if not self.lines:
            return self._split(text)
        start = " " if self.starts else ""
        return [word for line in text.split("\n") if line for word in self._split(start + line)]

    def _split(self, text: str) -> list[str]:
        if self.normalizer is not None:
            text = self.normalizer.normalize_str(text)
        words = [text]
        if self.splitter is not None:
            words = [word for word, _ in self.splitter.pre_tokenize_str(text)]
        if self.by_script or self.single_digits:
            how = self.by_script, self.single_digits
            words = [part for word in words for part in _within(word, *how)]
        return [word.replace(" ", SPACE) for word in words] if self.spaced else words

    def symbols(self, word: str) -> list[str]:
        """Return the symbols that a word begins as."""
        if not self.prefix and not self.suffix:
            return list(word)
        some = [self.prefix + character for character in word]
        some[0] = some[0].removeprefix(self.prefix)
        some[-1] += self.suffix
        return some

    def product(self, left: str, right: str) -> str:
        """Return the token that two symbols make."""
        return left + right.removeprefix(self.prefix)

    def allows(self, left: str, right: str) -> bool:
        """Tell whether the training could have joined two symbols."""
        token = self.product(left, right)
        if self.longest and len(token) > self.longest:
            return False
        return not self.spaced or SPACE not in token[1:] or not token.strip(SPACE)


def of_pattern(pattern: str, *, name: str = "pattern", where: str = "") -> Splitting:
    """Return a byte-level splitting by a regular expression. ConfigError for one that is none."""
    from tokenizers import Regex, pre_tokenizers

    try:
        split = pre_tokenizers.Split(Regex(pattern), "isolated")
    except Exception as error:  # the library raises bare Exception
        raise ConfigError(
            where,
            got=f"the pattern {pattern[:60]!r} ({error})",
            wanted="a regular expression that splits text into words",
            way_out=f"Give one of {', '.join(PATTERNS)}, or mend the expression.",
        ) from error
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return Splitting(name, splitter=pre_tokenizers.Sequence([split, as_bytes]))


def of_name(name: str, *, where: str = "") -> Splitting:
    """Return the splitting of a name of :data:`PATTERNS`, or of any pattern."""
    if name in PATTERNS:
        return of_pattern(PATTERNS[name], name=name)
    return of_pattern(name, where=where)


def likeliest(tokens: Sequence[bytes]) -> Splitting:
    """Return that of :data:`PATTERNS` under which the fewest tokens fall apart."""
    texts: list[str] = []
    for token in tokens[:LOOKED_AT]:
        try:
            texts.append(token.decode())
        except UnicodeDecodeError:
            continue
    choices = [of_name(name) for name in PATTERNS]
    return min(choices, key=lambda choice: sum(len(choice.words(text)) > 1 for text in texts))


def of_tokenizer(file: TokenizerFile, *, where: str) -> Splitting:
    """Return the splitting of a ``tokenizer.json``. ConfigError where it is damaged."""
    tokenizer = _bare(file, where)
    return Splitting(
        "tokenizer.json",
        tokenizer.normalizer,
        tokenizer.pre_tokenizer,
        prefix=file.model.continuing_subword_prefix or "",
        suffix=file.model.end_of_word_suffix or "",
    )


def _bare(file: TokenizerFile, where: str) -> Tokenizer:
    """Return a tokenizer that normalises and splits as another one, and knows no token."""
    from tokenizers import Tokenizer

    same = {"normalizer": file.normalizer, "pre_tokenizer": file.pre_tokenizer}
    nothing = dict.fromkeys(("truncation", "padding", "post_processor", "decoder"))
    model = {"type": "BPE", "vocab": {}, "merges": []}
    body: dict[str, object] = {
        "version": "1.0",
        "added_tokens": [],
        **nothing,
        **same,
        "model": model,
    }
    try:
        return Tokenizer.from_buffer(orjson.dumps(body))
    except Exception as error:  # the library raises bare Exception for whatever is wrong
        raise ConfigError(
            where,
            got=f"a normalizer or pre-tokenizer that cannot be read ({error})",
            wanted="a tokenizer.json of the Hugging Face tokenizers library",
            way_out="Give the file as the model's makers publish it.",
        ) from error


class Lines(NamedTuple):
    """What SentencePiece's training may be told of words (sentencepiece_model.proto)."""

    starts: bool = True
    """A space is put before each line (add_dummy_prefix)."""
    squeezes: bool = True
    """Runs of spaces are one, and none ends a line (remove_extra_whitespaces)."""
    by_space: bool = True
    by_script: bool = True
    single_digits: bool = False
    only_spaces: bool = False
    """Tokens of nothing but spaces are allowed (allow_whitespace_only_pieces)."""
    longest: int = 16
    charsmap: bytes = b""
    """Its table of normalisation; none for "identity"."""


def of_lines(lines: Lines) -> Splitting:
    """Return SentencePiece's splitting of lines.

    There a token may not hold two scripts, nor a space behind its front; words are split where
    every token would break such a rule, and :meth:`Splitting.allows` knows the others.
    """
    from tokenizers import Regex, normalizers, pre_tokenizers

    before: list[Normalizer] = []
    if lines.charsmap:
        before.append(normalizers.Precompiled(lines.charsmap))
    if lines.squeezes:
        before += [
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Strip(left=not lines.starts),
        ]
    pattern = " +[^ ]*|[^ ]+" if lines.only_spaces else " ?[^ ]+| "
    return Splitting(
        "SentencePiece",
        normalizers.Sequence(before) if before else None,
        pre_tokenizers.Split(Regex(pattern), "isolated") if lines.by_space else None,
        lines=True,
        starts=lines.starts,
        spaced=True,
        by_script=lines.by_script,
        single_digits=lines.single_digits,
        longest=lines.longest,
    )


@lru_cache(1 << 17)
def _within(word: str, by_script: bool, single_digits: bool) -> tuple[str, ...]:  # noqa: FBT001
    """Split a word where the script changes, and around digits; spaces belong to what follows."""
    bare = word.lstrip(" ")
    parts = [part for part, _ in _scripts().pre_tokenize_str(bare)] if by_script else [bare]
    parts = [word[: len(word) - len(bare)] + "".join(parts[:1]), *parts[1:]]
    if single_digits:
        parts = [one for part in parts for one in DIGITS.findall(part)]
    return tuple(parts)


@cache
def _scripts() -> PreTokenizer:
    """Return the splitting by script that SentencePiece has; it drops spaces at the front."""
    from tokenizers import pre_tokenizers

    return pre_tokenizers.UnicodeScripts()


@cache
def byte_characters() -> tuple[str, ...]:
    """Return the character that stands for each byte.

    Those that print in Latin-1 stand for themselves, the others are moved behind 255 in order
    (GPT-2's encoder.py).
    """
    prints = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = (byte for byte in range(256) if byte not in prints)
    places = {byte: byte for byte in prints} | {byte: 256 + i for i, byte in enumerate(moved)}
    return tuple(chr(places[byte]) for byte in range(256))


def written(token: bytes) -> str:
    """Return bytes in the characters that stand for them."""
    characters = byte_characters()
    return "".join(characters[byte] for byte in token)
