"""Records to the document table, in batches of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pyarrow as pa

from schemas import columns as c
from schemas.tables import DOCUMENTS, REJECTS, conform
from tasks.hashing import doc_id
from tasks.ingest.items import Record, Reject
from tasks.ingest.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.config import Source

BATCH_ROWS = 2_048
BATCH_CHARS = 8_000_000


def batches(items: Iterable[Record | Reject]) -> Iterator[tuple[list[Record], list[Reject]]]:
    """Cut a stream of items into lists of at most BATCH_ROWS items and about BATCH_CHARS of text."""
    records: list[Record] = []
    rejects: list[Reject] = []
    chars = 0
    for item in items:
        if isinstance(item, Reject):
            rejects.append(item)
        else:
            records.append(item)
            chars += len(item.text)
        if len(records) + len(rejects) >= BATCH_ROWS or chars >= BATCH_CHARS:
            yield records, rejects
            records, rejects, chars = [], [], 0
    if records or rejects:
        yield records, rejects


def to_documents(records: list[Record], *, source: Source, location: str) -> pa.Table:
    """Return the document table of some records; the text normalised, the id from the raw text."""
    columns = {
        c.DOC_ID: [doc_id(source.name, r.record_id, r.text) for r in records],
        c.SOURCE: [source.name] * len(records),
        c.RECORD_ID: [r.record_id for r in records],
        c.URL: [r.url for r in records],
        c.TEXT: pa.array([normalise(r.text) for r in records], pa.large_string()),
        c.LICENSE: [r.license or source.license for r in records],
        c.OPT_OUT: [False] * len(records),
        c.LOCATION: [location] * len(records),
        c.POSITION: [r.position for r in records],
        c.METADATA: [_json(r) for r in records],
    }
    return conform(pa.table({k: _typed(k, v) for k, v in columns.items()}), DOCUMENTS)


def to_rejects(rejects: list[Reject], *, location: str) -> pa.Table:
    """Return the reject table of some rejects."""
    columns = {
        c.LOCATION: [location] * len(rejects),
        c.POSITION: [r.position for r in rejects],
        c.REASON: [r.reason for r in rejects],
        c.EXCERPT: [r.excerpt for r in rejects],
    }
    return pa.table(columns, schema=REJECTS)


def _typed(name: str, values: object) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, DOCUMENTS.field(name).type)


def _json(record: Record) -> str | None:
    if not record.metadata:
        return None
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(record.metadata, default=repr, option=options).decode()
