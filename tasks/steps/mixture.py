"""Steps of ``build_mixture``: plan, gather each document once, write the training shards.

The order of a mixture has nothing to do with the order of its inputs. So each documents shard is
read once and the pieces of its chosen rows laid, sorted by destination, into one scratch file with
one record batch for each destination; then each training shard collects its batches. Memory holds
one shard at a time, and a killed run goes on where it was.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from schemas import columns as c
from schemas.config import BudgetConfig, Condition, MixtureConfig
from schemas.errors import BudgetError, ConfigError
from schemas.manifest import Frozen, Shard, StageManifest
from schemas.masking import KINDS
from schemas.mixture import LAYOUT, TEXT_ROW, Layout, TokenizerSaid, table_schema
from tasks import (
    contents,
    counting,
    distances,
    draws,
    guarded,
    kept,
    ledger,
    masking,
    mixture,
    progress,
    rights,
    storage,
)
from tasks.budget import Budget
from tasks.counting import Counting
from tasks.encoding import Encoder
from tasks.hashing import add_hex, digest, table_digest
from tasks.mixture import features, rows, schedules
from tasks.mixture.order import PIECE
from tasks.mixture.rows import PIECES, Form
from tasks.steps import planned
from tasks.steps.policy import step
from tasks.steps.replay import FILE as DRAWN_FILE

if TYPE_CHECKING:
    from tasks.contents import Content

VERSION = "mixture-5"
MASKED = "masked"
SCRATCH = pa.schema([*PIECES, pa.field(MASKED, pa.list_(pa.int64()), nullable=False)])
"""What is laid out for a training shard: its pieces, and what masks hid in each, by kind."""


class Plan(Frozen):
    """Where a mixture's plan lies, and what it needs."""

    key: str
    scratch: str
    config: BudgetConfig
    settings: MixtureConfig
    tokenizer: TokenizerSaid
    documents: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    left_out: dict[str, dict[str, int]] = Field(default_factory=dict)
    finished: bool = False

    @property
    def form(self) -> Form:
        """What its rows are to be."""
        said, settings = self.tokenizer, self.settings
        return Form(settings.format, settings.row_tokens, said.end_id or 0, said.filler)


@step
def plan_mixture(config: BudgetConfig, settings: MixtureConfig, out: str) -> Plan:
    """Decide which piece stands where; the plan is written beside the scratch files."""
    schedules.check(settings.schedule, settings.replay_share)
    upstream = [ledger.read(out, stage).key for stage in _upstream(config)] + guarded.key(out)
    with Encoder.of(config, out) as encoder:
        key = digest(VERSION, config, upstream, encoder.digest, *kept.mask_key(config.masking))
        scratch = storage.join(out, ledger.SCRATCH, f"mixture-{key}")
        said: dict[str, Any] = {"settings": settings, "tokenizer": encoder.said}
        if ledger.finished(out, "mixture", key):
            return Plan(key=key, scratch=scratch, config=config, **said, finished=True)
        ledger.begin(out, "mixture")
        frame = _planned(config, settings, encoder, out)
        refused = counting.refused(Counting.of(config, encoder, out))
    documents = planned.write(scratch, frame, mixture.PLAN)
    progress.expect("mixture", int(frame[c.N_BYTES].sum()))
    names = mixture.file_names(frame)
    return Plan(
        key=key,
        scratch=scratch,
        config=config,
        **said,
        documents=documents,
        files=tuple(names[i] for i in sorted(names)),
        left_out=_left_out(refused),
    )


