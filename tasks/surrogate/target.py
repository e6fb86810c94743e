"""The text that a replay shard is to be like: read, and dealt out to drawing and to judging."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.certificate import Provenance
from schemas.errors import ConfigError
from schemas.manifest import Frozen
from tasks import hashing
from tasks.models import reading
from tasks.replay import generations, packed, passages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from schemas.replay import TargetConfig, Unit
    from tasks.models.reading import Part
    from tasks.replay.packed import Packed
    from tasks.replay.sides import Ints

VERSION: Final = "target-1"
WHERE: Final = "replay.target"
LEAST_DOCUMENTS: Final = 20
"""Documents that drawing goes by: of fewer, n-grams and kinds of text are those of a few texts."""


class Guide(NamedTuple):
    """Passages that drawing goes by, as :class:`tasks.replay.sides.Side` has them, and bytes."""

    texts: pa.ChunkedArray
    counts: Packed
    keys: NDArray[np.uint64]
    documents: Ints
    n_bytes: Ints
    whole: bool


class Target(Frozen):
    """Texts of both parts, each text once, in the order of their hashes (hex).

    ``read`` counts what there was, ``provenance`` says what it is to the original. It is laid by
    until the shard is drawn, so that its files are read once.
    """

    guide: list[str]
    held_out: list[str]
    digest: str
    read: dict[str, int]
    provenance: Provenance


class Own(NamedTuple):
    """A target that has text: where from, the texts, and what drawing goes by."""

    config: TargetConfig
    texts: Target
    guide: Guide


def part(config: TargetConfig) -> Part:
    """List the target's files. Raises :class:`ConfigError` where there are none."""
    return reading.part([config.source()], WHERE, config.by)


def read(config: TargetConfig, out: str, *, seed: int) -> Target:
    """Read the target's text, up to its limit by seeded hash, and deal it out.

    Raises :class:`SourceError` where nothing can be read, :class:`ConfigError` for too few texts.
    """
    reader, own = reading.Reader(out), part(config)
    some = _Some(round(config.max_mb * 1e6))
    dropped = dict.fromkeys(generations.DROPS, 0)
    for texts, hashes in reader.texts(own):
        for text, name in zip(texts.to_pylist(), hashes, strict=True):
            if config.generations and (why := generations.drop(text)) is not None:
                dropped[why] += 1
                continue
            some.add(hashing.chance(name, seed=seed, stage="target"), name, text)
    taken, dealt = some.taken(), (list[str](), list[str]())
    for name, text in taken:
        away = hashing.chance(name, seed=seed, stage="held-out target") < config.held_out
        dealt[away].append(text)
    counts = reader.read[config.by]["target"].model_dump()
    counts |= {f"dropped_{why}": n for why, n in dropped.items() if n}
    counts |= {"taken": len(taken), "guide": len(dealt[0]), "held_out": len(dealt[1])}
    _check(config, len(dealt[0]))
    digest = hashing.digest(VERSION, [name for name, _ in taken])
    return Target(
        guide=dealt[0],
        held_out=dealt[1],
        digest=digest,
        read=counts,
        provenance="generations" if config.generations else "sample",
    )


class _Some:
    """Texts of the smallest chances, as many as have room; the same in whatever order they come."""

    def __init__(self, room: int) -> None:
        self._room, self._held = room, 0
        self._texts: list[tuple[float, str, str]] = []
        self._limit = (1.0, "")

    def add(self, chance: float, name: str, text: str) -> None:
        if (chance, name) > self._limit:  # one before it had no room: nor has what is behind it
            return
        heapq.heappush(self._texts, (-chance, name, text))
        self._held += len(text.encode())
        while self._held > self._room and len(self._texts) > 1:
            last, name, text = heapq.heappop(self._texts)
            self._limit = min(self._limit, (-last, name))
            self._held -= len(text.encode())

    def taken(self) -> list[tuple[str, str]]:
        """Return names and texts, in the order of their names."""
        return sorted((name, text) for _, name, text in self._texts if text.strip())


def _check(config: TargetConfig, documents: int) -> None:
    if documents < LEAST_DOCUMENTS:
        raise ConfigError(
            f"{WHERE}.{config.by}",
            got=f"{documents} different texts for drawing, beside those held out",
            wanted=f"{LEAST_DOCUMENTS} or more: of fewer nobody can tell what they are like",
            way_out="Give more of it; or, without any, draw by shares (replay.shares or "
            "replay.like).",
        )


def guide(texts: Sequence[str], unit: Unit) -> Guide:
    """Measure the part that drawing goes by."""
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    whole = unit == "documents"
    cut = passages.whole(column) if whole else passages.cut(column)
    names = [hashing.text_hash(text) for text in texts]
    keys = passages.keys(names, cut)
    n_bytes = pc.binary_length(cut.texts).to_numpy().astype(np.int64)
    return Guide(cut.texts, packed.of(cut.texts), keys, cut.documents, n_bytes, whole)
