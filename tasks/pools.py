"""How much of each source is to be read: what its sample asks for, or the pool of the replay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.errors import ConfigError
from tasks import sampling
from tasks.budget import BYTES_PER_TOKEN
from tasks.ingest import units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.config import Format, PoolConfig, Sample, Source
    from schemas.manifest import InputFile

    Found = Mapping[str, tuple[list[InputFile], Format]]


MOST_PACKED = 100
"""Bytes of text that one stored byte may stand for, at most."""


@dataclass(frozen=True)
class Bound:
    """Stored bytes to read of a source, and the wish that they come from."""

    n_bytes: float
    asked: dict[str, float]


@dataclass(frozen=True)
class _Packing:
    """How a source's records are packed, seen in its first ones: per stored byte."""

    text_bytes: float
    documents: float


class _Sources:
    """What is known of sources before they are read; each is looked into once, if at all."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self._seen: dict[str, _Packing | None] = {}

    def size(self, source: Source) -> int | None:
        """Stored bytes, where they are known."""
        return units.known_size(self.found[source.name][0])

    def packing(self, source: Source) -> _Packing | None:
        """What the first records of some file tell; None where none can be seen beforehand."""
        if source.name not in self._seen:
            files, kind = self.found[source.name]
            self._seen[source.name] = _packing(sampling.look(sampling.some(files), kind, source))
        return self._seen[source.name]


def _packing(seen: sampling.Look) -> _Packing | None:
    if not seen.records or not seen.n_bytes:
        return None
    return _Packing(seen.text_bytes / seen.n_bytes, len(seen.records) / seen.n_bytes)


def bounds(
    sources: Sequence[Source], found: Found, pool: PoolConfig | None, *, least_bytes: float
) -> dict[str, Bound]:
    """Return the bound of each source that has one.

    A source's own ``sample``, and for replay sources the pool, whichever is smaller; but a pool has
    ``least_bytes``, so that small sources, of which a part costs no less, are read whole. It counts
    the budget's tokens; where records name their source themselves nobody knows yet how many there
    are of each, and where sizes are unknown nothing can be reckoned: these have no pool.
    """
    known = _Sources(found)
    tokens = _pool_tokens(sources, known, pool)
    bounded: dict[str, Bound] = {}
    for source in sources:
        wishes = [] if source.sample is None else [_sample(source, source.sample, known)]
        wanted = tokens.get(source.name)
        if wanted is not None and _may_hold_more(known.size(source), wanted):
            packing = known.packing(source)
            if packing is not None and packing.text_bytes:
                n_bytes = BYTES_PER_TOKEN * wanted / packing.text_bytes
                wishes.append(Bound(max(n_bytes, least_bytes), {"pool_tokens": wanted}))
        if wishes:
            bounded[source.name] = min(wishes, key=lambda b: b.n_bytes)
    return bounded


def _may_hold_more(size: int | None, tokens: int) -> bool:
    """Whether a source could hold more than its pool: if not, no file has to be looked at."""
    return size is not None and BYTES_PER_TOKEN * tokens < size * MOST_PACKED


def _pool_tokens(
    sources: Sequence[Source], known: _Sources, pool: PoolConfig | None
) -> dict[str, int]:
    """Tokens in the pool of each replay source: the factor times its part of the budget."""
    if pool is None:
        return {}
    new = 0.0
    if pool.replay_tokens is None or pool.valid_per_new:
        for source in sources:
            if source.origin == "new":
                tokens = _tokens(source, known)
                if tokens is None:
                    return {}
                new += tokens
    train = pool.replay_tokens if pool.replay_tokens is not None else new * pool.replay_per_new
    budget = train + new * pool.valid_per_new
    return {
        s.name: math.ceil(pool.factor * budget * pool.shares[s.name])
        for s in sources
        if s.origin == "replay" and s.source_field is None and s.name in pool.shares
    }


def _tokens(source: Source, known: _Sources) -> float | None:
    """Tokens of a source, about."""
    size, packing = known.size(source), known.packing(source)
    if size is None or packing is None:
        return None
    everything = size * packing.text_bytes / BYTES_PER_TOKEN
    sample = source.sample
    if sample is None:
        return everything
    per_document = packing.text_bytes / packing.documents / BYTES_PER_TOKEN
    wanted = sample.tokens or everything * (sample.share or 1.0)
    if sample.documents is not None:
        wanted = sample.documents * per_document
    return min(everything, wanted)


def _sample(source: Source, sample: Sample, known: _Sources) -> Bound:
    if sample.share is not None:
        return Bound(sample.share * units.total(known.found[source.name][0]), _asked(sample))
    size = known.size(source)
    if size == 0:
        return Bound(0.0, _asked(sample))
    packing = known.packing(source)
    if packing is None or not packing.text_bytes or size is None:
        raise ConfigError(
            f"ingest.sources {source.name!r}.sample",
            got="documents or tokens of a source whose files tell neither size nor content "
            "beforehand",
            wanted="share",
            way_out="Write sample = { share = … } instead, or download the files first.",
        )
    if sample.documents is not None:
        return Bound(sample.documents / packing.documents, _asked(sample))
    return Bound(BYTES_PER_TOKEN * (sample.tokens or 0) / packing.text_bytes, _asked(sample))


def _asked(sample: Sample) -> dict[str, float]:
    return sample.model_dump(exclude={"seed"}, exclude_none=True)
