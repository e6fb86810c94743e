"""Which format a file has, by its name; and the one place that calls the readers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, BinaryIO

from tasks.ingest import interpreter, jsonl, parquet, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.config import Format
    from schemas.manifest import InputFile
    from tasks.ingest.items import Fields, Record, Reject

COMPRESSED = (".gz", ".gzip", ".zst", ".zstd")
STRUCTURED: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
PROSE = (".txt", ".text", ".md", ".markdown", ".rst", ".tex")


def by_name(url: str) -> Format | None:
    """Format that a file's name tells, or None."""
    name = (url.partition("?")[0] if "://" in url else url).lower()
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    for suffix, found in STRUCTURED.items():
        if name.endswith(suffix):
            return found
    return "text" if name.endswith(PROSE) else None


def choose(
    files: Sequence[InputFile], wanted: Format
) -> tuple[list[InputFile], Format | None, list[InputFile]]:
    """Files to read, their one format, and the files passed over (to be stated, never silent).

    A named format takes every file. ``auto`` takes the structured files (JSON lines, Parquet) when
    there are any, because a README beside them is not data; otherwise the text files. Where both
    JSON lines and Parquet are present, the format of more files wins.
    """
    if wanted != "auto":
        return list(files), wanted, []
    found = {f.url: by_name(f.url) for f in files}
    kinds = Counter(k for k in found.values() if k is not None)
    structured = {k: n for k, n in kinds.items() if k != "text"}
    if not kinds:
        return [], None, list(files)
    best: Format = max(sorted(structured or kinds), key=lambda k: kinds[k])
    taken = [f for f in files if found[f.url] == best]
    return taken, best, [f for f in files if found[f.url] != best]


def read(
    stream: BinaryIO, *, kind: Format, fields: Fields, location: str
) -> Iterator[Record | Reject]:
    """Read one file's plain bytes in a format that ``choose`` named."""
    match kind:
        case "jsonl":
            return jsonl.read(stream, fields)
        case "parquet":
            return parquet.read(stream, fields)
        case "text":
            return text.read(stream)
        case _:
            return interpreter.read(stream, kind=kind, location=location)
