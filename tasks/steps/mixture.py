"""Steps of ``build_mixture``: plan, gather each document once, write the training shards.

The order of a mixture has nothing to do with the order of its inputs. So each documents shard is
read once and its chosen rows laid, sorted by destination, into one scratch file with one record
batch for each destination; then each training shard collects its batches. Memory holds one shard
at a time, and a killed run goes on where it was.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas import columns as c
from schemas.config import (
    BudgetConfig,
    MaskingConfig,
    MixtureConfig,
)
from schemas.errors import BudgetError
from schemas.manifest import Frozen, Shard, StageManifest
from schemas.masking import KINDS
from schemas.tables import MIXTURE, conform
from tasks import draws, guarded, kept, ledger, masking, mixture, progress, rights, storage, written
from tasks.hashing import add_hex, digest, table_digest
from tasks.steps.policy import step
from tasks.steps.replay import FILE as DRAWN_FILE
from tasks.steps.tokenizer import load_tokenizer

VERSION = "mixture-2"
PLAN_FILE = "plan.parquet"
MASKED = "masked"
SCRATCH = pa.schema([*MIXTURE, pa.field(MASKED, pa.list_(pa.int64()), nullable=False)])
"""What is laid out for a training shard: its rows, and what masks hid in each, by kind."""


class Plan(Frozen):
    """Where a mixture's plan lies, and what it needs."""

    key: str
    scratch: str
    settings: MixtureConfig
    masking: MaskingConfig | None = None
    documents: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    finished: bool = False


@step
def plan_mixture(config: BudgetConfig, settings: MixtureConfig, out: str) -> Plan:
    """Decide which document stands where; the plan is written beside the scratch files."""
    upstream = [ledger.read(out, stage).key for stage in _upstream(config)] + guarded.key(out)
    key = digest(VERSION, config, upstream, *kept.mask_key(config.masking))
    scratch = storage.join(out, ledger.SCRATCH, f"mixture-{key}")
    if ledger.finished(out, "mixture", key):
        return Plan(key=key, scratch=scratch, settings=settings, finished=True)
    ledger.begin(out, "mixture")
    frame = _planned(config, settings, out)
    table = conform(frame.to_arrow(), mixture.PLAN)
    entry = Shard(file=PLAN_FILE, rows=table.num_rows, digest=table_digest(table))
    storage.write_table(storage.join(scratch, PLAN_FILE), table, mixture.PLAN, shard=entry)
    progress.expect("mixture", int(frame[c.N_BYTES].sum()))
    names = mixture.file_names(frame)
    return Plan(
        key=key,
        scratch=scratch,
        settings=settings,
        masking=config.masking,
        documents=tuple(frame[c.SHARD].unique().sort()),
        files=tuple(names[i] for i in sorted(names)),
    )


def _upstream(config: BudgetConfig) -> list[str]:
    return ["select", "tokenizer"] + ["replay"] * (config.replay is not None)


def _planned(config: BudgetConfig, settings: MixtureConfig, out: str) -> pl.DataFrame:
    tokenizer = load_tokenizer(out)
    frame = draws.documents(config, tokenizer, out)
    new = draws.new_data(frame, config, tokenizer=tokenizer, out=out)
    replay = new.clear()
    if config.replay is not None:
        at = storage.join(ledger.folder(out, "replay"), DRAWN_FILE)
        drawn = pl.DataFrame(pl.from_arrow(storage.read_table(at)))
        replay = draws.replay_for_mixture(drawn, settings, new)
    _check_not_empty(new)
    return mixture.plan(replay, new, shard_bytes=settings.shard_mb * 1e6, seed=config.seed)


def _check_not_empty(new: pl.DataFrame) -> None:
    if new.filter(pl.col(c.SPLIT) == mixture.TRAIN).is_empty():
        raise BudgetError(
            "mixture",
            got="no training document of new data after dedup and selection",
            wanted="one at least",
            way_out="`openmoat inspect` shows why documents were dropped.",
        )


