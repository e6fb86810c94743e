"""Which format a file has, by its name; and the one place that calls the readers."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Protocol

from tasks.ingest import (
    arrow,
    chat,
    interpreter,
    jsonl,
    markup,
    parquet,
    stackexchange,
    tabular,
    warc,
    wikiextractor,
)
from tasks.ingest.items import DamagedInput, Reject, excerpt
from tasks.ingest.unpack import archives
from tasks.ingest.unpack.encoding import utf8

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from schemas.config import Format
    from schemas.manifest import InputFile
    from tasks.ingest.items import Fields, Record

COMPRESSED = (".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz")
ARCHIVES = (".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst", ".zip")
ENDINGS: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".csv": "csv",
    ".tsv": "csv",
    ".warc": "warc",
    ".wet": "warc",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
}
DATA = ("jsonl", "parquet", "arrow", "warc")
ABOUT = ("dataset_info.json", "state.json", "dataset_dict.json")
"""What ``datasets`` saves beside its Arrow files: no data."""
PROSE = (
    *(".txt", ".text", ".md", ".markdown", ".rst", ".tex", ".latex", ".texi", ".org"),
    *(".adoc", ".asciidoc", ".roff", ".man"),
)
SECTION = re.compile(r"([1-9])(?:p|pm|x|ssl)?")
TRANSCODED = ("jsonl", "csv", "chat", "text", "markdown", "wikiextractor")
"""Formats whose readers want UTF-8. HTML, XML and web archives say themselves what they are in."""

READERS: dict[Format, Callable[[BinaryIO, Fields], Iterator[Record | Reject]]] = {
    "jsonl": jsonl.read,
    "parquet": parquet.read,
    "arrow": arrow.read,
    "text": partial(markup.read, syntax="text"),
    "markdown": partial(markup.read, syntax="text", front_matter=True),
    "html": partial(markup.read, syntax="html"),
    "csv": tabular.read,
    "chat": chat.read,
    "wikiextractor": wikiextractor.read,
    "warc": lambda stream, _: warc.read(stream),
    "stackexchange": stackexchange.read,
}
"""The reader of each format that a file's bytes alone are enough for."""


def by_name(url: str) -> Format | None:
    """Format that a file's name tells, or None."""
    name = _plain_name(url)
    for suffix, found in ENDINGS.items():
        if name.endswith(suffix):
            return found
    return "text" if name.endswith(PROSE) or _is_manual(name) else None


def _is_manual(name: str) -> bool:
    """Whether it is a manual page: ``tar.1``, ``man7/iso_8859-1.7``; not ``v1.2``, ``lib.so.6``."""
    path, _, section = name.rpartition(".")
    folder, _, page = path.rpartition("/")
    found = SECTION.fullmatch(section)
    if found is None or not page:
        return False
    last = re.split(r"[-_.]", page)[-1]
    is_version = last == "so" or last.removeprefix("v").isdecimal()
    return not is_version or folder.rpartition("/")[2] == f"man{found[1]}"


def is_archive(url: str) -> bool:
    """Whether a file's name tells an archive, whose members then tell the format."""
    return _plain_name(url).endswith(ARCHIVES)


def _plain_name(url: str) -> str:
    """The name in small letters, less what tells its compression."""
    name = (url.partition("?")[0] if "://" in url else url).lower()
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    return name


def choose(
    files: Sequence[InputFile],
    wanted: Format,
    members: Mapping[str, Sequence[str]] | None = None,
    sniffed: Mapping[str, Format | None] | None = None,
) -> tuple[list[InputFile], Format | None, list[InputFile]]:
    """Files to read, their one format, and the files passed over (to be stated, never silent).

    A named format takes every file. ``auto`` takes the data files (JSON lines, Parquet, Arrow, web
    archives) when there are any, because a README beside them is not data; otherwise text, HTML or
    CSV. Where several of these are present, the format of more files wins. ``members`` are the
    names in an archive, by its URL: they count like files, and an archive with one of the format
    is read. ``sniffed`` is what the content of files without a telling name tells, by their URL.
    """
    if wanted != "auto":
        return list(files), wanted, []
    inside = members or {}
    found = {f.url: _kinds(f.url, inside.get(f.url)) for f in files}
    found |= {url: [kind] for url, kind in (sniffed or {}).items() if kind is not None}
    if any("arrow" in kinds for kinds in found.values()):
        found |= {url: [] for url in found if url.rpartition("/")[2] in ABOUT}
    best = _most(k for kinds in found.values() for k in kinds)
    taken = [f for f in files if best in found[f.url]]
    return taken, best, [f for f in files if best not in found[f.url]]


def _kinds(url: str, members: Sequence[str] | None) -> list[Format]:
    """The formats that a file's name, or its members' names, tell."""
    if members is None:
        return [k for k in [by_name(url)] if k is not None]
    # Parquet is read from its end, and so from a file of its own.
    return [k for k in map(by_name, members) if k not in (None, "parquet")]


def _most(kinds: Iterable[Format]) -> Format | None:
    counts = Counter(kinds)
    best = {k: n for k, n in counts.items() if k in DATA} or counts
    return max(sorted(best), key=lambda k: counts[k], default=None)


class Seen(Protocol):
    """Where the members of archives are counted."""

    members: int
    passed_over: int


@dataclass(frozen=True)
class How:
    """How a source's files are read.

    ``by_name_only``, for ``auto``, passes over the members of an archive whose names do not tell
    ``kind``; a kind that the recipe names takes them all.
    """

    kind: Format
    fields: Fields
    encoding: str | None = None
    by_name_only: bool = False


def read_file(
    plain: BinaryIO,
    how: How,
    *,
    location: str,
    whole: Callable[[], BinaryIO] | None,
    seen: Seen,
) -> Iterator[tuple[str, Record | Reject]]:
    """Read one decompressed file, or each member of an archive, as items with their locations.

    Members are at ``location#name``, and ``seen`` counts them. ``whole`` gives the file as stored,
    seekable: ZIP archives need it. (Parquet is read from a file of its own, and not here.)
    """
    some = partial(read, kind=how.kind, fields=how.fields, encoding=how.encoding)
    if archives.kind_of(plain) is None:
        for item in some(plain, location=location):
            yield location, item
        return

    def wanted(name: str) -> bool:
        takes = not how.by_name_only or by_name(name) == how.kind
        seen.members += takes
        seen.passed_over += not takes
        return takes

    for member in archives.members(plain, whole, wanted=wanted):
        place = f"{location}#{member.name}" if member.name else location
        if member.problem is not None:
            why = member.problem
            yield place, Reject(1, why.reason, excerpt(why.detail))
        elif member.stream is not None:
            for item in some(member.stream, location=place):
                yield place, item


def read(
    stream: BinaryIO, *, kind: Format, fields: Fields, location: str, encoding: str | None = None
) -> Iterator[Record | Reject]:
    """Read one file's plain, buffered bytes in a format that ``choose`` named."""
    if kind not in READERS:
        yield from interpreter.read(stream, kind=kind, location=location)
        return
    if kind == "html":
        yield from markup.read(stream, fields, syntax="html", charset=encoding)
        return
    try:
        as_utf8 = utf8(stream, encoding) if kind in TRANSCODED else stream
    except DamagedInput as damage:
        yield Reject(1, damage.reason, excerpt(damage.detail))
        return
    yield from READERS[kind](as_utf8, fields)
