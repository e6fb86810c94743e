"""Tokenizers of the Hugging Face library: ``tokenizer.json``; and one trained on texts."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from tasks.hashing import text_hash
from tasks.tokens.tokenizer import Located, Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable

    import tokenizers
    from numpy.typing import NDArray

END_OF_TEXT: Final = "<|endoftext|>"


class HuggingFace(Tokenizer):
    """A ``tokenizer.json``.

    Truncation and padding, which such a file may ask for, are off: a text has as many tokens as it
    has. Its digest is xxh3_128 of its canonical JSON.
    """

    kind = "tokenizers"

    def __init__(self, body: bytes) -> None:
        """Raise whatever the library raises for what is none."""
        from tokenizers import Tokenizer as Library

        self.library: tokenizers.Tokenizer = Library.from_buffer(body)
        self.library.no_truncation()
        self.library.no_padding()
        self.digest = text_hash(self.library.to_str())
        # No part of the file: names of special tokens in a text are text.
        self.library.encode_special_tokens = True

    @cached_property
    def size(self) -> int:  # type: ignore[override]
        """Above every id: ids may have gaps."""
        ids = self.library.get_vocab(with_added_tokens=True).values()
        return max(self.library.get_vocab_size(), max(ids, default=-1) + 1)

    @cached_property
    def _recognising(self) -> tokenizers.Tokenizer:
        """The same, with special tokens recognised, and places that are not trimmed.

        A post-processor adds special tokens, which nobody asks for, and takes spaces off places.
        """
        from tokenizers import Tokenizer as Library

        library: tokenizers.Tokenizer = Library.from_str(self.library.to_str())
        library.post_processor = None
        return library

    def id_of(self, name: str) -> int | None:
        """Return the id of a token by its name; None where it has none of this name."""
        found: int | None = self.library.token_to_id(name)
        return found

    def name_of(self, number: int) -> str | None:
        """Return the name of a token; None where there is none of this id."""
        found: str | None = self.library.id_to_token(number)
        return found

    def special(self) -> list[str]:
        """Return the names of special tokens, in the order of their ids."""
        added = self.library.get_added_tokens_decoder()
        return [token.content for _, token in sorted(added.items()) if token.special]

    def places(self, text: str) -> NDArray[np.int64]:
        """Return where each token of a plain text begins, in code points."""
        found = self.library.encode(text, add_special_tokens=False)
        return np.array(found.offsets, np.int64).reshape(-1, 2)[:, 0]

    def _encode(self, texts: list[str]) -> list[NDArray[np.int32]]:
        found = self.library.encode_batch_fast(texts, add_special_tokens=False)
        return [np.array(one.ids, np.int32) for one in found]

    def _locate(self, texts: list[str]) -> list[Located]:
        found = self._recognising.encode_batch(texts, add_special_tokens=False)
        places = [np.array(one.offsets, np.int64).reshape(-1, 2) for one in found]
        return [
            Located(np.array(one.ids, np.int32), own[:, 0], own[:, 1])
            for one, own in zip(found, places, strict=True)
        ]


def train(texts: Iterable[str], *, vocab_size: int) -> bytes:
    """Train a byte-level BPE and return its ``tokenizer.json``.

    The result does not depend on the order of the texts (merges follow pair counts, ties the pairs
    themselves). The alphabet is all 256 bytes, so every text can be encoded.
    """
    from tokenizers import Tokenizer as Library
    from tokenizers import decoders, models, pre_tokenizers, trainers

    tokenizer = Library(models.BPE())
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
