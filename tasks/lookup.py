"""Where in a run a document stands: its id, the beginning of it, or its record's own id.

Ids are hashes, so that each row group holds some of every beginning and no statistics rule one
out: a search reads the column ``doc_id`` of all shards, 17 bytes a document as stored, batch by
batch. Memory does not grow with the run.
"""

from __future__ import annotations

import heapq
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from schemas import columns as c
from schemas.errors import ConfigError
from tasks import ledger, storage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from schemas.manifest import RunManifest, Shard

ID_LENGTH: Final = 32
SHORTEST: Final = 8
"""Hex digits that a document can be asked for by: of 20,000,000 ids, two share them rarely."""
SHOWN: Final = 5
"""Documents that an error names."""
ROWS: Final = 1 << 16
_HEX = re.compile(f"[0-9a-f]{{{SHORTEST},{ID_LENGTH}}}")


class Row(NamedTuple):
    """A row of ``documents/``: the number of its shard among those of the run, and its own."""

    shard: int
    row: int
    doc_id: str


def shards_of(out: str, run: RunManifest) -> list[Shard]:
    """Shards of ``documents/``: those of the manifest or, while that is missing, all finished ones.

    A stage's manifest counts only where ``run.json`` names the stage.
    """
    if "ingest" in run.stages:
        return list(ledger.read(out, "ingest").shards)
    folder = ledger.folder(out, "ingest")
    names = [n for n in storage.list_names(folder) if n.endswith(".parquet")]
    found = [storage.read_shard(storage.join(folder, name)) for name in names]
    return [shard for shard in found if shard is not None]


def find(out: str, shards: list[Shard], asked: str) -> list[Row]:
    """Return the rows of the document that is asked for: more than one where its id came again.

    A whole ``doc_id`` counts as that where it is one. Raises :class:`ConfigError` where there is no
    such document, or several of that beginning or record's id; it names them, or what comes near.
    """
    wanted = asked.strip()
    as_id = wanted.lower() if _HEX.fullmatch(wanted.lower()) else None
    rows = []
    if as_id is not None and len(as_id) == ID_LENGTH:
        rows = find_ids(out, shards, [as_id])
    if not rows:
        rows = list(_matching(out, shards, wanted, as_id))
    if not rows:
        raise _missing(out, shards, wanted, as_id)
    if len({row.doc_id for row in rows}) > 1:
        raise _ambiguous(out, shards, wanted, rows)
    return rows


def find_ids(
    out: str, shards: list[Shard], ids: Collection[str], stage: str = "ingest"
) -> list[Row]:
    """Return the rows of a stage's shards with these ids, in order."""
    if not ids:
        return []
    wanted = pl.Series(sorted(set(ids))).implode()
    return [
        Row(number, start + row, doc_id)
        for number, start, batch in _batches(out, shards, [c.DOC_ID], stage)
        for row, doc_id in _rows(batch, pl.col(c.DOC_ID).is_in(wanted))
    ]


def _rows(batch: pl.DataFrame, wanted: pl.Expr) -> list[tuple[int, str]]:
    """Row in the batch and id of those that are wanted."""
    return batch.with_row_index(c.ROW).filter(wanted).select(c.ROW, c.DOC_ID).rows()


def _batches(
    out: str, shards: list[Shard], columns: list[str], stage: str = "ingest"
) -> Iterator[tuple[int, int, pl.DataFrame]]:
    """Some columns of all shards: number of the shard, first row, batch."""
    for number, shard in enumerate(shards):
        start = 0
        at = storage.join(ledger.folder(out, stage), shard.file)
        for batch in storage.read_batches(at, columns, rows=ROWS):
            yield number, start, pl.DataFrame(batch)
            start += batch.num_rows


