"""The kept documents of a run as one narrow frame, and their exact token counts on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas import columns as c
from schemas.manifest import Shard
from schemas.masking import MASKS
from tasks import budget, estimates, guarded, ledger, progress, raw, removal, storage, tokens
from tasks.hashing import digest, seeded, table_digest
from tasks.masking import mask_all
from tasks.signals import pii

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from schemas.masking import MaskingConfig
    from tasks.tokens import Tokenizer

COUNTS = pa.schema(
    [
        pa.field(c.ROW, pa.int64(), nullable=False),
        pa.field(c.TOKENS, pa.int64(), nullable=False),
    ]
)


def load(
    out: str,
    *,
    seed: int,
    tokenizer_digest: str | None = None,
    masking: MaskingConfig | None = None,
) -> pl.DataFrame:
    """Return the kept documents as one frame, with the columns that budgets and draws use.

    Without those that the guard leaves out.

    ``doc_id, source, recipe_source, split, n_bytes, shard, row, priority, tokens``. ``source`` is
    ``recipe_source`` unless the records name their source themselves. ``n_bytes`` are without what
    was removed of the text. ``shard`` and ``row`` say where in ``documents/`` the text stands;
    ``priority`` is a seeded hash of the id; ``tokens`` holds what was counted before with that
    tokenizer of the text so masked, else null.
    """
    documents, signals = ledger.read(out, "ingest"), ledger.read(out, "signals")
    parts = [
        _shard(out, left, right, _counted_by(out, left.file, tokenizer_digest, masking))
        for left, right in zip(documents.shards, signals.shards, strict=True)
    ]
    frame = guarded.without(pl.concat(parts), out)
    return frame.with_columns(
        pl.Series(budget.PRIORITY, seeded(frame[c.DOC_ID], seed=seed, stage="draw"))
    )


def _shard(
    out: str, documents: Shard, signals: Shard, tokenizer_digest: str | None
) -> pl.DataFrame:
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
    counts = _counts(out, documents.file, tokenizer_digest)
    return frame.filter(c.KEEP).drop(c.KEEP).join(counts, on=c.ROW, how="left")


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


def _counts(out: str, shard: str, tokenizer_digest: str | None) -> pl.DataFrame:
    at = _counts_at(out, shard, tokenizer_digest)
    if tokenizer_digest is None or storage.read_shard(at) is None:
        return pl.DataFrame(schema={c.ROW: pl.Int64, c.TOKENS: pl.Int64})
    return pl.DataFrame(pl.from_arrow(storage.read_table(at)))


def _counted_by(
    out: str, shard: str, tokenizer_digest: str | None, masking: MaskingConfig | None
) -> str | None:
    """Return what counts of kept documents depend on beside what was read."""
    changed = mask_key(masking) + removal.key(shard, out)
    return digest(tokenizer_digest, *changed) if tokenizer_digest and changed else tokenizer_digest


def _counts_at(out: str, shard: str, tokenizer_digest: str | None) -> str:
    return storage.join(out, ledger.TOKENS, f"{(tokenizer_digest or '')[:16]}-{shard}")


def count_up_to(
    frame: pl.DataFrame,
    wanted: budget.Budget,
    *,
    tokenizer: Tokenizer,
    out: str,
    masking: MaskingConfig | None = None,
) -> pl.DataFrame:
    """Count what :func:`tasks.budget.draw` looks at for this budget, of the text as it is written.

    An extra read of those documents' text. Counts are kept in ``tokens/`` and never made twice.
    """
    used = tokens.digest(tokenizer)
    while (missing := budget.to_count(frame, wanted)).height:
        progress.expect("tokens", int(missing[c.N_BYTES].sum()))
        found = []
        for (shard,), rows in sorted(missing.partition_by(c.SHARD, as_dict=True).items()):
            name, numbers = str(shard), rows[c.ROW].to_list()
            read = rows_of(out, name, numbers, columns=[c.TEXT], masking=masking)
            counted = _counted(read, tokenizer)
            _remember(out, name, counted, str(_counted_by(out, name, used, masking)))
            found.append(counted.with_columns(pl.lit(name).alias(c.SHARD)))
            progress.advance("tokens", documents=rows.height, n_bytes=int(rows[c.N_BYTES].sum()))
        frame = frame.update(pl.concat(found), on=[c.SHARD, c.ROW])
    return frame


def count_sample(out: str, shard: str, tokenizer: Tokenizer, tokenizer_digest: str) -> None:
    """Count the documents of a shard from which the tokens of all are estimated, as they are."""
    known = _counts(out, shard, tokenizer_digest)[c.ROW]
    at = storage.join(ledger.folder(out, "ingest"), shard)
    ids = storage.read_table(at, [c.DOC_ID]).column(0).to_pylist()
    wanted = set(np.flatnonzero(estimates.sampled(ids)).tolist()) - set(known)
    if wanted:
        read = raw.rows(out, shard, sorted(wanted), columns=[c.TEXT])
        counted = _counted(read, tokenizer)
        _remember(out, shard, counted, tokenizer_digest)


def sample_counts(out: str, shard: str, ids: pl.Series, tokenizer_digest: str) -> pl.Series:
    """Return the tokens of each document of a shard, null where it is not of the sample.

    What budgets had counted beside it is left out, so that estimates do not depend on them.
    """
    rows = pl.DataFrame({c.ROW: range(len(ids))}, schema={c.ROW: pl.Int64})
    counts = rows.join(
        _counts(out, shard, tokenizer_digest), on=c.ROW, how="left", maintain_order="left"
    )[c.TOKENS]
    sampled = pl.Series(estimates.sampled(ids))
    return pl.select(pl.when(sampled).then(counts)).to_series().alias(c.TOKENS)


def _counted(read: Iterable[tuple[list[int], pa.Table]], tokenizer: Tokenizer) -> pl.DataFrame:
    counted = [
        pl.DataFrame(
            {c.ROW: numbers, c.TOKENS: tokens.count(tokenizer, table.column(c.TEXT).to_pylist())}
        )
        for numbers, table in read
    ]
    return pl.concat(counted)


def _remember(out: str, shard: str, counted: pl.DataFrame, tokenizer_digest: str) -> None:
    """Add counts to the shard's file of counts."""
    known = _counts(out, shard, tokenizer_digest)
    everything = pl.concat([known, counted]).unique(c.ROW, keep="last").sort(c.ROW)
    table = everything.to_arrow().cast(COUNTS)
    entry = Shard(file=shard, rows=table.num_rows, digest=table_digest(table))
    storage.write_table(_counts_at(out, shard, tokenizer_digest), table, COUNTS, shard=entry)


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
    comes with it then.
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

    Spans are found anew rather than taken from signals: they are those of this very text, no table
    has to be joined, and it takes a few milliseconds a megabyte. The counts are those of
    :func:`tasks.masking.mask`.
    """
    counts = np.zeros((documents.num_rows, len(pii.KINDS)), np.int64)
    if masking is None:
        return documents, counts
    texts, exempt = documents.column(c.TEXT), pa.array(masking.exempt, pa.string())
    judged = pc.invert(pc.is_in(documents.column(c.SOURCE), value_set=exempt))
    found, counts[judged.to_numpy()] = mask_all(texts.filter(judged), masking, pii.spans)
    where = documents.schema.get_field_index(c.TEXT)
    whole = pc.replace_with_mask(
        texts.combine_chunks(), judged.combine_chunks(), found.combine_chunks()
    )
    return documents.set_column(
        where, documents.schema.field(where), pa.chunked_array([whole])
    ), counts
