"""What tokenizer.json and tekken.json hold, as far as it is read here."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Base64Bytes, BaseModel, Field, StringConstraints

Pair = Annotated[str, StringConstraints(pattern=r"^\S+ \S+$")] | tuple[str, str]


class Bpe(BaseModel):
    """A tokenizer.json's model: tokens with their numbers, merges in order."""

    vocab: dict[str, int]
    merges: list[Pair] = Field(min_length=1)
    continuing_subword_prefix: str | None = None
    end_of_word_suffix: str | None = None
    byte_fallback: bool | None = None

    def pairs(self) -> list[tuple[str, str]]:
        """Return the merges, which older files write as one string."""
        split = [one.split(" ") if isinstance(one, str) else one for one in self.merges]
        return [(left, right) for left, right in split]


class Added(BaseModel):
    """A token that no merge makes."""

    content: str


class TokenizerFile(BaseModel):
    """A tokenizer.json."""

    model: Bpe
    added_tokens: list[Added] | None = None
    normalizer: dict[str, Any] | None = None
    pre_tokenizer: dict[str, Any] | None = None

    def in_order(self) -> list[str]:
        """Return the tokens by their numbers, without those that were added."""
        added = {one.content for one in self.added_tokens or []}
        vocab = self.model.vocab
        return [token for token in sorted(vocab, key=vocab.__getitem__) if token not in added]


class Ranked(BaseModel):
    """A token of a tekken.json."""

    rank: int
    token_bytes: Base64Bytes


class Told(BaseModel):
    """A tekken.json's settings."""

    pattern: str | None = None
    default_vocab_size: int | None = None
    default_num_special_tokens: int = 0


class TekkenFile(BaseModel):
    """A tekken.json. It lists more tokens than the tokenizer uses."""

    vocab: list[Ranked] = Field(min_length=1)
    config: Told = Told()

    def tokens(self) -> list[bytes]:
        """Return the tokens that are used, by rank; special ones would come on top of them."""
        told, rows = self.config, sorted(self.vocab, key=lambda one: one.rank)
        used = [one.token_bytes for one in rows if one.token_bytes]
        if told.default_vocab_size is None:
            return used
        return used[: max(0, told.default_vocab_size - told.default_num_special_tokens)]
