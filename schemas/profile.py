"""What is known of a distribution of text: a **target profile**, and how each part of it is known.

``published``: its makers print it. ``sampled``: counted in a sample of it. ``inferred``: concluded
from something else, such as a tokenizer or a model's own text. ``unknown``: not known, or nobody
says how.
"""

from __future__ import annotations

import base64
import math
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from schemas.manifest import Frozen

Provenance = Literal["published", "sampled", "inferred", "unknown"]
Kind = Literal["pretrain", "chat"]
VERSION: Final = 1
SLACK: Final = 1e-6
"""What shares may be off 1 in all."""
FLOAT_BYTES: Final = 4


class Share(Frozen):
    """A share, and the interval that it is thought to lie in; none where none is known."""

    share: float = Field(ge=0.0, le=1.0 + SLACK)
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("one end of an interval: give both, or none")
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise ValueError(f"an interval from {self.low:g} to {self.high:g}: turn it round")
        return self


class Part(Frozen):
    """A part of a profile.

    ``basis`` says where it is from: a citation, what was read, or why it is not known. ``n_eff`` is
    the effective number of documents that were counted. ``level``: how often intervals made this
    way are to hold.
    """

    provenance: Provenance
    basis: str = Field(min_length=1)
    n_eff: float | None = None
    level: float | None = None

    @model_validator(mode="after")
    def _is_what_it_says(self) -> Self:
        if self.provenance == "sampled" and self.n_eff is None:
            raise ValueError("a sampled part without n_eff: say how many documents it rests on")
        if self.provenance in {"published", "unknown"} and self.level is not None:
            raise ValueError(f"intervals of a part that is {self.provenance}: leave them out")
        return self


class Shares(Part):
    """Shares by name, with ``other``, which is in none of them: 1 in all, or none at all."""

    unit: Literal["tokens", "bytes"] = "tokens"
    shares: dict[str, Share] = Field(default_factory=dict)
    other: Share | None = None

    @model_validator(mode="after")
    def _make_a_whole(self) -> Self:
        every = [*self.shares.values(), *filter(None, [self.other])]
        total = math.fsum(one.share for one in every)
        if every and abs(total - 1.0) > SLACK:
            raise ValueError(f"shares of {total:g} in all: wanted 1, with `other` for the rest")
        if self.level is None and any(one.low is not None for one in every):
            raise ValueError("intervals without a level: say how often they are to hold")
        return self

    def plain(self) -> dict[str, float]:
        """Return the shares by name, without intervals and without ``other``."""
        return {name: one.share for name, one in self.shares.items()}


class Quantiles(Frozen):
    """Of a length: what so many of the rows are up to, and the interval of each."""

    values: tuple[float, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None


class Lengths(Part):
    """How long rows are: quantiles at ``levels`` of their tokens and of their characters.

    ``rows`` says what a row is. ``cut``: the share of rows that end because whoever made them
    stopped, so that their lengths are no lengths of texts.
    """

    rows: str = ""
    levels: tuple[float, ...] = ()
    tokens: Quantiles | None = None
    characters: Quantiles | None = None
    cut: float = Field(default=0.0, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        for some in filter(None, [self.tokens, self.characters]):
            sizes = {len(part) for part in (some.values, some.low, some.high) if part is not None}
            if sizes != {len(self.levels)}:
                raise ValueError(f"{len(self.levels)} levels: wanted one value for each")
        return self


class NGrams(Part):
    """The mean of hashed n-grams: the share of each bucket in all n-grams of up to ``width`` words.

    ``hashing`` names how they are hashed (:data:`tasks.ngrams.VERSION`), ``counted`` says how many
    there were; ``mean`` is base64 of a little-endian float32 a bucket.
    """

    width: int = 2
    buckets: int = 10_000
    hashing: str = ""
    counted: int = Field(default=0, ge=0)
    mean: str | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if self.mean is not None:
            size = len(base64.b64decode(self.mean, validate=True))
            if size != FLOAT_BYTES * self.buckets:
                raise ValueError(f"{size} bytes of a mean: wanted {FLOAT_BYTES} for each bucket")
        return self


class Profile(Frozen):
    """A distribution of text as far as it is known; lies in a run as ``replay/target.json``.

    ``title`` says of what. ``strata`` are shares of kinds of text that a pool and a target were
    parted into together, and mean nothing without these.
    """

    version: int = VERSION
    kind: Kind
    title: str = Field(min_length=1)
    sources: Shares
    languages: Shares
    lengths: Lengths
    ngrams: NGrams
    strata: Shares
    notes: tuple[str, ...] = ()

    def parts(self) -> dict[str, Part]:
        """Return the parts by name."""
        return {
            "sources": self.sources,
            "languages": self.languages,
            "lengths": self.lengths,
            "n-grams": self.ngrams,
            "strata": self.strata,
        }
