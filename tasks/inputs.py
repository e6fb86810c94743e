"""From a recipe's sources to units, and from a unit to documents: where storage meets the readers.

The Prefect steps and the commands that only read both stand on this module.
"""

from __future__ import annotations

import glob
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.config import PYTHON_FORMATS
from schemas.errors import ConfigError
from schemas.manifest import ReadFile
from schemas.sources import has_credentials
from tasks import storage
from tasks.ingest import documents, fields, formats, interpreter, units
from tasks.ingest.compression import decompressed
from tasks.ingest.items import DamagedInput, Fields, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from schemas.config import Format, IngestConfig, Source
    from schemas.manifest import InputFile, Unit
    from tasks.ingest.items import Record

QUESTIONS = 16
"""Servers asked at a time for a file's size and tag."""


@dataclass
class Listing:
    """Units of work, and the files that ``auto`` passed over."""

    units: list[Unit] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)


def list_units(ingest: IngestConfig) -> Listing:
    """List every source's files and cut them into units, sorted by key within a source.

    Raises :class:`ConfigError` naming the source when it has no file that can be read.
    """
    listing = Listing()
    for source in ingest.sources:
        files, kind, passed_over = formats.choose(_files(source), _format(source))
        if kind is None or not files:
            raise _no_files(source, passed_over)
        _check_named(source, passed_over)
        files = units.sampled(files, source.sample)
        groups = units.group(files, unit_bytes=ingest.unit_mb * 1e6)
        listing.units += sorted((units.unit(source, kind, g) for g in groups), key=lambda u: u.key)
        listing.passed_over += [f.url for f in passed_over]
        listing.formats[source.name] = kind
    return listing


def _check_named(source: Source, passed_over: list[InputFile]) -> None:
    """Refuse to pass over a file that the recipe names itself."""
    for file in passed_over:
        if file.url in source.url:
            raise ConfigError(
                _where(source),
                got=f"{file.url!r} beside files of another format",
                wanted="one format a source",
                way_out="Make it a source of its own, or name the format that all of them have.",
            )


def _no_files(source: Source, passed_over: list[InputFile]) -> ConfigError:
    if not passed_over:
        return ConfigError(
            _where(source),
            got="no file at all",
            wanted="one at least",
            way_out="Look into what it lists: its url_list may be empty.",
        )
    return ConfigError(
        _where(source),
        got=f"{passed_over[0].url!r}, whose name tells no format",
        wanted="names like .jsonl, .parquet or .txt (before .gz or .zst)",
        way_out='Name the format in the recipe, for example format = "jsonl".',
    )


def _where(source: Source) -> str:
    return f"ingest.sources {source.name!r}"


def _format(source: Source) -> Format:
    return "hub" if any(u.startswith("hf://") for u in source.url) else source.format


def _files(source: Source) -> list[InputFile]:
    where = _where(source)
    if source.format in PYTHON_FORMATS:
        return _interpreter_files(source.format, where)
    if _format(source) == "hub":
        return [f for url in source.url for f in storage.hub.list_shards(url, source)]
    # Servers are asked side by side: Dolma's list alone has thousands of addresses.
    urls = [*source.url, *_listed(source)]
    with ThreadPoolExecutor(QUESTIONS if any(map(storage.is_remote, urls)) else 1) as pool:
        asked = [pool.submit(storage.list_inputs, url, where=where) for url in urls]
        try:
            found = [f for future in asked for f in future.result()]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return list({f.url: f for f in found}.values())


def _listed(source: Source) -> list[str]:
    """Addresses in the source's ``url_list`` file; relative paths are seen from its folder."""
    if source.url_list is None:
        return []
    try:
        lines = storage.read_bytes(source.url_list).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{_where(source)}.url_list",
            got=f"{source.url_list!r}: {getattr(error, 'strerror', None) or error}",
            wanted="a text file on this machine, one url a line",
            way_out="Correct the path; a list on a server has to be downloaded first.",
        ) from error
    urls = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    if any(map(has_credentials, urls)):
        raise ConfigError(
            f"{_where(source)}.url_list",
            got="an address with a user name or password in it",
            wanted="addresses without, because they are written to every manifest",
            way_out="Download the files yourself and list their paths.",
        )
    return [u if "://" in u else storage.beside(source.url_list, u) for u in urls]


def _interpreter_files(kind: Format, where: str) -> list[InputFile]:
    found: dict[str, InputFile] = {}
    for pattern in interpreter.locations(kind):
        for path in glob.glob(pattern, recursive=True):  # noqa: PTH207  (names)
            if interpreter.wanted(path, kind) and path not in found:
                found[path] = storage.list_inputs(path, where=where)[0]
    return list(found.values())


class UnitReader:
    """Reads a unit as batches of documents and rejects; ``files`` then tells what was read."""

    def __init__(self, unit: Unit, source: Source, *, scratch: str) -> None:
        self._unit, self._source, self._scratch = unit, source, scratch
        self._fields = Fields.of(source)
        self.files: list[ReadFile] = []

    def batches(self) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Yield (documents, rejects) in batches of bounded size, across the unit's files."""
        for records, rejects in documents.batches(self._located()):
            yield (
                documents.to_documents(records, source=self._source),
                documents.to_rejects(rejects),
            )

    def _located(self) -> Iterator[tuple[str, Record | Reject]]:
        """Every item of every file with the file's location; notes what each file held."""
        for file in self._unit.files:
            count, digest = 0, None
            if self._unit.format == "hub":
                for item in self._hub_items(file):
                    count += 1
                    yield file.url, item
            else:
                with storage.open_input(file, scratch=self._scratch) as raw:
                    for item in self._file_items(file, raw):
                        count += 1
                        yield file.url, item
                    digest = raw.finish()
            self.files.append(ReadFile(url=file.url, size=file.size, digest=digest, records=count))

    def _hub_items(self, file: InputFile) -> Iterator[Record | Reject]:
        names, position = self._fields, 0
        try:
            for position, row in enumerate(storage.hub.rows(file, self._source), start=1):
                yield fields.to_record(row, position, names)
        except storage.hub.BrokenShard as broken:
            yield Reject(position + 1, "broken_shard", excerpt(str(broken)))

    def _file_items(self, file: InputFile, raw: storage.Digesting) -> Iterator[Record | Reject]:
        kind = self._unit.format
        if kind == "parquet":
            yield from formats.read(
                raw.rewound(), kind=kind, fields=self._fields, location=file.url
            )
            return
        try:
            plain = decompressed(raw)
        except DamagedInput as damage:
            yield Reject(1, damage.reason, excerpt(damage.detail))
            return
        yield from formats.read(plain, kind=kind, fields=self._fields, location=file.url)
