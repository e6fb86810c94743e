"""Records to the document table, in batches of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from schemas import columns as c
from schemas.tables import DOCUMENTS, REJECTS, conform
from tasks.hashing import doc_id
from tasks.ingest.items import Record, Reject
from tasks.ingest.normalise import normalise_texts
from tasks.ingest.normalise.front_matter import with_front_matter
from tasks.licenses import spdx

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


def own_id(record: Record, source: Source) -> str:
    """A record's ``doc_id``: of the source it names or came from, and its own id or raw text."""
    return doc_id(record.source or source.name, record.record_id, record.text)


def to_documents(
    located: list[Located[Record]], *, source: Source, repeated: frozenset[str] = frozenset()
) -> pa.Table:
    """Return the document table of some records; the text normalised, the id from the raw text.

    ``repeated`` are boilerplate lines, which the texts lose.
    """
    records = [record for _, record in located]
    texts = normalise_texts([r.text for r in records], source.normalise, repeated)
    front = texts.front_matter
    columns = {
        c.DOC_ID: [own_id(r, source) for r in records],
        c.SOURCE: [r.source or source.name for r in records],
        c.RECORD_ID: [r.record_id for r in records],
        c.URL: [r.url for r in records],
        c.TEXT: texts.text,
        c.MESSAGES: [r.messages for r in records],
        c.LICENSE: [spdx(r.license or source.license or "") or None for r in records],
        c.OPT_OUT: [r.opt_out for r in records],
        c.LOCATION: [location for location, _ in located],
        c.POSITION: [r.position for r in records],
        c.METADATA: [
            with_front_matter(r.metadata, front.get(i, ())) for i, r in enumerate(records)
        ],
        c.CHANGES: texts.changes,
        c.ATTRIBUTES: [r.attributes for r in records],
    }
    typed = {
        name: v if isinstance(v, pa.Array) else pa.array(v, DOCUMENTS.field(name).type)
        for name, v in columns.items()
    }
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
