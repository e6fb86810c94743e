"""What is known of base models: what they were trained on, their tokenizers, their licences.

Each fact says where it stands, and whether it was read there.
"""

from __future__ import annotations

import difflib
import tomllib
from functools import cache
from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.shipped import names, shipped_text

CLOSE = 0.5
"""Likeness of names, 0 to 1, from which on one is offered for another."""
OFFERED = 3


class Fact(BaseModel):
    """One sentence, where it stands, and whether it was read there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    says: str = Field(min_length=1, description="The fact, as a sentence.")
    source: str = Field(min_length=1, description="Who says so, and where.")
    verified: bool = Field(description="Whether it was read there, or in a copy of it.")


class MixtureFact(Fact):
    """What a base was trained on."""

    status: Literal["published", "estimated", "unknown"] = Field(
        description="`published` by those who trained it, `estimated` by others, or `unknown`."
    )
    name: str | None = Field(default=None, description="A published mixture of `data/mixtures/`.")

    @model_validator(mode="after")
    def _unknown_has_no_name(self) -> Self:
        if self.status == "unknown" and self.name is not None:
            raise ValueError(f"a mixture that is unknown has no name, but {self.name!r} is given")
        return self


class TokenizerFact(Fact):
    """A base's tokenizer, and whether merges can be had that :mod:`tasks.replay.merges` reads."""

    kind: Literal["byte-level BPE", "SentencePiece BPE", "SentencePiece", "WordPiece"]
    merges: bool = Field(description="Whether it is a byte-pair encoding, whose merges tell.")
    own_text: bool | None = Field(
        default=None,
        description="Whether it was trained on text like the model's; not known without it.",
    )


class ContextFact(Fact):
    """How much text a base sees at once."""

    tokens: int = Field(ge=1)


class Base(BaseModel):
    """A family of base models that share what is said here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", description="The file's name.")
    title: str = Field(min_length=1, description="What people call it.")
    ids: tuple[str, ...] = Field(min_length=1, description="Base models: owner/name on the Hub.")
    chat_ids: tuple[str, ...] = Field(default=(), description="Chat models made of them.")
    aliases: tuple[str, ...] = Field(default=(), description="What else they are called.")
    model_types: tuple[str, ...] = Field(description="`model_type` of their config.json.")
    vocab_sizes: tuple[int, ...] = Field(description="`vocab_size` of their config.json.")
    mixture: MixtureFact
    tokenizer: TokenizerFact
    context: ContextFact
    license: Fact
    notes: tuple[str, ...] = Field(default=(), description="What else to mind.")


class Found(NamedTuple):
    """A base by a name: the family, and whether the name is that of a chat model."""

    base: Base
    chat: bool


@cache
def bases() -> tuple[Base, ...]:
    """Return all that are known, by name."""
    return tuple(Base.model_validate(tomllib.loads(shipped_text("models", n))) for n in _names())


def _names() -> list[str]:
    return names("models")


def find(name: str) -> Found | None:
    """Return the base of a name, an id or an alias, in whatever case; None for a stranger."""
    wanted = _plain(name)
    for base in bases():
        own = {_plain(n) for one in (base.name, *base.aliases, *base.ids) for n in _forms(one)}
        if wanted in own:
            return Found(base, chat=False)
        if wanted in {_plain(n) for one in base.chat_ids for n in _forms(one)}:
            return Found(base, chat=True)
    return None


def nearest(name: str) -> list[str]:
    """Return the known ids and names that are most like one, the likest first."""
    known = {
        _plain(form): one
        for base in bases()
        for one in (base.name, *base.ids, *base.chat_ids)
        for form in _forms(one)
    }
    close = difflib.get_close_matches(_plain(name), known, n=2 * OFFERED, cutoff=CLOSE)
    return list(dict.fromkeys(known[one] for one in close))[:OFFERED]


def alike(model_type: str | None, vocab_size: int | None) -> list[Base]:
    """Return the bases whose config.json may say so; none where it says nothing."""
    if model_type is None or vocab_size is None:
        return []
    return [b for b in bases() if model_type in b.model_types and vocab_size in b.vocab_sizes]


def _forms(one: str) -> tuple[str, ...]:
    """An id, and the same without its owner."""
    return (one, one.rpartition("/")[2])


def _plain(name: str) -> str:
    return name.strip().strip("/").lower().replace("_", "-").replace(" ", "-")
