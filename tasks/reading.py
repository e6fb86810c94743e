"""From a unit to documents: where storage meets the readers.

The Prefect steps and the commands that only read both stand on this module.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.manifest import ReadFile
from tasks import storage
from tasks.hashing import chance
from tasks.ingest import arrow, documents, fields, formats, parquet
from tasks.ingest.attributes import Attributes
from tasks.ingest.items import DamagedInput, Fields, Record, Reject, excerpt
from tasks.ingest.unpack.compression import decompressed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from schemas.config import Format, Source
    from schemas.manifest import InputFile, Unit

    Item = Record | Reject


class UnitReader:
    """Reads a unit as batches of documents and rejects; the counts then tell what was read.

    ``files`` holds what each file was, ``left_out`` how many records a sample did not take, and
    ``named`` the documents of each source that records name themselves.
    """

    def __init__(self, unit: Unit, source: Source, *, scratch: str) -> None:
        self._unit, self._source, self._scratch = unit, source, scratch
        self.files: list[ReadFile] = []
        self.left_out = 0
        self.named: Counter[str] = Counter()

    def batches(self) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Yield (documents, rejects) in batches of bounded size, across the unit's files."""
        repeated = frozenset(self._unit.repeated)
        for records, rejects in documents.batches(self._taken()):
            if self._source.source_field:
                self.named.update(r.source or self._source.name for _, r in records)
            table = documents.to_documents(records, source=self._source, repeated=repeated)
            yield table, documents.to_rejects(rejects)

    def _taken(self) -> Iterator[tuple[str, Item]]:
        """Every item, less the records that a sample leaves out."""
        sample = self._source.sample
        seed = 0 if sample is None else sample.seed
        for location, item in self._located():
            if self._unit.rate < 1.0 and isinstance(item, Record):
                own = documents.own_id(item, self._source)
                if chance(own, seed=seed, stage="sample") >= self._unit.rate:
                    self.left_out += 1
                    continue
            yield location, item

    def _located(self) -> Iterator[tuple[str, Item]]:
        """Every item of every file with its location; notes what each file held."""
        beside = self._unit.beside or ({},) * len(self._unit.files)
        for file, others in zip(self._unit.files, beside, strict=True):
            seen, count = Seen(), 0
            with contextlib.ExitStack() as stack:
                found, digest = self._items(file, seen, stack), None
                for location, item in self._with_attributes(found, others, stack):
                    count += 1
                    yield location, item
                if seen.raw is not None:
                    digest = seen.raw.finish()
            elsewhere = self._unit.format == "hub" or storage.is_remote(file.url)
            read = ReadFile(
                url=file.location,
                size=file.size,
                digest=digest,
                records=count,
                version=file.version if elsewhere else "",
                members=seen.members,
                passed_over=seen.passed_over,
            )
            self.files.append(read)

    def _items(
        self, file: InputFile, seen: Seen, stack: contextlib.ExitStack
    ) -> Iterator[tuple[str, Item]]:
        if self._unit.format == "hub":
            return ((file.location, item) for item in hub_items(file, self._source))
        seen.raw = stack.enter_context(storage.open_input(file, scratch=self._scratch))
        return located(seen.raw, file, self._unit.format, self._source, seen=seen)

    def _with_attributes(
        self,
        items: Iterator[tuple[str, Item]],
        others: dict[str, InputFile],
        stack: contextlib.ExitStack,
    ) -> Iterator[tuple[str, Item]]:
        if not others:
            return items
        opened = {
            name: stack.enter_context(storage.open_input(f, scratch=self._scratch))
            for name, f in others.items()
        }
        merged = Attributes({n: (others[n].url, raw) for n, raw in opened.items()})
        return (
            (location, item._replace(attributes=merged.of(item.record_id)))
            if isinstance(item, Record)
            else (location, item)
            for location, item in items
        )


@dataclass
class Seen:
    """What was noticed of a file while it was read."""

    raw: storage.Digesting | None = None
    members: int = 0
    passed_over: int = 0


def hub_items(file: InputFile, source: Source) -> Iterator[Item]:
    """Items of one shard of a dataset."""
    names, position = Fields.of(source), 0
    try:
        for position, row in enumerate(storage.hub.rows(file, source), start=1):
            yield fields.to_record(row, position, names)
    except storage.hub.BrokenShard as broken:
        yield Reject(position + 1, "broken_shard", excerpt(str(broken)))


def items(raw: storage.Digesting, file: InputFile, kind: Format, source: Source) -> Iterator[Item]:
    """Items of one open file."""
    return (item for _, item in located(raw, file, kind, source, seen=Seen()))


def located(
    raw: storage.Digesting, file: InputFile, kind: Format, source: Source, *, seen: Seen
) -> Iterator[tuple[str, Item]]:
    """Items of one open file with their locations: the file's, or a member's of an archive."""
    names, location = Fields.of(source), file.location
    if kind == "parquet":
        for item in parquet.read(raw.rewound(), names, file.part):
            yield location, item
        return
    if kind == "arrow" and arrow.is_file(whole := raw.rewound()):
        for item in arrow.read_whole(whole, names):
            yield location, item
        return
    try:
        plain = decompressed(raw)
    except DamagedInput as damage:
        yield location, Reject(1, damage.reason, excerpt(damage.detail))
        return
    by_name_only = source.format == "auto"
    how = formats.How(kind, names, encoding=source.encoding, by_name_only=by_name_only)
    yield from formats.read_file(plain, how, location=location, whole=raw.rewound, seen=seen)