def _matching(out: str, shards: list[Shard], wanted: str, as_id: str | None) -> Iterator[Row]:
    """Rows whose id begins like that, or whose record's own id it is."""
    for number, start, batch in _batches(out, shards, [c.DOC_ID, c.RECORD_ID]):
        found = pl.col(c.RECORD_ID) == wanted
        if as_id is not None:
            found |= pl.col(c.DOC_ID).str.starts_with(as_id)
        for row, doc_id in _rows(batch, found):
            yield Row(number, start + row, doc_id)


def _ambiguous(out: str, shards: list[Shard], wanted: str, rows: list[Row]) -> ConfigError:
    first = {row.doc_id: row for row in reversed(rows)}
    said = "; ".join(_named(out, shards, first[i]) for i in sorted(first)[:SHOWN])
    more = f"; and {len(first) - SHOWN:,} more" if len(first) > SHOWN else ""
    return ConfigError(
        repr(wanted[:80]),
        got=f"{len(first):,} documents of that id ({said}{more})",
        wanted="one",
        way_out="Ask for it by its doc_id, or more digits of it.",
    )


def _named(out: str, shards: list[Shard], row: Row) -> str:
    at = storage.join(ledger.folder(out, "ingest"), shards[row.shard].file)
    said = storage.read_row(at, row.row, [c.SOURCE, c.RECORD_ID])
    return f"{row.doc_id} of {said[c.SOURCE]}, record {said[c.RECORD_ID]}"


def _missing(out: str, shards: list[Shard], wanted: str, as_id: str | None) -> ConfigError:
    documents = sum(s.rows for s in shards)
    rejects, left_out = (sum(getattr(s, n) for s in shards) for n in ("rejects", "left_out"))
    near = _near(out, shards, wanted, as_id)
    way_out = f"Near it: {', '.join(near)}. " if near else ""
    if as_id is None and re.fullmatch("[0-9a-fA-F]+", wanted):
        way_out += f"The beginning of a doc_id needs {SHORTEST} digits. "
    way_out += f"Records that could not be read ({rejects:,}) have no id: see "
    way_out += f"{storage.join(out, ledger.REJECTS)}/*.parquet, with file, position and reason."
    way_out += f" A sample left {left_out:,} out." if left_out else ""
    return ConfigError(
        repr(wanted[:80]),
        got=f"an id that none of the {documents:,} documents of {out} has",
        wanted="a doc_id, its first digits, or a record's own id",
        way_out=way_out,
    )


def _near(out: str, shards: list[Shard], wanted: str, as_id: str | None) -> list[str]:
    """Ids that differ in few digits, the nearest first; then records' ids that it is a part of."""
    digits = as_id or (wanted.lower()[:ID_LENGTH] if len(wanted) >= SHORTEST else "")
    near: list[tuple[int, str]] = []
    records: list[tuple[int, str]] = []
    for _, _, batch in _batches(out, shards, [c.DOC_ID, c.RECORD_ID]):
        if digits:
            near = heapq.nsmallest(SHOWN, [*near, *_alike(batch[c.DOC_ID], digits)])
        if wanted:
            records = heapq.nsmallest(SHOWN, [*records, *_around(batch[c.RECORD_ID], wanted)])
    return ([doc_id for _, doc_id in near] + [repr(name[:80]) for _, name in records])[:SHOWN]


def _around(ids: pl.Series, part: str) -> list[tuple[int, str]]:
    """Records' ids with this in them, in any case: how much longer they are, and the id."""
    has = ids.str.to_lowercase().str.contains(part.lower(), literal=True)
    found = ids.filter(has).unique().to_list()
    return [(len(name) - len(part), name) for name in found]


def _alike(ids: pl.Series, digits: str) -> list[tuple[int, str]]:
    """Ids of which at least three digits in four are those asked for: how many are not, and id."""
    differ = pl.sum_horizontal(
        pl.col(c.DOC_ID).str.slice(i, 1) != digit for i, digit in enumerate(digits)
    )
    return (
        ids.to_frame()
        .select(differ.alias("differ"), c.DOC_ID)
        .filter(pl.col("differ") <= len(digits) // 4)
        .rows()
    )
