"""Where in a mixture a document stands: rows, or pieces of packed rows, in every epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from schemas import columns as c
from schemas.tracing import Placed
from tasks import ledger, storage
from tasks.mixture import SPLIT_NAMES, TRAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.manifest import Shard

ROWS = 1 << 14
READ = (c.DOC_ID, c.POSITION, c.EPOCH, c.TOKENS, c.START, c.END, c.TOKEN_START, c.ENDS)
"""Of these, what a mixture has."""
OF_DOCUMENT = (c.TOKENS, c.START, c.END, c.TOKEN_START, c.ENDS)
"""In a packed row lists, a value a piece."""


def placed(out: str, shards: Sequence[Shard], doc_id: str) -> list[Placed]:
    """Return all places of a document, in training order: training first.

    Reads the ids of all rows, in batches, and no more than the rows that have it.
    """
    found = [one for shard in shards for one in _of_shard(out, shard, doc_id)]
    return sorted(found, key=lambda p: (p.split != SPLIT_NAMES[TRAIN], p.position, p.piece or 0))


def _of_shard(out: str, shard: Shard, doc_id: str) -> Iterator[Placed]:
    at = storage.join(ledger.folder(out, "mixture"), shard.file)
    columns: list[str] = []
    start = 0
    for batch in storage.read_batches(at, [c.DOC_ID], rows=ROWS):
        ids = pl.Series(batch.column(c.DOC_ID))
        has = ids.list.contains(doc_id) if ids.dtype == pl.List else ids == doc_id
        for row in has.arg_true().to_list():
            columns = columns or [n for n in storage.read_footer(at).schema.names if n in READ]
            said = storage.read_row(at, start + row, columns)
            yield from _of_row(said, shard, start + row, doc_id)
        start += batch.num_rows


def _of_row(said: dict[str, Any], shard: Shard, row: int, doc_id: str) -> Iterator[Placed]:
    own = {
        "split": shard.file.partition("/")[0],
        "shard": storage.join(ledger.FOLDERS["mixture"], shard.file),
        "digest": shard.digest,
        "row": row,
        c.POSITION: said[c.POSITION],
        c.EPOCH: said.get(c.EPOCH, 0),
    }
    if not isinstance(said[c.DOC_ID], list):
        yield Placed(**own, **{n: said.get(n) for n in (c.TOKENS, c.START, c.END)})
        return
    first = 0
    for piece, one in enumerate(said[c.DOC_ID]):
        told = {n: said[n][piece] for n in OF_DOCUMENT if n in said}
        last = first + told[c.TOKENS] + bool(told.get(c.ENDS))
        if one == doc_id:
            yield Placed(**own, **told, piece=piece, first=first, last=last)
        first = last
