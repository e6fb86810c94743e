"""Step of select: signals to one decision for every document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from schemas import columns as c
from schemas.config import DecidingConfig  # noqa: TC001  (Prefect reads the annotations)
from schemas.manifest import Shard, StageManifest
from schemas.tables import DECISIONS, conform
from tasks import dedup, ledger, select, storage
from tasks.hashing import add_hex, digest, table_digest
from tasks.steps.policy import step

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "select-1"


@step
def decide(deciding: DecidingConfig, out: str) -> tuple[StageManifest, bool]:
    """Settle for every document whether it is kept, and why not; return whether that stood already.

    Reads narrow columns only. One decisions shard for each documents shard, row by row beside it.
    """
    documents, signals = ledger.read(out, "ingest"), ledger.read(out, "signals")
    key = digest(VERSION, deciding, documents.key, documents.digest, signals.digest)
    known = ledger.finished(out, "select", key)
    if known is not None:
        return known, True
    ledger.begin(out, "select")
    frame = _narrow(documents, signals, deciding, out)
    decisions = _decide(frame, deciding)
    shards = tuple(_write_decisions(decisions, documents, out))
    ledger.sweep(out, "select", {s.file for s in shards})
    manifest = StageManifest(
        stage="select",
        key=key,
        digest=add_hex(s.digest for s in shards),
        rows_in=frame.height,
        rows_out=int(decisions[c.KEEP].sum()),
        shards=shards,
        details={"sources": _outcomes(frame, decisions)},
    )
    ledger.finish(out, manifest)
    return manifest, False


def _narrow(
    documents: StageManifest, signals: StageManifest, deciding: DecidingConfig, out: str
) -> pl.DataFrame:
    """Everything that decisions rest on, without text, in the order of the shards."""
    parts = []
    for left, right in zip(documents.shards, signals.shards, strict=True):
        ids = storage.read_table(storage.join(ledger.folder(out, "ingest"), left.file), (c.SOURCE,))
        measured = storage.read_table(storage.join(ledger.folder(out, "signals"), right.file))
        parts.append(pl.DataFrame(ids).hstack(pl.DataFrame(measured)))
    return pl.concat(parts).with_columns(
        pl.col(c.SOURCE).replace_strict(deciding.origins, return_dtype=pl.String).alias(c.ORIGIN)
    )


def _decide(frame: pl.DataFrame, deciding: DecidingConfig) -> pl.DataFrame:
    frame = frame.with_columns(select.reasons(frame, deciding.select).alias(c.BROKEN))
    frame = frame.with_columns(dedup.rank(frame, seed=deciding.seed))
    twins = dedup.twins(frame, signals=deciding.signals, threshold=deciding.dedup.threshold)
    return select.decide(
        frame.hstack(twins), select=deciding.select, dedup=deciding.dedup, seed=deciding.seed
    )


def _write_decisions(
    decisions: pl.DataFrame, documents: StageManifest, out: str
) -> Iterator[Shard]:
    start = 0
    for shard in documents.shards:
        table = conform(decisions[start : start + shard.rows].to_arrow(), DECISIONS)
        start += shard.rows
        written = Shard(
            file=shard.file, rows=shard.rows, digest=table_digest(table), source=shard.source
        )
        at = storage.join(ledger.folder(out, "select"), shard.file)
        storage.write_table(at, table, DECISIONS, shard=written)
        yield written


def _outcomes(frame: pl.DataFrame, decisions: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """For each source: kept documents and bytes, and dropped ones by first reason."""
    joined = decisions.hstack(frame.select(c.SOURCE, c.N_BYTES))
    outcomes: dict[str, dict[str, Any]] = {}
    for (name,), part in sorted(joined.partition_by(c.SOURCE, as_dict=True).items()):
        kept = part.filter(pl.col(c.KEEP))
        dropped = part.filter(~pl.col(c.KEEP)).group_by(c.DROP_REASON).len()
        outcomes[str(name)] = {
            "kept": kept.height,
            "kept_bytes": int(kept[c.N_BYTES].sum()),
            "valid": int((kept[c.SPLIT] == select.VALID).sum()),
            "dropped": dict(sorted(dropped.iter_rows())),
        }
    return outcomes