def _left_out(refused: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Rows that nothing can be learned from, by source and reason."""
    found: dict[str, dict[str, int]] = {}
    counts = refused.group_by(c.SOURCE, c.REASON).len().sort(c.SOURCE, c.REASON)
    for source, reason, n in counts.iter_rows():
        found.setdefault(source, {})[reason] = n
    return found


def _upstream(config: BudgetConfig) -> list[str]:
    return ["select", "tokenizer"] + ["replay"] * (config.replay is not None)


def _planned(
    config: BudgetConfig, settings: MixtureConfig, encoder: Encoder, out: str
) -> pl.DataFrame:
    frame = draws.documents(config, encoder, out)
    new = draws.new_data(frame, config, encoder=encoder, out=out)
    replay = new.clear()
    if config.replay is not None:
        at = storage.join(ledger.folder(out, "replay"), DRAWN_FILE)
        drawn = pl.DataFrame(pl.from_arrow(storage.read_table(at)))
        drawn = draws.replay_for_mixture(drawn, settings, new)
        replay = _known(drawn, frame, Counting.of(config, encoder, out))
    _check_not_empty(new)
    if settings.order == "dissimilar_first":
        new = distances.measured(new, replay, out, masking=config.masking)
    return mixture.plan(replay, new, settings, seed=config.seed)


def _known(replay: pl.DataFrame, frame: pl.DataFrame, by: Counting) -> pl.DataFrame:
    """Drawn rows with what was counted of whole documents; passages are text.

    Counts that were lost since the draw are made again: without them a conversation would be text.
    """
    whole = replay.filter(pl.col(c.START).is_null())
    frame = frame.join(whole, on=[c.SHARD, c.ROW], how="semi")
    sources = dict.fromkeys(whole[c.SOURCE].unique(), 1.0)
    frame = counting.count_up_to(frame, Budget(sources, math.inf), by=by)
    counts = frame.select(c.SHARD, c.ROW, c.START, c.KIND, c.SUPERVISED)
    found = replay.join(
        counts, on=[c.SHARD, c.ROW, c.START], how="left", nulls_equal=True, maintain_order="left"
    )
    return found.with_columns(
        pl.col(c.KIND).fill_null(TEXT_ROW), pl.col(c.SUPERVISED).fill_null(pl.col(c.TOKENS))
    )


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
    """Lay the pieces of one documents shard out by destination; return the scratch file."""
    at = storage.join(plan.scratch, f"{shard}.arrow")
    if storage.exists(at):
        return at
    chosen = planned.read(plan.scratch, [shard], mixture.PLAN)
    condition = plan.config.conditions.get(ledger.source_of(out, shard), Condition())
    parts, order = [SCRATCH.empty_table()], [chosen[mixture.FILE_NUMBER].clear()]
    with Encoder.of(plan.config, out) as encoder:
        for content in contents.of(out, shard, chosen, encoder, config=plan.config):
            own, table = _pieces(chosen, content, condition)
            parts.append(table)
            order.append(own[mixture.FILE_NUMBER])
    batches = _by_destination(pa.concat_tables(parts), pl.concat(order), len(plan.files))
    storage.write_ipc(at, batches, SCRATCH)
    once = chosen.unique([c.ROW, c.START])
    progress.advance("mixture", documents=once.height, n_bytes=int(chosen[c.N_BYTES].sum()))
    return at


def _pieces(
    chosen: pl.DataFrame, content: Content, condition: Condition
) -> tuple[pl.DataFrame, pa.Table]:
    """The plan's rows of some places, and their pieces."""
    places = content.places.select(c.ROW, c.START).with_row_index("at")
    own = chosen.join(places, on=[c.ROW, c.START], how="inner", nulls_equal=True)
    at = own["at"].to_numpy().astype(np.int64)
    table = rows.pieces(own, at, content.found, condition)
    once = ((own[c.TOKEN_START] == 0) & (own[c.EPOCH] == 0)).to_numpy()
    counts = content.masked[at] * once[:, None]
    hidden = pa.array(counts.tolist(), pa.list_(pa.int64()))
    return own, table.append_column(SCRATCH.field(MASKED), hidden)


def _by_destination(table: pa.Table, files: pl.Series, n_files: int) -> list[pa.RecordBatch]:
    """One record batch for each file, with the pieces that go there; ``files``: of each piece."""
    numbers = files.to_numpy()
    order = np.argsort(numbers, kind="stable")
    bounds = np.searchsorted(numbers[order], np.arange(n_files + 1))
    found = rows.in_order(table, order).combine_chunks().to_batches()
    if len(found) > 1:  # columns of lists hold 2^31 values
        raise ConfigError(
            "ingest.split_mb",
            got="documents that are read as one shard with more than 2^31 tokens or turns",
            wanted="smaller ones",
            way_out="Lower ingest.split_mb, or cut the source's files into smaller ones.",
        )
    batch = found[0] if found else pa.RecordBatch.from_pylist([], schema=SCRATCH)
    return [batch.slice(first, last - first) for first, last in pairwise(bounds.tolist())]


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
    pieces = pa.Table.from_batches(batches, SCRATCH)
    places = (pieces.column(PIECE).to_numpy(), pieces.column(c.POSITION).to_numpy())
    pieces = rows.in_order(pieces, np.lexsort(places))
    counts = np.array(pieces.column(MASKED).to_pylist(), np.int64).reshape(-1, len(KINDS))
    hidden = masking.by_source(pieces.column(c.SOURCE), counts)
    table = rows.made(pieces.drop_columns([MASKED]), plan.form)
    shard = Shard(
        file=name,
        rows=table.num_rows,
        digest=table_digest(table),
        n_bytes=sum(rows.content_bytes(table)),
        key=key,
        masked=masking.total([hidden]),
    )
    schema = table_schema(plan.settings.format, packed=plan.settings.row_tokens is not None)
    with storage.writing(at, features.with_features(schema)) as file:
        for group in rows.row_groups(table, max_bytes=plan.settings.row_group_mb * 1e6):
            file.write(group)
        file.finish(shard)
    return shard, False


@step
def finish_mixture(plan: Plan, shards: list[Shard], out: str) -> StageManifest:
    """Remove shards of an earlier recipe and the scratch files, and write the manifest."""
    frame = planned.read(plan.scratch, plan.documents, mixture.PLAN)
    for split in mixture.SPLIT_NAMES.values():
        ledger.sweep(out, "mixture", {s.file for s in shards}, below=split)
    manifest = StageManifest(
        stage="mixture",
        key=plan.key,
        digest=add_hex(s.digest for s in shards),
        rows_in=frame[c.DOC_ID].n_unique(),
        rows_out=sum(s.rows for s in shards),
        shards=tuple(shards),
        details={
            "asked": _asked(frame, plan.settings),
            **mixture.told(frame, plan.settings),
            "left_out": plan.left_out,
            **guarded.said(out),
            **rights.told(out, [s.file for s in shards]),
            LAYOUT: _layout(plan).model_dump(mode="json"),
            **masking.details(s.masked for s in shards),
        },
    )
    ledger.finish(out, manifest)
    storage.remove(plan.scratch)
    return manifest


def _asked(frame: pl.DataFrame, settings: MixtureConfig) -> dict[str, float]:
    first = (
        (pl.col(c.SPLIT) == mixture.TRAIN) & (pl.col(c.EPOCH) == 0) & (pl.col(c.ORIGIN) == "new")
    )
    asked = draws.asked(settings, int(frame.filter(first)[c.TOKENS].sum()))
    return {"replay_share": settings.replay_share, **{f"{k}_tokens": n for k, n in asked.items()}}


def _layout(plan: Plan) -> Layout:
    settings = plan.settings
    return Layout(
        format=settings.format,
        row_tokens=settings.row_tokens,
        tokenizer=plan.tokenizer,
        seed=plan.config.seed,
        epochs=settings.epochs,
        replay_epochs=settings.replay_epochs,
        schedule=settings.schedule,
        order=settings.order,
    )
