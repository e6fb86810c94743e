"""From a recipe's sources to units of work: what is listed, cut, sampled and refused.

The Prefect steps and the commands that only read both stand on this module.
"""

from __future__ import annotations

import glob
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from schemas.addresses import has_credentials
from schemas.config import PYTHON_FORMATS, IngestConfig
from schemas.errors import ConfigError
from schemas.manifest import Unit
from tasks import pools, sampling, storage
from tasks.ingest import formats, interpreter, parts, sniffing, units
from tasks.ingest.unpack import archives

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.config import Format, PoolConfig, Source
    from schemas.manifest import InputFile

QUESTIONS = 16
"""Servers asked at a time for a file's size and tag."""
SAMPLED_RANGE_BYTES = 32_000_000
"""Plain JSON lines are sampled in ranges of about so many bytes."""


@dataclass
class Listing:
    """Units of work, and what is to be stated of the way they were chosen."""

    units: list[Unit] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)
    samples: dict[str, dict[str, Any]] = field(default_factory=dict)


def list_units(ingest: IngestConfig, pool: PoolConfig | None = None) -> Listing:
    """List every source's files and cut them into units, sorted by key within a source.

    ``pool`` bounds what is read of replay sources. Raises :class:`ConfigError` naming the source
    when it has no file that can be read, or cannot be sampled as the recipe asks.
    """
    listing = Listing()
    found = {source.name: _chosen(source, listing) for source in ingest.sources}
    least = ingest.unit_mb * 1e6
    bounds = pools.bounds(ingest.sources, found, pool, least_bytes=least)
    for source in ingest.sources:
        taken = _taken(
            source,
            found[source.name],
            bounds.get(source.name),
            split_bytes=ingest.split_mb * 1e6,
            samples=listing.samples,
        )
        kind = found[source.name][1]
        listing.units += sorted(_units(source, kind, taken, ingest), key=lambda u: u.key)
    return listing


def units_of(source: Source, where: str) -> list[Unit]:
    """List one source's units. Raises :class:`ConfigError` as of the place that a user knows."""
    try:
        return list_units(IngestConfig(sources=(source,))).units
    except ConfigError as error:
        raise error.at(where) from error


def _chosen(source: Source, listing: Listing) -> tuple[list[InputFile], Format]:
    """A source's files and their format; notes the ones passed over."""
    files, wanted = _files(source), _format(source)
    members = {f.url: _members(f) for f in files if wanted == "auto" and formats.is_archive(f.url)}
    sniffed = {f.url: _sniffed(f, source) for f in files if wanted == "auto" and _is_unnamed(f)}
    files, kind, passed_over = formats.choose(files, wanted, members, sniffed)
    if wanted == "auto" and kind == "jsonl" and not members:
        local = [f for f in sampling.some(files) if not storage.is_remote(f.url)]
        kind = "chat" if [_sniffed(f, source) for f in local[:1]] == ["chat"] else kind
    if kind is None or not files:
        raise _no_files(source, passed_over)
    _check_named(source, passed_over)
    listing.passed_over += [f.url for f in passed_over]
    listing.formats[source.name] = kind
    return files, kind


def _is_unnamed(file: InputFile) -> bool:
    """Whether a local file's name tells nothing, so that it has to be looked into."""
    known = formats.by_name(file.url) is not None or formats.is_archive(file.url)
    return not known and not storage.is_remote(file.url)


def _sniffed(file: InputFile, source: Source) -> Format | None:
    head = storage.head(file, sniffing.HEAD_BYTES)
    return sniffing.sniff(head, text_field=source.text_field)


def _members(file: InputFile) -> list[str]:
    """Names of an archive's first members; none of a remote ZIP, which is read from its end."""
    if storage.is_remote(file.url):
        return archives.names(io.BytesIO(storage.head(file, archives.NAMES_BYTES)))
    with storage.peeked(file) as raw:
        return archives.names(raw.rewound())


