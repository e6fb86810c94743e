"""Which format a file has, by its name; and the one place that calls the readers."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from tasks.ingest import (
    chat,
    interpreter,
    jsonl,
    markup,
    parquet,
    stackexchange,
    tabular,
    text,
    warc,
    wikiextractor,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schemas.config import Format
    from schemas.manifest import InputFile
    from tasks.ingest.items import Fields, Record, Reject

COMPRESSED = (".gz", ".gzip", ".zst", ".zstd")
ENDINGS: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".warc": "warc",
    ".wet": "warc",
    ".html": "html",
    ".htm": "html",
}
DATA = ("jsonl", "parquet", "warc")
PROSE = (".txt", ".text", ".md", ".markdown", ".rst", ".tex")

READERS: dict[Format, Callable[[BinaryIO, Fields], Iterator[Record | Reject]]] = {
    "jsonl": jsonl.read,
    "parquet": parquet.read,
    "text": lambda stream, _: text.read(stream),
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
    name = (url.partition("?")[0] if "://" in url else url).lower()
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    for suffix, found in ENDINGS.items():
        if name.endswith(suffix):
            return found
    return "text" if name.endswith(PROSE) else None


def choose(
    files: Sequence[InputFile], wanted: Format
) -> tuple[list[InputFile], Format | None, list[InputFile]]:
    """Files to read, their one format, and the files passed over (to be stated, never silent).

    A named format takes every file. ``auto`` takes the data files (JSON lines, Parquet, web
    archives) when there are any, because a README beside them is not data; otherwise text, HTML or
    CSV. Where several of these are present, the format of more files wins.
    """
    if wanted != "auto":
        return list(files), wanted, []
    found = {f.url: by_name(f.url) for f in files}
    kinds = Counter(k for k in found.values() if k is not None)
    data = {k: n for k, n in kinds.items() if k in DATA}
    if not kinds:
        return [], None, list(files)
    best: Format = max(sorted(data or kinds), key=lambda k: kinds[k])
    taken = [f for f in files if found[f.url] == best]
    return taken, best, [f for f in files if found[f.url] != best]


def read(
    stream: BinaryIO, *, kind: Format, fields: Fields, location: str
) -> Iterator[Record | Reject]:
    """Read one file's plain bytes in a format that ``choose`` named."""
    if kind in READERS:
        return READERS[kind](stream, fields)
    return interpreter.read(stream, kind=kind, location=location)
