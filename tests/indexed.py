"""Finished runs as an index sees them, made up row by row; and what an index must answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.manifest import SKETCH, RunManifest, Shard, StageManifest, StageRecord
from schemas.tables import DECISIONS, DOCUMENTS, SIGNALS
from tasks import hashing, ledger, storage
from tasks.index import folder as files
from tasks.signals.minhash import VERSION, minhash

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from schemas.config import SignalsConfig

Row = dict[str, Any]
NARROW = {
    "ingest": pa.schema([DOCUMENTS.field(n) for n in (c.DOC_ID, c.SOURCE)]),
    "signals": pa.schema(
        [
            SIGNALS.field(n)
            for n in (
                *(c.DOC_ID, c.TEXT_HASH, c.GOPHER_WORD_COUNT),
                *(c.MINHASH_BANDS, c.MINHASH_SKETCH),
            )
        ]
    ),
    "select": pa.schema([DECISIONS.field(n) for n in (c.DOC_ID, c.KEEP)]),
}


def write_run(
    folder: Path,
    rows: Sequence[Row],
    signals: SignalsConfig,
    *,
    shards: int = 2,
    dropped: Collection[str] = (),
    sketch: str | None = VERSION,
) -> str:
    """Write what an index reads of a finished run, and no column more."""
    out, records = str(folder), {}
    given = [{**row, c.KEEP: row[c.DOC_ID] not in dropped} for row in rows]
    for stage, schema in NARROW.items():
        written = []
        for number in range(shards):
            own = [{n: row[n] for n in schema.names} for row in given[number::shards]]
            table = pa.Table.from_pylist(own, schema=schema)
            shard = Shard(file=f"{number}.parquet", rows=len(own), digest="0")
            at = storage.join(ledger.folder(out, stage), shard.file)
            storage.write_table(at, table, schema, shard=shard)
            written.append(shard)
        manifest = StageManifest(
            stage=stage,
            key="0",
            digest="0",
            rows_in=len(rows),
            rows_out=len(rows),
            shards=tuple(written),
            details={SKETCH: sketch} if stage == "signals" and sketch else {},
        )
        ledger.finish(out, manifest)
        records[stage] = ledger.Meter().record(manifest, reused=0)
    _write_run_json(out, signals, records)
    return out


def _write_run_json(out: str, signals: SignalsConfig, stages: dict[str, StageRecord]) -> None:
    recipe = {"signals": signals.model_dump(mode="json")}
    run = RunManifest(openmoat="0", name="t", recipe_digest="0", recipe=recipe, stages=stages)
    storage.write_model(ledger.run_location(out), run)


def measured(ids: Sequence[str], texts: Sequence[str], signals: SignalsConfig) -> list[Row]:
    """Return what an index keeps of some texts, as a run measures them."""
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    frame = minhash(column, signals).with_columns(
        pl.Series(c.DOC_ID, ids),
        pl.lit("made").alias(c.SOURCE),
        pl.Series(c.TEXT_HASH, hashing.text_hashes(column)),
        pl.lit(100, pl.Int64).alias(c.GOPHER_WORD_COUNT),
    )
    return frame.to_dicts()


def held(folder: str) -> dict[str, str]:
    """Return the text hash of each document that an index holds, and check that none is twice."""
    index = files.read(folder)
    gone = set(files.deleted(folder, index)[c.DOC_ID])
    pairs = [
        pair
        for part in index.parts
        for pair in files.rows(folder, part, [c.DOC_ID, c.TEXT_HASH]).rows()
        if pair[0] not in gone
    ]
    assert len(pairs) == len(dict(pairs)) == index.rows
    return dict(pairs)


def likeness(one: bytes, other: bytes) -> float:
    """Estimate Jaccard similarity, byte by byte."""
    equal = sum(a == b for a, b in zip(one, other, strict=True)) / len(one)
    return max(0.0, (equal - 1 / 256) / (1 - 1 / 256))


def answers(
    asked: Sequence[Row], known: Iterable[Row], threshold: float
) -> list[tuple[int, str, str, float]]:
    """Compare all with all: what an index of ``known`` must answer."""
    found = []
    for number, row in enumerate(asked):
        for other in known:
            if row[c.TEXT_HASH] == other[c.TEXT_HASH]:
                found.append((number, "exact", 1.0, other[c.DOC_ID]))
            elif set(row[c.MINHASH_BANDS] or ()) & set(other[c.MINHASH_BANDS] or ()):
                similarity = likeness(row[c.MINHASH_SKETCH], other[c.MINHASH_SKETCH])
                if similarity >= threshold:
                    found.append((number, "near", similarity, other[c.DOC_ID]))
    found.sort(key=lambda f: (f[0], f[1] != "exact", -f[2], f[3]))
    return [(number, doc_id, level, sim) for number, level, sim, doc_id in found]
