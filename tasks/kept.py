"""The kept documents of a run as one narrow frame, and their text as it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas import columns as c
from schemas.masking import MASKS
from tasks import budget, counted, guarded, ledger, raw, removal, storage
from tasks.hashing import digest, seeded
from tasks.masking import mask_all
from tasks.signals import pii

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from schemas.manifest import Shard
    from schemas.masking import MaskingConfig


def load(
    out: str,
    *,
    seed: int,
    encoder_digest: str | None = None,
    masking: MaskingConfig | None = None,
) -> pl.DataFrame:
    """Return the kept documents as one frame, with the columns that budgets and draws use.

    ``doc_id, source, recipe_source, split, n_bytes, shard, row, priority, tokens,
    supervised_tokens, kind, start, end``. ``source`` is ``recipe_source`` unless the records name
    their source themselves. ``n_bytes`` are without what was removed of the text. ``shard`` and
    ``row`` say where in ``documents/`` the text stands; ``priority`` is a seeded hash of the id;
    ``tokens``, ``supervised_tokens`` and ``kind`` hold what was counted before by that encoder of
    the text so masked, else null. What it refused is not among them, nor what the
    guard leaves out. ``start`` and ``end`` are
    null: no document is cut yet.
    """
    documents, signals = ledger.read(out, "ingest"), ledger.read(out, "signals")
    parts = [
        _shard(
            out,
            left,
            right,
            encoder_digest and counted_by(out, left.file, encoder_digest, masking),
        )
        for left, right in zip(documents.shards, signals.shards, strict=True)
    ]
    frame, none = guarded.without(pl.concat(parts), out), pl.lit(None, pl.Int64)
    return frame.with_columns(
        pl.Series(budget.PRIORITY, seeded(frame[c.DOC_ID], seed=seed, stage="draw")),
        none.alias(c.START),
        none.alias(c.END),
    )


def _shard(out: str, documents: Shard, signals: Shard, key: str | None) -> pl.DataFrame:
    def narrow(stage: str, file: str, names: list[str]) -> pl.DataFrame:
        table = storage.read_table(storage.join(ledger.folder(out, stage), file), names)
        return pl.DataFrame(pl.from_arrow(table))

    frame = pl.concat(
        [
            narrow("select", documents.file, [c.DOC_ID, c.KEEP, c.SPLIT]),
            narrow("ingest", documents.file, [c.SOURCE]),
            narrow("signals", signals.file, [c.N_BYTES]),
        ],
        how="horizontal",
    )
    frame = frame.with_row_index(c.ROW).with_columns(
        pl.col(c.ROW).cast(pl.Int64),
        pl.lit(documents.file).alias(c.SHARD),
        pl.lit(documents.source).alias(c.RECIPE_SOURCE),
    )
    frame = removal.subtracted(frame, documents.file, out)
    counts = counted.read(out, documents.file, key)
    found = frame.filter(c.KEEP).drop(c.KEEP).join(counts, on=c.ROW, how="left")
    return found.filter(pl.col(c.REASON).is_null()).drop(c.REASON)


def text_hashes(out: str, frame: pl.DataFrame) -> list[str]:
    """Return what tells documents' texts: an id may come again with another one.

    Their hashes, and what belongs in a key of what is removed of them; sorted.
    """
    found: list[str] = []
    documents, signals = ledger.read(out, "ingest"), ledger.read(out, "signals")
    for left, right in zip(documents.shards, signals.shards, strict=True):
        rows = frame.filter(pl.col(c.SHARD) == left.file)[c.ROW].to_list()
        if rows:
            at = storage.join(ledger.folder(out, "signals"), right.file)
            hashes = storage.read_table(at, [c.TEXT_HASH]).column(0)
            found += hashes.take(pa.array(rows)).to_pylist() + removal.key(left.file, out)
    return sorted(found)


def counted_by(out: str, shard: str, encoder_digest: str, masking: MaskingConfig | None) -> str:
    """Return what counts of kept documents depend on beside what was read."""
    changed = mask_key(masking) + removal.key(shard, out)
    return digest(encoder_digest, *changed) if changed else encoder_digest


def rows_of(
    out: str,
    shard: str,
    rows: Sequence[int],
    *,
    columns: Sequence[str] | None = None,
    masking: MaskingConfig | None = None,
) -> Iterator[tuple[list[int], pa.Table]]:
    """Read some kept rows of a documents shard, in their order, as (row numbers, table) a batch.

    Their text is without what was removed of it, and with ``masking`` as it is written; ``source``
    comes with it then. Turns of conversations, which lose no part, are masked like it.
    """
    if masking is not None and columns is not None:
        columns = [*columns, *{c.SOURCE} - set(columns)]
    removed = removal.of_shard(shard, out)
    for numbers, table in raw.rows(out, shard, rows, columns=columns):
        found = removal.cut(table, numbers, removed)
        yield numbers, found if masking is None else masked(found, masking)[0]


def mask_key(masking: MaskingConfig | None) -> list[str]:
    """Return what belongs into the key of whatever holds or counts text: nothing without masks."""
    return [] if masking is None else [digest(pii.VERSION, MASKS[masking.style], masking)]


def masked(
    documents: pa.Table, masking: MaskingConfig | None
) -> tuple[pa.Table, NDArray[np.int64]]:
    """Mask the ``text`` of documents, but of exempt ``source``; return what was masked in each row.

    So are ``messages``, where they are among the columns. Spans are found anew rather than taken
    from signals: they are those of this very text, no table has to be joined, and it takes a few
    milliseconds a megabyte. The counts are those of :func:`tasks.masking.mask` of the text.
    """
    counts = np.zeros((documents.num_rows, len(pii.KINDS)), np.int64)
    if masking is None:
        return documents, counts
    exempt = pa.array(masking.exempt, pa.string())
    judged = pc.invert(pc.is_in(documents.column(c.SOURCE), value_set=exempt)).combine_chunks()
    texts = documents.column(c.TEXT)
    found, counts[judged.to_numpy(zero_copy_only=False)] = mask_all(
        texts.filter(judged), masking, pii.spans
    )
    whole = pc.replace_with_mask(texts.combine_chunks(), judged, found.combine_chunks())
    documents = _set(documents, c.TEXT, whole)
    if c.MESSAGES in documents.column_names:
        turns = documents.column(c.MESSAGES).combine_chunks()
        documents = _set(documents, c.MESSAGES, _masked_turns(turns, judged, masking))
    return documents, counts


def _masked_turns(
    conversations: pa.ListArray, judged: pa.BooleanArray, masking: MaskingConfig
) -> pa.ListArray:
    """Mask what is said in each turn of conversations that are judged."""
    turns = conversations.flatten()
    lengths = conversations.value_lengths().fill_null(0).to_numpy()
    own = pa.array(np.repeat(judged.to_numpy(zero_copy_only=False), lengths))
    contents = turns.field("content")
    own = pc.and_(own, contents.is_valid())
    found, _ = mask_all(pa.chunked_array([contents.filter(own)]), masking, pii.spans)
    said = pc.replace_with_mask(contents, own, found.combine_chunks())
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    values = pa.StructArray.from_arrays([turns.field("role"), said], fields=list(turns.type))
    return pa.ListArray.from_arrays(
        pa.array(offsets), values, type=conversations.type, mask=conversations.is_null()
    )


def _set(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    where = table.schema.get_field_index(name)
    return table.set_column(where, table.schema.field(where), pa.chunked_array([values]))
