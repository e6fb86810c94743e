"""The tokenizer that budgets are counted in: loaded, trained, used for exact counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import ConfigError
from tasks.hashing import text_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tokenizers import Encoding, Tokenizer

END_OF_TEXT = "<|endoftext|>"
BATCH_CHARS, BATCH_TEXTS = 1_000_000, 256


def load(body: bytes, *, where: str) -> Tokenizer:
    """Return the tokenizer of a ``tokenizer.json``'s bytes. Raises :class:`ConfigError`.

    Truncation and padding, which such a file may ask for, are off: a text has as many tokens as it
    has.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(body)
        tokenizer.no_truncation()
        tokenizer.no_padding()
    except Exception as error:  # the library raises bare Exception for whatever is wrong
        raise ConfigError(
            where,
            got=next(iter(str(error).splitlines()), type(error).__name__),
            wanted="a tokenizer.json of the Hugging Face tokenizers library",
            way_out="Give the path of the model's tokenizer.json, or train_vocab_size.",
        ) from error
    return tokenizer


def digest(tokenizer: Tokenizer) -> str:
    """Hex xxh3_128 of the tokenizer's canonical JSON."""
    return text_hash(tokenizer.to_str())


def train(texts: Iterable[str], *, vocab_size: int) -> bytes:
    """Train a byte-level BPE and return its ``tokenizer.json``.

    The result does not depend on the order of the texts (merges follow pair counts, ties the pairs
    themselves). The alphabet is all 256 bytes, so every text can be encoded.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.to_str(pretty=True).encode()


def count(tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    """Number of tokens of each text, without special tokens around it.

    Texts go to the library a few at a time: what it holds of a token until the batch is done takes
    a hundred times the memory of the token. Raises :class:`ConfigError` for a tokenizer that has no
    token for what a text holds.
    """
    return [len(e) for some in _batches(texts) for e in _encoded(tokenizer, some)]


def ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each text, without special tokens around it. Raises as :func:`count`."""
    return [list(e.ids) for some in _batches(texts) for e in _encoded(tokenizer, some)]


def _encoded(tokenizer: Tokenizer, texts: list[str]) -> list[Encoding]:
    try:
        return tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    except Exception as error:  # as in load()
        raise ConfigError(
            "tokenizer",
            got=f"one that cannot encode a text: {next(iter(str(error).splitlines()), '')}",
            wanted="a token for every text, or one for what is unknown",
            way_out="Mend its tokenizer.json (a Unigram model needs an unk_id), or take another.",
        ) from error


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if sum(map(len, batch)) > BATCH_CHARS or len(batch) == BATCH_TEXTS:
            yield batch
            batch = []
    if batch:
        yield batch
