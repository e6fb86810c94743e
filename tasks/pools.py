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


def bounds(
    sources: Sequence[Source], found: Found, pool: PoolConfig | None, *, least_bytes: float
) -> dict[str, Bound]:
    """Return the bound of each source that has one.

    A source's own ``sample``, and for replay sources the pool, whichever is smaller; but a pool has
    ``least_bytes``, so that small sources, of which a part costs no less, are read whole. It counts
    the budget's tokens; where records name their source themselves nobody knows yet how many there
    are of each, and where sizes are unknown nothing can be reckoned: these have no pool.
    """
    tokens = _pool_tokens(sources, found, pool)
    bounded: dict[str, Bound] = {}
    for source in sources:
        files, kind = found[source.name]
        wishes = [] if source.sample is None else [_sample(source, source.sample, files, kind)]
        wanted = tokens.get(source.name)
        if wanted is not None and _may_hold_more(files, wanted):
            packing = _packing(source, files, kind)
            if packing is not None and packing.text_bytes:
                n_bytes = BYTES_PER_TOKEN * wanted / packing.text_bytes
                wishes.append(Bound(max(n_bytes, least_bytes), {"pool_tokens": wanted}))
        if wishes:
            bounded[source.name] = min(wishes, key=lambda b: b.n_bytes)
    return bounded


def _may_hold_more(files: list[InputFile], tokens: int) -> bool:
    """Whether a source could hold more than its pool: if not, no file has to be looked at."""
    size = _size(files)
    return size is not None and BYTES_PER_TOKEN * tokens < size * MOST_PACKED


def _pool_tokens(
    sources: Sequence[Source], found: Found, pool: PoolConfig | None
) -> dict[str, int]:
    """Tokens in the pool of each replay source: the factor times its part of the budget."""
    if pool is None:
        return {}
    new = 0.0
    if pool.replay_tokens is None or pool.valid_per_new:
        for source in sources:
            if source.origin == "new":
                tokens = _tokens(source, *found[source.name])
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


def _tokens(source: Source, files: list[InputFile], kind: Format) -> float | None:
    """Tokens of a source, about."""
    size, packing = _size(files), _packing(source, files, kind)
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


def _sample(source: Source, sample: Sample, files: list[InputFile], kind: Format) -> Bound:
    if sample.share is not None:
        return Bound(sample.share * units.total(files), {"share": sample.share})
    packing = _packing(source, files, kind)
    if _size(files) == 0:
        return Bound(0.0, sample.model_dump(include={"documents", "tokens"}, exclude_none=True))
    if packing is None or not packing.text_bytes or _size(files) is None:
        raise ConfigError(
            f"ingest.sources {source.name!r}.sample",
            got="documents or tokens of a source whose files tell neither size nor content "
            "beforehand",
            wanted="share",
            way_out="Write sample = { share = … } instead, or download the files first.",
        )
    if sample.documents is not None:
        return Bound(sample.documents / packing.documents, {"documents": sample.documents})
    tokens = sample.tokens or 0
    return Bound(BYTES_PER_TOKEN * tokens / packing.text_bytes, {"tokens": tokens})


def _size(files: list[InputFile]) -> int | None:
    sizes = [f.n_bytes for f in files]
    return None if None in sizes else sum(n or 0 for n in sizes)


def _packing(source: Source, files: list[InputFile], kind: Format) -> _Packing | None:
    """What the first records of some file tell; None where none can be seen beforehand."""
    seen = sampling.look(sampling.some(files), kind, source)
    if not seen.records or not seen.n_bytes:
        return None
    return _Packing(seen.text_bytes / seen.n_bytes, len(seen.records) / seen.n_bytes)