def _taken(
    source: Source,
    found: tuple[list[InputFile], Format],
    bound: pools.Bound | None,
    *,
    split_bytes: float,
    samples: dict[str, dict[str, Any]],
) -> list[units.Taken]:
    """What is read of a source: all of it, or a sample; large files in parts."""
    files, kind = found
    if bound is not None:
        seed = 0 if source.sample is None else source.sample.seed
        cut = partial(_sampled_parts, kind=kind, source=source)
        taken = units.sampled(files, bound.n_bytes, seed=seed, parts=cut)
        if any(t.file.part or t.rate < 1.0 for t in taken) or len(taken) < len(files):
            samples[source.name] = _said(bound, files, taken)
            return taken
    return [units.Taken(p) for f in files for p in _parts(f, kind, source, at_most=split_bytes)]


def _said(bound: pools.Bound, files: list[InputFile], taken: list[units.Taken]) -> dict[str, Any]:
    return {
        "asked": bound.asked,
        "files": len(files),
        "bytes": units.known_size(files),
        "read_files": len({t.file.url for t in taken}),
        "read_parts": len(taken),
        "read_bytes": units.known_size([t.file for t in taken]),
        "last_part_rate": min((t.rate for t in taken), default=1.0),
        "depends_on": "how the source is cut into files and row groups: cut otherwise, other "
        "documents are taken",
    }


def _sampled_parts(file: InputFile, *, kind: Format, source: Source) -> list[InputFile]:
    at_most = 0.0 if kind == "parquet" else SAMPLED_RANGE_BYTES
    return _parts(file, kind, source, at_most=at_most)


def _parts(file: InputFile, kind: Format, source: Source, *, at_most: float) -> list[InputFile]:
    """A large local file in parts, where its format allows it."""
    if storage.is_remote(file.url) or source.attributes or (file.size or 0) <= at_most:
        return [file]
    if kind == "parquet":
        with storage.peeked(file) as raw:
            return parts.row_groups(file, raw.rewound(), at_most=at_most)
    plain = kind == "jsonl" and source.encoding is None
    if plain and parts.is_plain_json_lines(storage.head(file, parts.HEAD_BYTES)):
        return parts.ranges(file, at_most=at_most)
    return [file]


def _units(
    source: Source, kind: Format, taken: list[units.Taken], ingest: IngestConfig
) -> Iterator[Unit]:
    whole = [t.file for t in taken if t.rate == 1.0]
    groups = [(g, 1.0) for g in units.group(whole, unit_bytes=ingest.unit_mb * 1e6)]
    for files, rate in groups + [((t.file,), t.rate) for t in taken if t.rate < 1.0]:
        beside = tuple(_beside(source, f) for f in files) if source.attributes else ()
        unit = Unit(source=source.name, format=kind, files=files, rate=rate, beside=beside)
        yield units.keyed(unit, source)


def _beside(source: Source, file: InputFile) -> dict[str, InputFile]:
    """The files with attributes of one file's records, by the attributes' name."""
    where = f"{_where(source)}.attributes"
    before, mark, behind = file.url.rpartition("/documents/")
    if not mark:
        raise ConfigError(
            where,
            got=f"{file.url!r}, which lies in no folder documents/",
            wanted="Dolma's layout: attributes/<name>/… beside documents/…, file by file",
            way_out="Name the folder documents/ in url, or remove attributes.",
        )
    places = {name: f"{before}/attributes/{name}/{behind}" for name in source.attributes}
    try:
        return {name: storage.list_inputs(url, where=where)[0] for name, url in places.items()}
    except ConfigError as error:
        raise ConfigError(
            where,
            got=error.got,
            wanted=f"beside {file.url!r} a file of the same name in each attributes/<name>/",
            way_out="Put it there, or take the folder's name out of attributes.",
        ) from error


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
        got=f"{passed_over[0].url!r}, of which neither name nor content tells the format",
        wanted="names like .jsonl, .parquet or .txt (before .gz or .zst)",
        way_out='Name the format in the recipe, for example format = "jsonl"; unpack archives '
        "that hold Parquet.",
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
