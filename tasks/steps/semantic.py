"""Step of deduplication by embeddings: what is left of the others, compared among itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.config import DecidingConfig  # noqa: TC001  (Prefect reads the annotations)
from schemas.levels import SEMANTIC
from schemas.manifest import Shard
from schemas.semantic import SemanticConfig  # noqa: TC001  (as above)
from tasks import dedup as dedup_rules
from tasks import embeddings, ledger, narrow, select, storage
from tasks.dedup import semantic
from tasks.hashing import digest, table_digest
from tasks.steps import dedup
from tasks.steps.policy import step

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "semantic-1"
STATE = "state"
COMPARED, WITHOUT, ZEROS = "compared", "without_embedding", "zeros"
ALIKE = pa.schema(
    [
        pa.field(c.ROW, pa.int64(), nullable=False),
        pa.field(STATE, pa.large_string(), nullable=False),
        pa.field(c.TWIN_ROW, pa.int64()),
        pa.field(c.SIMILARITY, pa.float64()),
    ]
)
"""A row a document that is left; those without an embedding, or one of zeros, are not compared."""


@step
def compare(deciding: DecidingConfig, found: dedup.Found, out: str) -> list[str]:
    """Find documents that mean the same; return their file, or none where nobody asked.

    ``found``: what :mod:`tasks.steps.dedup` found. Not where the decisions stand.
    """
    config = deciding.dedup.semantic
    if config is None:
        return []
    file = f"semantic-{digest(VERSION, found.key)}.parquet"
    at = dedup.at(file, out)
    if narrow.finished(out, found.key) is None and storage.read_shard(at) is None:
        twins = dedup.twins(found, out)
        left = select.surviving(twins, deciding.dedup).arg_true().cast(pl.Int64)
        ranks = twins[c.RANK].gather(left)
        table = _alike(left.gather(ranks.arg_sort()), config, out)
        shard = Shard(file=file, rows=table.num_rows, digest=table_digest(table))
        storage.write_table(at, table, ALIKE, shard=shard)
    return [file]


def _alike(left: pl.Series, config: SemanticConfig, out: str) -> pa.Table:
    """Compare rows, the preferred ones first."""
    rows = left.to_numpy()
    found = embeddings.read(config, _documents(rows, out))
    gone, twins, cosines = semantic.settle(found.unit, config.threshold)
    state = np.full(len(rows), WITHOUT, dtype=object)
    state[found.zeros] = ZEROS
    state[found.slots] = COMPARED
    settled = pl.DataFrame(
        {
            c.ROW: rows[found.slots[gone]],
            c.TWIN_ROW: rows[found.slots[twins]],
            c.SIMILARITY: cosines,
        }
    )
    every = pl.DataFrame({c.ROW: rows, STATE: state.tolist()}).join(settled, on=c.ROW, how="left")
    return every.sort(c.ROW).to_arrow().select(ALIKE.names).cast(ALIKE)


def _documents(rows: np.ndarray[Any, np.dtype[np.int64]], out: str) -> pl.DataFrame:
    """Return ``doc_id, record_id, slot`` of all documents: the place in ``rows``, if any."""
    parts = [pl.DataFrame(schema={c.DOC_ID: pl.String, c.RECORD_ID: pl.String})]
    for shard in ledger.read(out, "ingest").shards:
        at = storage.join(ledger.folder(out, "ingest"), shard.file)
        parts.append(pl.DataFrame(storage.read_table(at, [c.DOC_ID, c.RECORD_ID])))
    every = pl.concat(parts)
    slots = pl.Series(embeddings.SLOT, [None] * every.height, pl.Int64)
    return every.hstack([slots.scatter(rows, np.arange(len(rows)))])


def read(files: Sequence[str], out: str) -> pl.DataFrame:
    """Return what :func:`compare` found; nothing where it was not asked."""
    tables = [storage.read_table(dedup.at(file, out)) for file in files]
    return pl.DataFrame(pa.concat_tables([ALIKE.empty_table(), *tables]))


def joined(twins: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Return twins with what goes by embedding."""
    gone = found.drop_nulls(c.TWIN_ROW).select(c.ROW, c.TWIN_ROW, c.SIMILARITY)
    return dedup_rules.joined(twins, gone, SEMANTIC)


def counts(found: pl.DataFrame) -> dict[str, Any]:
    """What took part, for the manifest; nothing where nobody asked."""
    if found.is_empty():
        return {}
    told = dict(found[STATE].value_counts().iter_rows())
    return {"semantic": {name: told.get(name, 0) for name in (COMPARED, WITHOUT, ZEROS)}}
