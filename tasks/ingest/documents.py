"""Records to the document table, in batches of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from schemas import columns as c
from schemas.tables import DOCUMENTS, REJECTS, conform
from tasks.hashing import doc_id
from tasks.ingest.items import Record, Reject
from tasks.ingest.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.config import Source

Item = TypeVar("Item")
Located = tuple[str, Item]
"""An item with the location it was read from."""
BATCH_ROWS = 2_048
BATCH_CHARS = 8_000_000


def batches(
    items: Iterable[tuple[str, Record | Reject]],
) -> Iterator[tuple[list[Located[Record]], list[Located[Reject]]]]:
    """Cut a stream of (location, item) into BATCH_ROWS items or about BATCH_CHARS."""
    records: list[Located[Record]] = []
    rejects: list[Located[Reject]] = []
    chars = 0
    for location, item in items:
        if isinstance(item, Reject):
            rejects.append((location, item))
        else:
            records.append((location, item))
            chars += len(item.text) + len(item.metadata or "")
        if len(records) + len(rejects) >= BATCH_ROWS or chars >= BATCH_CHARS:
            yield records, rejects
            records, rejects, chars = [], [], 0
    if records or rejects:
        yield records, rejects


def to_documents(located: list[Located[Record]], *, source: Source) -> pa.Table:
    """Return the document table of some records; the text normalised, the id from the raw text."""
    records = [record for _, record in located]
    columns = {
        c.DOC_ID: [doc_id(source.name, r.record_id, r.text) for r in records],
        c.SOURCE: [source.name] * len(records),
        c.RECORD_ID: [r.record_id for r in records],
        c.URL: [r.url for r in records],
        c.TEXT: [normalise(r.text) for r in records],
        c.MESSAGES: [r.messages for r in records],
        c.LICENSE: [r.license or source.license for r in records],
        c.OPT_OUT: [False] * len(records),
        c.LOCATION: [location for location, _ in located],
        c.POSITION: [r.position for r in records],
        c.METADATA: [r.metadata for r in records],
    }
    typed = {name: pa.array(v, DOCUMENTS.field(name).type) for name, v in columns.items()}
    return conform(pa.table(typed), DOCUMENTS)


def to_rejects(located: list[Located[Reject]]) -> pa.Table:
    """Return the reject table of some rejects."""
    columns = {
        c.LOCATION: [location for location, _ in located],
        c.POSITION: [r.position for _, r in located],
        c.REASON: [r.reason for _, r in located],
        c.EXCERPT: [r.excerpt for _, r in located],
    }
    return pa.table(columns, schema=REJECTS)