@step
def gather(plan: Plan, shard: str, out: str) -> str:
    """Lay the chosen rows of one documents shard out by destination; return the scratch file."""
    at = storage.join(plan.scratch, f"{shard}.arrow")
    if storage.exists(at):
        return at
    chosen = _plan_rows(plan, pl.col(c.SHARD) == shard)
    parts, order = [], []
    for own, documents, counts in written.rows(out, shard, chosen, masking=plan.masking):
        masks = pa.array(counts.tolist(), pa.list_(pa.int64()))
        parts.append(mixture.rows(documents, own).append_column(MASKED, masks))
        order.append(own)
    table, destinations = pa.concat_tables(parts), pl.concat(order)[mixture.FILE_NUMBER].to_numpy()
    batches = [
        _batch(table, (destinations == number).nonzero()[0]) for number in range(len(plan.files))
    ]
    storage.write_ipc(at, batches, SCRATCH)
    progress.advance("mixture", documents=chosen.height, n_bytes=int(chosen[c.N_BYTES].sum()))
    return at


def _batch(table: pa.Table, rows: np.ndarray[Any, np.dtype[np.int64]]) -> pa.RecordBatch:
    found = table.take(pa.array(rows, pa.int64())).cast(SCRATCH).combine_chunks().to_batches()
    return found[0] if found else pa.RecordBatch.from_pylist([], schema=SCRATCH)


def _plan_rows(plan: Plan, wanted: pl.Expr) -> pl.DataFrame:
    table = storage.read_table(storage.join(plan.scratch, PLAN_FILE))
    return pl.DataFrame(pl.from_arrow(table)).filter(wanted)


@step
def write_shard(plan: Plan, number: int, gathered: list[str], out: str) -> tuple[Shard, bool]:
    """Write one training shard from what was gathered for it; return whether it stood already."""
    name = plan.files[number]
    at = storage.join(ledger.folder(out, "mixture"), name)
    key = digest(VERSION, plan.key, name)
    known = storage.read_shard(at)
    if known is not None and known.key == key:
        return known, True
    batches = [storage.read_ipc(scratch, number) for scratch in gathered]
    table = pa.Table.from_batches(batches, SCRATCH).sort_by(c.POSITION)
    counts = np.array(table.column(MASKED).to_pylist(), np.int64).reshape(-1, len(KINDS))
    table = table.drop_columns([MASKED])
    n_bytes = pc.sum(pc.binary_length(table.column(c.TEXT))).as_py()
    shard = Shard(
        file=name,
        rows=table.num_rows,
        digest=table_digest(table),
        n_bytes=n_bytes,
        key=key,
        masked=masking.total([masking.by_source(table.column(c.SOURCE), counts)]),
    )
    with storage.writing(at, MIXTURE) as file:
        for group in mixture.row_groups(table, max_bytes=plan.settings.row_group_mb * 1e6):
            file.write(group)
        file.finish(shard)
    return shard, False


@step
def finish_mixture(plan: Plan, shards: list[Shard], out: str) -> StageManifest:
    """Remove shards of an earlier recipe and the scratch files, and write the manifest."""
    settings = plan.settings
    frame = _plan_rows(plan, pl.lit(value=True))
    for split in mixture.SPLIT_NAMES.values():
        ledger.sweep(out, "mixture", {s.file for s in shards}, below=split)
    achieved = mixture.achieved(frame)
    asked = draws.asked(settings, achieved["train"]["new_tokens"])
    wanted = {"replay_share": settings.replay_share, **{f"{k}_tokens": n for k, n in asked.items()}}
    manifest = StageManifest(
        stage="mixture",
        key=plan.key,
        digest=add_hex(s.digest for s in shards),
        rows_in=frame.height,
        rows_out=sum(s.rows for s in shards),
        shards=tuple(shards),
        details={
            "asked": wanted,
            "achieved": achieved,
            **guarded.said(out),
            **rights.told(out, [s.file for s in shards]),
            **masking.details(s.masked for s in shards),
        },
    )
    ledger.finish(out, manifest)
    storage.remove(plan.scratch)
    return manifest
