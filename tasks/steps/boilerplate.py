"""Steps before ingest, for sources that ask for it: which lines stand on most of their pages.

A read of its own. What was found lies in ``boilerplate/``, where people can look at it, and is
part of the key of the source's shards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from schemas import columns as c
from schemas.manifest import Frozen, Unit
from schemas.sources import Source  # noqa: TC001  (Prefect reads the annotations)
from tasks import ledger, progress, reading, storage
from tasks.hashing import digest
from tasks.ingest import units
from tasks.ingest.normalise import boilerplate
from tasks.steps.policy import step

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = "boilerplate-1"


class Repeated(Frozen):
    """What was found of a source: lines, and the documents that they were looked for in."""

    source: str
    share: float
    documents_sampled: int
    lines: tuple[str, ...]


@step
def sample_lines(unit: Unit, source: Source, out: str) -> str:
    """Read a unit for the lines of its sampled documents; return where they lie."""
    at = storage.join(out, ledger.SCRATCH, f"lines-{digest(VERSION, unit.key)}.json")
    if not storage.exists(at):
        reader = reading.UnitReader(unit, source, scratch=storage.join(out, ledger.SCRATCH))
        sample = boilerplate.LineSample()
        for documents, _ in reader.batches():
            ids, texts = (documents.column(n).to_pylist() for n in (c.DOC_ID, c.TEXT))
            sample = boilerplate.sampled(sample, ids, texts, seed=0)
        storage.write_bytes(at, orjson.dumps(sample.entries))
    progress.advance("boilerplate", documents=0, n_bytes=unit.size)
    return at


@step
def find_repeated(source: Source, of: list[Unit], samples: list[str], out: str) -> list[Unit]:
    """Merge the samples of a source; return its units, keyed anew by the lines they will lose."""
    at = _place(source, of, out)
    share = 1.0 if source.normalise is None else source.normalise.boilerplate or 1.0
    if not storage.exists(at):
        merged = _merged(samples)
        found = Repeated(
            source=source.name,
            share=share,
            documents_sampled=len(merged.entries),
            lines=boilerplate.repeated(merged, share),
        )
        storage.write_model(at, found)
    for sample in samples:
        storage.remove(sample)
    lines = storage.read_model(at, Repeated).lines
    return [units.keyed(u.model_copy(update={"repeated": lines}), source) for u in of]


def is_found(source: Source, of: list[Unit], out: str) -> bool:
    """Whether an earlier run has read these very units for their lines."""
    return storage.exists(_place(source, of, out))


def _place(source: Source, of: list[Unit], out: str) -> str:
    key = digest(VERSION, source.normalise, [u.key for u in of])
    return storage.join(out, ledger.BOILERPLATE, f"{key}.json")


def _merged(samples: Iterable[str]) -> boilerplate.LineSample:
    merged = boilerplate.LineSample()
    for at in samples:
        entries = tuple(
            (h, own, tuple(lines)) for h, own, lines in orjson.loads(storage.read_bytes(at))
        )
        merged = merged.merged(boilerplate.LineSample(entries))
    return merged
