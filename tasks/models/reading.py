"""Text that models are trained on: the recipe's sources, read as a run reads its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa

from schemas.errors import SourceError
from schemas.models import TrainingText
from tasks import hashing, inputs, ledger, progress, reading, storage
from tasks.signals.scores import judged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schemas.config import Source
    from schemas.manifest import Unit

STAGE: Final = "models"
MOST_REJECTED: Final = 0.25
"""Share of a source's records that cannot be read, at most: the default of ingest, too."""
SEEN_BYTES: Final = 120
"""Memory of the hash of a text that was read."""


class Part(NamedTuple):
    """Sources of one kind of text, and their units; ``where`` is what errors call it."""

    where: str
    name: str
    sources: tuple[tuple[Source, tuple[Unit, ...]], ...]

    @property
    def n_bytes(self) -> int:
        """Bytes of its files, as far as known."""
        return sum(u.size for _, units in self.sources for u in units)

    def keys(self) -> list[tuple[str, list[str]]]:
        """Return what tells its text apart: the units' keys."""
        return [(source.name, [u.key for u in units]) for source, units in self.sources]


def part(sources: Iterable[Source], where: str, name: str) -> Part:
    """List the files of some sources. Raises :class:`ConfigError` where one has none."""
    listed = ((s, inputs.units_of(s, f"{where} {name} {s.name!r}")) for s in sources)
    return Part(where, name, tuple((source, tuple(units)) for source, units in listed))


class Reader:
    """Reads parts, each text of one only the first time; ``read`` says what there was."""

    def __init__(self, out: str) -> None:
        self._scratch = storage.join(out, ledger.SCRATCH)
        self._seen: set[str] = set()
        self.read: dict[str, dict[str, TrainingText]] = {}

    @property
    def n_bytes(self) -> int:
        """Memory that is taken for the texts that were seen."""
        return len(self._seen) * SEEN_BYTES

    def texts(self, part: Part) -> Iterator[tuple[pa.ChunkedArray, list[str]]]:
        """Yield different texts and their hashes (hex), some at a time.

        Raises :class:`SourceError` for a source of which nothing can be read, or too little.
        """
        self._seen.clear()
        told = self.read.setdefault(part.name, {})
        for source, units in part.sources:
            counts = TrainingText()
            for unit in units:
                for documents, rejects in self._batches(unit, source):
                    texts = judged(documents)
                    hashes = hashing.text_hashes(texts)
                    new = self._new(hashes)
                    counts = counts.model_copy(
                        update={
                            "documents": counts.documents + len(texts),
                            "text_bytes": counts.text_bytes + _n_bytes(texts),
                            "repeated": counts.repeated + len(texts) - len(new),
                            "rejects": counts.rejects + rejects.num_rows,
                        }
                    )
                    yield texts.take(pa.array(new, pa.int64())), [hashes[i] for i in new]
                progress.advance(STAGE, documents=0, n_bytes=unit.size)
            records = counts.documents + counts.rejects
            if not counts.documents or counts.rejects > MOST_REJECTED * records:
                raise _unreadable(part, source, counts)
            told[source.name] = counts

    def _batches(self, unit: Unit, source: Source) -> Iterator[tuple[pa.Table, pa.Table]]:
        return reading.UnitReader(unit, source, scratch=self._scratch).batches()

    def _new(self, hashes: Sequence[str]) -> list[int]:
        """Return the places of hashes that were not there before."""
        found = []
        for i, value in enumerate(hashes):
            if value not in self._seen:
                self._seen.add(value)
                found.append(i)
        return found


def _n_bytes(texts: pa.ChunkedArray) -> int:
    from pyarrow import compute as pc

    return int(pc.sum(pc.binary_length(texts)).as_py() or 0)


def _unreadable(part: Part, source: Source, counts: TrainingText) -> SourceError:
    return SourceError(
        f"{part.where} {part.name} {source.name!r}",
        got=f"{counts.documents:,} documents, and {counts.rejects:,} records that cannot be read",
        wanted=f"text to train on, and at most {MOST_REJECTED:g} of the records bad",
        way_out="Correct its url, format or text_field.",
    )
