"""What a plan has of documents, in a file for each documents shard.

Who works on a shard reads no other's rows: with one file for all of them, the shards of a run would
cost their square.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from schemas import columns as c
from schemas.manifest import Shard
from schemas.tables import conform
from tasks import storage
from tasks.hashing import table_digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

FOLDER = "planned"


def write(scratch: str, frame: pl.DataFrame, schema: pa.Schema) -> tuple[str, ...]:
    """Write the rows of each documents shard, in their order; return the shards that have some."""
    parts = {str(name): own for (name,), own in frame.partition_by(c.SHARD, as_dict=True).items()}
    for name, own in parts.items():
        table = conform(own.to_arrow(), schema)
        entry = Shard(file=name, rows=table.num_rows, digest=table_digest(table))
        storage.write_table(_at(scratch, name), table, schema, shard=entry)
    return tuple(sorted(parts))


def read(scratch: str, shards: Iterable[str], schema: pa.Schema) -> pl.DataFrame:
    """Return the rows of some documents shards, one after the other."""
    parts = (pl.DataFrame(storage.read_table(_at(scratch, name))) for name in shards)
    return pl.concat([pl.DataFrame(schema.empty_table()), *parts])


def _at(scratch: str, shard: str) -> str:
    return storage.join(scratch, FOLDER, shard)
