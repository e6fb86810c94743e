"""What was counted of documents, on disk: never counted twice by the same tokenizer and template.

``tokens/<key>-<shard>`` has a row for each document of a shard that was counted, and beside it the
passages of those that were cut. ``key`` is all that a count depends on beside what was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.manifest import Shard
from schemas.mixture import TEXT_ROW
from tasks import estimates, ledger, raw, storage
from tasks.hashing import table_digest

if TYPE_CHECKING:
    from tasks.tokens import Tokenizer

VERSION: Final = "counted-2"
NO_TOKENS: Final = "no tokens"
COUNTS = pa.schema(
    [
        pa.field(c.ROW, pa.int64(), nullable=False),
        pa.field(c.TOKENS, pa.int64(), nullable=False),
        pa.field(c.SUPERVISED, pa.int64(), nullable=False),
        pa.field(c.KIND, pa.string(), nullable=False),
        pa.field(c.REASON, pa.string()),
    ]
)
"""``reason``: why a document is refused; null where it is not."""
PASSAGES = pa.schema(
    [
        pa.field(c.ROW, pa.int64(), nullable=False),
        pa.field(c.START, pa.int64(), nullable=False),
        pa.field(c.END, pa.int64(), nullable=False),
        pa.field(c.TOKENS, pa.int64(), nullable=False),
        pa.field(c.N_BYTES, pa.int64(), nullable=False),
    ]
)


def read(out: str, shard: str, key: str | None) -> pl.DataFrame:
    """Return what was counted of a shard's documents (``COUNTS``)."""
    return _read(_at(out, shard, key or ""), COUNTS)


def add(out: str, shard: str, key: str, found: pl.DataFrame) -> None:
    """Add counts to those of a shard."""
    everything = pl.concat([read(out, shard, key), found.select(COUNTS.names)])
    _write(_at(out, shard, key), everything.unique(c.ROW, keep="last").sort(c.ROW), COUNTS)


def passages(out: str, shard: str, key: str, most: int) -> pl.DataFrame:
    """Return the passages of documents that were cut (``PASSAGES``)."""
    return _read(_at(out, shard, f"{key[:16]}-{most}", whole=True), PASSAGES)


def add_passages(out: str, shard: str, key: str, most: int, found: pl.DataFrame) -> None:
    """Add passages to those of a shard."""
    at = _at(out, shard, f"{key[:16]}-{most}", whole=True)
    everything = pl.concat([_read(at, PASSAGES), found.select(PASSAGES.names)])
    _write(at, everything.unique([c.ROW, c.START]).sort(c.ROW, c.START), PASSAGES)


def _at(out: str, shard: str, key: str, *, whole: bool = False) -> str:
    return storage.join(out, ledger.TOKENS, f"{key if whole else key[:16]}-{shard}")


def _read(at: str, schema: pa.Schema) -> pl.DataFrame:
    known = storage.read_shard(at)
    if known is None or known.key != VERSION:
        return pl.DataFrame(schema.empty_table())
    return pl.DataFrame(storage.read_table(at))


def _write(at: str, frame: pl.DataFrame, schema: pa.Schema) -> None:
    table = frame.to_arrow().cast(schema)
    entry = Shard(
        file=storage.name_of(at), rows=table.num_rows, digest=table_digest(table), key=VERSION
    )
    storage.write_table(at, table, schema, shard=entry)


def count_sample(out: str, shard: str, tokenizer: Tokenizer, tokenizer_digest: str) -> None:
    """Count the documents of a shard from which the tokens of all are estimated, as they are."""
    known = read(out, shard, tokenizer_digest)[c.ROW]
    at = storage.join(ledger.folder(out, "ingest"), shard)
    ids = storage.read_table(at, [c.DOC_ID]).column(0).to_pylist()
    wanted = set(np.flatnonzero(estimates.sampled(ids)).tolist()) - set(known)
    parts = [
        plain(numbers, tokenizer.count(table.column(c.TEXT).to_pylist()))
        for numbers, table in raw.rows(out, shard, sorted(wanted), columns=[c.TEXT])
    ]
    if parts:
        add(out, shard, tokenizer_digest, pl.concat(parts))


def plain(rows: list[int], tokens: list[int]) -> pl.DataFrame:
    """Return counts (``COUNTS``) of plain texts, of which all is learned."""
    return pl.DataFrame(
        {
            c.ROW: rows,
            c.TOKENS: tokens,
            c.SUPERVISED: tokens,
            c.KIND: [TEXT_ROW] * len(rows),
            c.REASON: [None if n else NO_TOKENS for n in tokens],
        },
        schema_overrides={c.REASON: pl.String},
    )


def sample_counts(out: str, shard: str, ids: pl.Series, tokenizer_digest: str) -> pl.Series:
    """Return the tokens of each document of a shard, null where it is not of the sample.

    What budgets had counted beside it is left out, so that estimates do not depend on them.
    """
    rows = pl.DataFrame({c.ROW: range(len(ids))}, schema={c.ROW: pl.Int64})
    counts = rows.join(
        read(out, shard, tokenizer_digest), on=c.ROW, how="left", maintain_order="left"
    )[c.TOKENS]
    sampled = pl.Series(estimates.sampled(ids))
    return pl.select(pl.when(sampled).then(counts)).to_series().alias(c.TOKENS)
