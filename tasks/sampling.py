"""A look at a source's first records, without reading more than that."""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from schemas.addresses import public
from tasks import reading, storage
from tasks.hashing import digest
from tasks.ingest import arrow, parquet
from tasks.ingest.items import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.config import Format, Source
    from schemas.manifest import InputFile
    from tasks.ingest.items import Reject

SAMPLE_BYTES = 1_000_000
SAMPLE_ROWS = 500
WHOLE = {"text", "markdown", "html", "python-readmes", "python-licenses", "python-reference",
         "python-docstrings", "python-source"}  # fmt: skip
"""Formats whose file is one text, or parsed as one: a cut would leave nothing to read."""
MOST_FILES = 64
STORED_PER_TEXT = 0.5
"""Bytes that one byte of text takes in a compressed file, about, where it cannot be measured."""


@dataclass(frozen=True)
class Look:
    """Some first records of a source, and the stored bytes that they stand for (0: unknown)."""

    records: list[Record]
    n_bytes: float

    @property
    def text_bytes(self) -> int:
        """Bytes of text in the records, in UTF-8."""
        return _text_bytes(self.records)


def some(files: Sequence[InputFile]) -> list[InputFile]:
    """A few files of a source, not the first by name, which are often unlike the others."""
    return sorted(files, key=lambda f: digest("look", public(f.url)))[:MOST_FILES]


def look(files: Sequence[InputFile], kind: Format, source: Source) -> Look:
    """Read records from the start of the files until they stand for SAMPLE_BYTES."""
    records: list[Record] = []
    consumed = 0.0
    for file in files:
        if consumed >= SAMPLE_BYTES or len(records) >= SAMPLE_ROWS:
            break
        found, n_bytes = _first(file, kind, source)
        records += found
        consumed += n_bytes
    return Look(records, consumed)


def _first(file: InputFile, kind: Format, source: Source) -> tuple[list[Record], float]:
    if kind == "hub":
        return _hub(file, source)
    if kind == "parquet" and storage.is_remote(file.url):
        return [], 0.0  # its footer lies at the end of what would have to be fetched
    if kind == "parquet":
        return _parquet(file, source)
    if kind == "arrow" and not storage.is_remote(file.url):
        return _arrow(file, source)
    if file.url.endswith(".zip") and not storage.is_remote(file.url):
        return _in_place(file, kind, source)
    body = storage.head(file, -1 if kind in WHOLE else SAMPLE_BYTES)
    raw = storage.Digesting(io.BytesIO(body), file.url, hashed=False)
    return _records(reading.items(raw, file, kind, source)), float(len(body))


def _in_place(file: InputFile, kind: Format, source: Source) -> tuple[list[Record], float]:
    """First records of a local ZIP archive, which is read from its end, or of packed Arrow."""
    found: list[Record] = []
    with storage.peeked(file) as raw:
        for item in reading.items(raw, file, kind, source):
            found += [item] if isinstance(item, Record) else []
            if raw.tell() >= SAMPLE_BYTES:
                break
        return found, float(min(raw.tell(), file.size or raw.tell()))


def _records(items: Iterator[Record | Reject]) -> list[Record]:
    """Records of a file's start; where it was cut, the last one is a reject and left out."""
    return [item for item in items if isinstance(item, Record)]


def _parquet(file: InputFile, source: Source) -> tuple[list[Record], float]:
    """First rows of a local Parquet file; its footer tells what part of the whole they are."""
    with storage.peeked(file) as raw:
        found = _records(islice(reading.items(raw, file, "parquet", source), SAMPLE_ROWS))
        total = parquet.rows(raw.rewound(), file.part)
    share = min(1.0, len(found) / max(1, total))
    return found, (file.n_bytes or 0) * share


def _arrow(file: InputFile, source: Source) -> tuple[list[Record], float]:
    """First rows of a local file of Arrow's; its first batch tells what part of it they are."""
    with storage.peeked(file) as raw:
        first = arrow.first_batch(raw.rewound())
    if first is None:
        return _in_place(file, "arrow", source)
    with storage.peeked(file) as raw:
        found = _records(islice(reading.items(raw, file, "arrow", source), SAMPLE_ROWS))
    rows, share = first
    return found, (file.n_bytes or 0) * min(1.0, share * len(found) / max(1, rows))


def _hub(file: InputFile, source: Source) -> tuple[list[Record], float]:
    """First rows of a Hub shard, whose size tells nothing of how its rows are packed."""
    found = _records(islice(reading.hub_items(file, source), SAMPLE_ROWS))
    return found, _text_bytes(found) * STORED_PER_TEXT


def _text_bytes(records: list[Record]) -> int:
    return sum(len(r.text.encode()) for r in records)
