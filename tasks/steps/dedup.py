"""Steps of deduplication: what is the same to the letter, and near-duplicates by ranges of keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.config import DecidingConfig  # noqa: TC001  (Prefect reads the annotations)
from schemas.manifest import Shard
from tasks import comparing, dedup, ledger, narrow, select, storage
from tasks.hashing import digest, table_digest
from tasks.steps.policy import step

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "near"
VERSION = "near-1"
ROWS = 50_000
"""Documents that are judged at a time: each rule takes memory for each."""
ROW = pa.int64()
STATE = pa.schema(
    [
        *(pa.field(n, ROW, nullable=False) for n in (c.RANK, c.ID_ROW, c.ADDRESS_ROW, c.TEXT_ROW)),
        pa.field(c.COMPARED, pa.bool_(), nullable=False),
        pa.field(c.BROKEN, pa.large_list(pa.large_string()), nullable=False),
    ]
)
PAIRS = pa.schema(
    [
        *(pa.field(name, ROW, nullable=False) for name in (c.ROW, c.TWIN_ROW)),
        pa.field(c.SIMILARITY, pa.float64(), nullable=False),
    ]
)


class Prepared(NamedTuple):
    """The key of the decisions to come, and the ranges of keys to compare documents in."""

    key: str
    spans: list[dedup.Span]


@step
def prepare(deciding: DecidingConfig, memory_bytes: int, out: str) -> Prepared:
    """Find which rules documents break, and equal ones; no ranges where the decisions stand."""
    given = narrow.given(deciding, out)
    if ledger.finished(out, "select", given.key) is not None:
        return Prepared(given.key, [])
    if storage.read_shard(_state_at(given.key, out)) is None:
        _write(_state_at(given.key, out), _state(given, deciding, out), STATE)
    documents, made = given.documents.rows_out, deciding.signals.minhash
    return Prepared(given.key, dedup.spans(documents, deciding.signals, memory_bytes) * made)


def _state(given: narrow.Given, deciding: DecidingConfig, out: str) -> pl.DataFrame:
    frame = pl.concat(
        _judged(rows, given, deciding)
        for part in narrow.parts(given, deciding, out)
        for rows in part.iter_slices(ROWS)
    )
    frame = frame.with_columns(dedup.rank(frame, deciding.dedup, seed=deciding.seed))
    return frame.select(c.RANK, c.BROKEN).hstack(dedup.exact(frame, deciding.dedup))


def _judged(frame: pl.DataFrame, given: narrow.Given, deciding: DecidingConfig) -> pl.DataFrame:
    """Return the rules that documents break, and what they are ranked and known by."""
    # Both kinds of reason cost a document its place among twins: none stands in for an allowed one.
    by_law = select.legal(frame, deciding.select, given.lists)
    broken = select.reasons(frame, deciding.select)
    both = pl.select(pl.concat_list(by_law, broken).alias(c.BROKEN))
    return frame.select(dedup.reads(deciding.dedup)).hstack(both).rechunk()


@step
def compare(deciding: DecidingConfig, key: str, span: dedup.Span, out: str) -> str:
    """Find and verify the near-duplicates that share a key of a range; return their file."""
    file = f"{digest(VERSION, key, list(map(str, span)))}.parquet"
    at = _at(file, out)
    if storage.read_shard(at) is None:
        _write(at, _alike(deciding, key, span, out), PAIRS)
    return file


def _alike(deciding: DecidingConfig, key: str, span: dedup.Span, out: str) -> pl.DataFrame:
    state = pl.DataFrame(storage.read_table(_state_at(key, out), [c.RANK, c.COMPARED]))
    config, exact = deciding.dedup, deciding.dedup.verification == "exact"
    found = dedup.pairs(
        narrow.sketches(out),
        dedup.taking_part(state),
        span,
        config=deciding.signals,
        threshold=config.threshold - comparing.MARGIN * exact,
    )
    if not exact:
        return found
    read = partial(comparing.documents, shards=ledger.read(out, "ingest").shards, out=out)
    found = comparing.exactly(found, read, deciding.signals)
    return found.filter(pl.col(c.SIMILARITY) >= config.threshold)


def read_state(key: str, out: str) -> pl.DataFrame:
    """Return what :func:`prepare` found."""
    return pl.DataFrame(storage.read_table(_state_at(key, out)))


def read_pairs(near: list[str], out: str) -> Iterator[pl.DataFrame]:
    """Return what :func:`compare` found, a file after the other."""
    return (pl.DataFrame(storage.read_table(_at(file, out))) for file in near)


def sweep(key: str, near: list[str], out: str) -> None:
    """Remove what was found for other decisions."""
    wanted = {f"{FOLDER}/{file}" for file in (storage.name_of(_state_at(key, out)), *near)}
    ledger.sweep(out, "select", wanted, below=FOLDER)


def _at(file: str, out: str) -> str:
    return storage.join(ledger.folder(out, "select"), FOLDER, file)


def _state_at(key: str, out: str) -> str:
    return _at(f"state-{key}.parquet", out)


def _write(location: str, frame: pl.DataFrame, schema: pa.Schema) -> None:
    table = frame.to_arrow().select(schema.names).cast(schema)
    name = storage.name_of(location)
    shard = Shard(file=name, rows=table.num_rows, digest=table_digest(table))
    storage.write_table(location, table, schema, shard=shard)
