"""The plan of a mixture: which document stands where. Pure; the text is fetched by its steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.tables import MIXTURE, conform
from tasks import budget
from tasks.hashing import seeded

if TYPE_CHECKING:
    from collections.abc import Iterator

TRAIN, VALID = "train", "valid"
SPLIT_NAMES = {TRAIN: "train", VALID: "validation"}
"""Names of the splits as ``datasets`` and the trainers know them."""
FILE_NUMBER = "file_number"
PLAN = pa.schema(
    [
        pa.field(c.DOC_ID, pa.string(), nullable=False),
        pa.field(c.SOURCE, pa.string(), nullable=False),
        pa.field(c.ORIGIN, pa.string(), nullable=False),
        pa.field(c.SPLIT, pa.string(), nullable=False),
        pa.field(c.TOKENS, pa.int64(), nullable=False),
        pa.field(c.N_BYTES, pa.int64(), nullable=False),
        pa.field(c.POSITION, pa.int64(), nullable=False),
        pa.field(FILE_NUMBER, pa.int64(), nullable=False),
        pa.field(c.SHARD, pa.string(), nullable=False),
        pa.field(c.ROW, pa.int64(), nullable=False),
        pa.field(c.START, pa.int64()),
        pa.field(c.END, pa.int64()),
    ]
)


def plan(replay: pl.DataFrame, new: pl.DataFrame, *, shard_bytes: float, seed: int) -> pl.DataFrame:
    """Return the plan of both splits: order, position in the split, and number of the file.

    A row is a document, or where it has ``start`` and ``end``, a passage of one. ``replay`` is in
    drawing order, which keeps the shares of its sources at every prefix; new data
    goes by seeded hash. In training, the two are interleaved by tokens at the share they really
    have, so that neither is left over at the end.
    """
    parts, files = [], 0
    whole = pl.lit(None, pl.Int64)
    new = new.with_columns(whole.alias(c.START), whole.alias(c.END))
    for split in (TRAIN, VALID):
        ordered = _ordered(
            replay.filter(pl.col(c.SPLIT) == split),
            new.filter(pl.col(c.SPLIT) == split),
            seed=seed,
        )
        numbers = _file_numbers(ordered[c.N_BYTES].to_numpy(), shard_bytes) + files
        files = int(numbers.max(initial=files - 1)) + 1
        parts.append(
            ordered.with_columns(
                pl.lit(split).alias(c.SPLIT),
                pl.int_range(pl.len()).alias(c.POSITION),
                pl.Series(FILE_NUMBER, numbers),
            ).select(PLAN.names)
        )
    return pl.concat(parts)


def _ordered(replay: pl.DataFrame, new: pl.DataFrame, *, seed: int) -> pl.DataFrame:
    order = pl.Series(seeded(new[c.DOC_ID], seed=seed, stage="mixture"))
    new = new.select(pl.all().sort_by(order, pl.col(c.DOC_ID)))
    old, fresh = replay[c.TOKENS].to_list(), new[c.TOKENS].to_list()
    share = sum(old) / max(1, sum(old) + sum(fresh))
    is_replay = budget.interleave(old, fresh, share)
    both = pl.concat(
        [
            replay.with_columns(pl.lit("replay").alias(c.ORIGIN)),
            new.with_columns(pl.lit("new").alias(c.ORIGIN)),
        ],
        how="diagonal",  # passages of replay have a place in their document
    )
    places = np.empty(len(is_replay), dtype=np.int64)
    places[is_replay] = np.arange(replay.height)
    places[~is_replay] = replay.height + np.arange(new.height)
    return both[places]


def _file_numbers(n_bytes: np.ndarray, shard_bytes: float) -> np.ndarray:
    """Files of about equal size, none much above ``shard_bytes``: number of each row's file."""
    total = int(n_bytes.sum())
    files = max(1, math.ceil(total / shard_bytes))
    before = np.cumsum(n_bytes) - n_bytes
    numbers = np.minimum(before // max(1, math.ceil(total / files)), files - 1).astype(np.int64)
    # A document larger than a file leaves the next number without a row: close such gaps.
    return np.unique(numbers, return_inverse=True)[1].astype(np.int64)


def file_names(plan: pl.DataFrame) -> dict[int, str]:
    """Name of each numbered file, such as ``train/train-00000-of-00004.parquet``."""
    names: dict[int, str] = {}
    for split, name in SPLIT_NAMES.items():
        numbers = plan.filter(pl.col(c.SPLIT) == split)[FILE_NUMBER].unique().sort().to_list()
        for i, number in enumerate(numbers):
            names[number] = f"{name}/{name}-{i:05d}-of-{len(numbers):05d}.parquet"
    return names


def rows(documents: pa.Table, plan: pl.DataFrame) -> pa.Table:
    """Join the texts of some plan rows, in the plan's order, with what it says of them."""
    said = plan.select(c.TOKENS, c.POSITION, c.ORIGIN, c.START, c.END).to_arrow()
    table = documents.select([c.TEXT, c.DOC_ID, c.SOURCE, c.LICENSE, c.URL])
    for name in said.column_names:
        table = table.append_column(name, said.column(name))
    weight = pa.array(np.ones(table.num_rows))
    return conform(table.append_column(c.WEIGHT, weight), MIXTURE)


def row_groups(table: pa.Table, *, max_bytes: float) -> Iterator[pa.Table]:
    """Cut a table into runs of rows of at most ``max_bytes`` of text (but one row at least)."""
    sizes = pl.Series(pl.from_arrow(table.column(c.TEXT))).str.len_bytes().to_list()
    start, held = 0, 0
    for i, size in enumerate(sizes):
        if i > start and held + size > max_bytes:
            yield table.slice(start, i - start)
            start, held = i, 0
        held += size
    if start < table.num_rows:
        yield table.slice(start)


def achieved(plan: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """For each split: documents and tokens in all, by origin and by source."""
    outcome: dict[str, dict[str, Any]] = {}
    for split, name in SPLIT_NAMES.items():
        own = plan.filter(pl.col(c.SPLIT) == split)
        by_origin = dict(own.group_by(c.ORIGIN).agg(pl.col(c.TOKENS).sum()).iter_rows())
        tokens = int(own[c.TOKENS].sum())
        outcome[name] = {
            "documents": own.height,
            "tokens": tokens,
            "replay_tokens": int(by_origin.get("replay", 0)),
            "new_tokens": int(by_origin.get("new", 0)),
            "replay_share": by_origin.get("replay", 0) / tokens if tokens else 0.0,
            "largest_document_tokens": int(own[c.TOKENS].to_numpy().max(initial=0)),
            "sources": dict(
                own.group_by(c.SOURCE).agg(pl.col(c.TOKENS).sum()).sort(c.SOURCE).iter_rows()
            ),
        }
    return outcome
