"""Parts of kept documents that go: what other documents have too, noted down beside decisions.

``decisions/removed/<documents shard>`` holds rows of ``REMOVED``, for shards that lose anything;
the manifest of decisions names them. Whoever reads a kept document's text reads it without them.
Conversations lose nothing: they have no pieces (:mod:`tasks.signals.pieces`), and for an item of an
evaluation set they go as a whole (:mod:`tasks.eval_cuts`), so that turns say what the text says.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.errors import ManifestError
from schemas.manifest import Shard
from schemas.tables import REMOVED, conform
from tasks import ledger, storage
from tasks.hashing import table_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.manifest import StageManifest

FOLDER: Final = "removed"
DETAIL: Final = "removed"
WAY_OUT: Final = "Run the recipe again with the same --out: it decides again what is removed."


def write(removed: pl.DataFrame, documents: StageManifest, out: str) -> list[Shard]:
    """Write what is removed (``REMOVED``, by row through all shards), a file a shard."""
    written, start = [], 0
    for shard in documents.shards:
        first, last = np.searchsorted(removed[c.ROW].to_numpy(), [start, start + shard.rows])
        own = removed[first:last].with_columns(pl.col(c.ROW) - start)
        start += shard.rows
        if own.height:
            table = conform(own.to_arrow(), REMOVED)
            entry = Shard(
                file=f"{FOLDER}/{shard.file}", rows=own.height, digest=table_digest(table)
            )
            storage.write_table(_at(entry.file, out), table, REMOVED, shard=entry)
            written.append(entry)
    ledger.sweep(out, "select", {entry.file for entry in written}, below=FOLDER)
    return written


def detail(written: Sequence[Shard]) -> dict[str, Any]:
    """Return what the manifest says of files; nothing where there are none."""
    return {DETAIL: {entry.file: entry.digest for entry in written}} if written else {}


def counts(removed: pl.DataFrame) -> dict[str, dict[str, dict[str, int]]]:
    """Return how many parts and bytes go, by source and level.

    Reads ``source, level, start, end``; what is removed of nobody needs no columns.
    """
    found: dict[str, dict[str, dict[str, int]]] = {}
    if removed.is_empty():
        return found
    size = (pl.col(c.END) - pl.col(c.START)).sum()
    told = removed.group_by(c.SOURCE, c.LEVEL).agg(pl.len(), size.alias(c.N_BYTES))
    for source, level, parts, n_bytes in told.sort(c.SOURCE, c.LEVEL).iter_rows():
        found.setdefault(source, {})[level] = {"parts": parts, "bytes": n_bytes}
    return found


def files(out: str) -> dict[str, str]:
    """Return the digests of the files that the decisions in force have, by name."""
    return _files(out, storage.stamp(storage.join(ledger.folder(out, "select"), ledger.MANIFEST)))


@lru_cache(maxsize=8)
def _files(out: str, _stamp: tuple[int, ...] | None) -> dict[str, str]:
    """Read them once: asked for each shard, a manifest of all shards would cost their square."""
    found: dict[str, str] = ledger.read(out, "select").details.get(DETAIL, {})
    return found


def key(shard: str, out: str) -> list[str]:
    """Return what belongs into the key of whatever is made of a shard's kept texts."""
    found = files(out).get(f"{FOLDER}/{shard}")
    return [] if found is None else [found]


def of_shard(shard: str, out: str) -> pl.DataFrame | None:
    """Return what the documents of a shard lose; None where they lose nothing."""
    file = f"{FOLDER}/{shard}"
    wanted = files(out).get(file)
    if wanted is None:
        return None
    at = _at(file, out)
    table = storage.read_table(at)
    if (found := table_digest(table)) != wanted:
        raise ManifestError(
            at, got=f"rows of digest {found[:12]}", wanted=wanted[:12], way_out=WAY_OUT
        )
    return pl.DataFrame(table)


def subtracted(frame: pl.DataFrame, shard: str, out: str) -> pl.DataFrame:
    """Return the documents of a shard with ``n_bytes`` as they are kept."""
    removed = of_shard(shard, out)
    if removed is None:
        return frame
    lost = sizes(removed, frame.height)
    return frame.with_columns(pl.col(c.N_BYTES) - lost)


def sizes(removed: pl.DataFrame, rows: int) -> pl.Series:
    """Return the bytes that each of so many rows loses (``removed_bytes``)."""
    lost = np.zeros(rows, np.int64)
    np.add.at(lost, removed[c.ROW].to_numpy(), (removed[c.END] - removed[c.START]).to_numpy())
    return pl.Series(c.REMOVED_BYTES, lost)


def cut(table: pa.Table, rows: Sequence[int], removed: pl.DataFrame | None) -> pa.Table:
    """Return documents, which are so many rows of their shard, with ``text`` as it is kept."""
    if removed is None or c.TEXT not in table.column_names:
        return table
    some = removed.filter(pl.col(c.ROW).is_in(list(rows)))
    if some.is_empty():
        return table
    texts = table.column(c.TEXT).to_pylist()
    places = {row: i for i, row in enumerate(rows)}
    for (row,), spans in some.partition_by(c.ROW, as_dict=True, maintain_order=True).items():
        place = places[row]
        texts[place] = left(texts[place], spans)
    where = table.schema.get_field_index(c.TEXT)
    field = table.schema.field(where)
    return table.set_column(where, field, pa.chunked_array([pa.array(texts, field.type)]))


def left(text: str, spans: pl.DataFrame) -> str:
    """Return a text without what ``spans`` (``start, end``) say of it."""
    body, at, parts = text.encode(), 0, []
    for start, end in spans.select(c.START, c.END).iter_rows():
        parts.append(body[at:start])
        at = end
    return b"".join([*parts, body[at:]]).decode()


def _at(file: str, out: str) -> str:
    return storage.join(ledger.folder(out, "select"), file)
