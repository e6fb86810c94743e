"""Step of ``corpus``: kept documents as files of their own, where the recipe asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas import columns as c
from schemas.config import MaskingConfig  # noqa: TC001  (Prefect reads the annotations)
from schemas.manifest import Shard, StageManifest
from schemas.tables import CORPUS
from tasks import kept, ledger, masking, removal, storage
from tasks.hashing import add_hex, digest, table_digest
from tasks.steps.policy import step

if TYPE_CHECKING:
    import pyarrow as pa

    from schemas.manifest import Masked

VERSION = "corpus-2"
TAKEN = (c.CLUSTER_ID, c.SPLIT, c.WEIGHT)


@step
def write_corpus(
    documents: Shard, signals: Shard, out: str, masks: MaskingConfig | None = None
) -> tuple[Shard, bool]:
    """Write the kept rows of one documents shard; return the shard and whether it stood already."""
    decided = storage.read_table(storage.join(ledger.folder(out, "select"), documents.file))
    read = (documents.file, signals.file, table_digest(decided))
    key = digest(VERSION, *read, *kept.mask_key(masks), *removal.key(documents.file, out))
    name = f"{key}.parquet"
    at = storage.join(ledger.folder(out, "corpus"), name)
    known = storage.read_shard(at)
    if known is not None:
        return known, True
    measured = storage.join(ledger.folder(out, "signals"), signals.file)
    beside = decided.append_column(c.LANG, storage.read_table(measured, [c.LANG]).column(0))
    removed = removal.of_shard(documents.file, out)
    digests, rows, n_bytes, start = [], 0, 0, 0
    hidden: list[Masked] = []
    with storage.writing(at, CORPUS) as file:
        source = storage.join(ledger.folder(out, "ingest"), documents.file)
        for batch in storage.read_batches(source):
            side = beside.slice(start, batch.num_rows)
            left = removal.cut(batch, range(start, start + batch.num_rows), removed)
            start += batch.num_rows
            table, counts = kept.masked(_join(left, side).filter(side.column(c.KEEP)), masks)
            file.write(table)
            digests.append(table_digest(table))
            hidden.append(masking.by_source(table.column(c.SOURCE), counts))
            rows += table.num_rows
            n_bytes += sum(len(t.as_py().encode()) for t in table.column(c.TEXT))
        shard = Shard(
            file=name,
            rows=rows,
            digest=add_hex(digests),
            n_bytes=n_bytes,
            source=documents.source,
            masked=masking.total(hidden),
        )
        file.finish(shard)
    return shard, False


def _join(documents: pa.Table, beside: pa.Table) -> pa.Table:
    names = [n for n in CORPUS.names if n in documents.column_names]
    table = documents.select(names)
    for name in (*TAKEN, c.LANG):
        table = table.append_column(name, beside.column(name))
    return table


@step
def finish_corpus(written: list[Shard], rows_in: int, out: str) -> StageManifest:
    """Write the manifest and remove shards of an earlier recipe, which a glob would read too."""
    ours = {s.file for s in written}
    ledger.sweep(out, "corpus", ours)
    manifest = StageManifest(
        stage="corpus",
        key=digest(VERSION, sorted(ours)),
        digest=add_hex(s.digest for s in written),
        rows_in=rows_in,
        rows_out=sum(s.rows for s in written),
        shards=tuple(written),
        details=masking.details(s.masked for s in written),
    )
    ledger.finish(out, manifest)
    return manifest
