"""The plan of a mixture: which document stands where. Pure; the text is fetched by its steps."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.mixture import TEXT_ROW
from schemas.windows import WINDOWS
from tasks.mixture import diffusion, schedules
from tasks.mixture.order import PIECE, How, arranged, scheduled
from tasks.mixture.windows import windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from schemas.config import MixtureConfig
    from schemas.windows import Windows

TRAIN, VALID = "train", "valid"
SPLIT_NAMES = {TRAIN: "train", VALID: "validation"}
"""Names of the splits as ``datasets`` and the trainers know them."""
FILE_NUMBER = "file_number"
MANY_FILES: Final = 128
"""Files of a split that is large enough, so that any usual number of workers divides them."""
LARGE_ENOUGH: Final = 2e6
"""Bytes of text in each of so many files."""
SLACK: Final = 1e-3
"""Of sums of floats."""
PLAN = pa.schema(
    [
        pa.field(c.DOC_ID, pa.string(), nullable=False),
        pa.field(c.SOURCE, pa.string(), nullable=False),
        pa.field(c.ORIGIN, pa.string(), nullable=False),
        pa.field(c.KIND, pa.string(), nullable=False),
        pa.field(c.SPLIT, pa.string(), nullable=False),
        pa.field(c.TOKENS, pa.int64(), nullable=False),
        pa.field(c.SUPERVISED, pa.int64(), nullable=False),
        pa.field(c.N_BYTES, pa.int64(), nullable=False),
        pa.field(c.EPOCH, pa.int64(), nullable=False),
        pa.field(c.POSITION, pa.int64(), nullable=False),
        pa.field(PIECE, pa.int64(), nullable=False),
        pa.field(c.TOKEN_START, pa.int64(), nullable=False),
        pa.field(c.ENDS, pa.bool_(), nullable=False),
        pa.field(FILE_NUMBER, pa.int64(), nullable=False),
        pa.field(c.SHARD, pa.string(), nullable=False),
        pa.field(c.ROW, pa.int64(), nullable=False),
        pa.field(c.START, pa.int64()),
        pa.field(c.END, pa.int64()),
    ]
)
"""A row is a piece of a document; its row of the mixture is ``position``."""


def plan(
    replay: pl.DataFrame, new: pl.DataFrame, config: MixtureConfig, *, seed: int
) -> pl.DataFrame:
    """Return the plan of both splits: each piece's row, its place there, the number of the file.

    ``replay`` is in drawing order; frames have the columns of a draw. Where they do not say them,
    documents are whole, text, and learned from the first token to the last.
    """
    replay, new = _told(replay), _told(new)
    parts, files = [], 0
    for split in (TRAIN, VALID):
        own = pl.col(c.SPLIT) == split
        how = How(config, seed, train=split == TRAIN)
        ordered = arranged(replay.filter(own), new.filter(own), how)
        sizes = ordered.group_by(c.POSITION, maintain_order=True).agg(pl.col(c.N_BYTES).sum())
        numbers = _file_numbers(sizes[c.N_BYTES].to_numpy(), config.shard_mb * 1e6) + files
        files = int(numbers.max(initial=files - 1)) + 1
        of_row = pl.Series(FILE_NUMBER, numbers, pl.Int64).gather(ordered[c.POSITION])
        parts.append(ordered.with_columns(of_row).select(PLAN.names))
    return pl.concat(parts)


def _told(frame: pl.DataFrame) -> pl.DataFrame:
    whole = pl.lit(None, pl.Int64)
    said = {
        c.START: whole,
        c.END: whole,
        c.KIND: pl.lit(TEXT_ROW),
        c.SUPERVISED: pl.col(c.TOKENS),
    }
    missing = [what.alias(name) for name, what in said.items() if name not in frame.columns]
    return frame.with_columns(missing)


def _file_numbers(n_bytes: np.ndarray, shard_bytes: float) -> np.ndarray:
    """Files of about equal size, none much above ``shard_bytes``: number of each row's file."""
    total = int(n_bytes.sum())
    files = max(1, math.ceil(total / shard_bytes))
    if total >= MANY_FILES * LARGE_ENOUGH:
        files = max(files, MANY_FILES)
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


def achieved(plan: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """For each split: rows, documents and tokens in all, by origin and by source.

    Tokens are of documents, without those that end their texts. A document that is cut into
    passages or seen again counts once. ``plan`` may also be pieces as they were written.
    """
    outcome: dict[str, dict[str, Any]] = {}
    for split, name in SPLIT_NAMES.items():
        own = plan.filter(pl.col(c.SPLIT) == split)
        by_origin = dict(own.group_by(c.ORIGIN).agg(pl.col(c.TOKENS).sum()).iter_rows())
        of_rows = own.group_by(c.POSITION).agg(pl.col(c.ORIGIN).first())[c.ORIGIN]
        tokens = int(own[c.TOKENS].sum())
        whole = own.group_by(c.DOC_ID, c.START, c.EPOCH, c.ORIGIN).agg(pl.col(c.TOKENS).sum())
        outcome[name] = {
            "rows": len(of_rows),
            "replay_rows": int((of_rows == "replay").sum()),
            "documents": own[c.DOC_ID].n_unique(),
            "tokens": tokens,
            "supervised_tokens": int(own[c.SUPERVISED].sum()),
            "replay_tokens": int(by_origin.get("replay", 0)),
            "new_tokens": int(by_origin.get("new", 0)),
            "replay_share": by_origin.get("replay", 0) / tokens if tokens else 0.0,
            "largest_document_tokens": int(whole[c.TOKENS].to_numpy().max(initial=0)),
            "sources": dict(
                own.group_by(c.SOURCE).agg(pl.col(c.TOKENS).sum()).sort(c.SOURCE).iter_rows()
            ),
        }
    return outcome


def packed_places(plan: pl.DataFrame, size: int) -> dict[str, dict[str, Any]]:
    """For each split of packed rows: places, those of end-of-text tokens, padding and its share."""
    outcome: dict[str, dict[str, Any]] = {}
    for split, name in SPLIT_NAMES.items():
        own = plan.filter(pl.col(c.SPLIT) == split)
        places = own[c.POSITION].n_unique() * size
        ends = int(own[c.ENDS].sum())
        padding = places - int(own[c.TOKENS].sum()) - ends
        outcome[name] = {
            "places": places,
            "ends": ends,
            "padding": padding,
            "waste": padding / places if places else 0.0,
        }
    return outcome


def told(plan: pl.DataFrame, config: MixtureConfig) -> dict[str, Any]:
    """Return what a plan, or what was written, comes to: a part of the manifest's details."""
    along = series(plan, config).model_dump(mode="json")
    found: dict[str, Any] = {"achieved": achieved(plan), WINDOWS: along}
    if config.row_tokens is not None:
        found["places"] = packed_places(plan, config.row_tokens)
    return found


def off_schedule(
    is_replay: NDArray[np.bool_], tokens: NDArray[np.int64], config: MixtureConfig
) -> tuple[float, float, str]:
    """How far the replay before any row is from what the schedule asks, how far it may be, unit.

    Packed rows may be less than one row off; rows of documents one longest document.
    """
    sizes, schedule = _sized(is_replay, tokens, config)
    if not sizes.sum():
        return 0.0, 0.0, "tokens"
    wanted, packed = schedules.reached(schedule), config.row_tokens is not None
    before, every = np.cumsum(sizes * is_replay), np.cumsum(sizes)
    off = max(abs(int(a) - wanted(int(n))) for a, n in zip(before, every, strict=True))
    return off, (1.0 if packed else float(sizes.max())) + SLACK, "rows" if packed else "tokens"


def series(plan: pl.DataFrame, config: MixtureConfig) -> Windows:
    """Return the share of replay along the training order, beside what the schedule asks for.

    Of packed rows by rows, else by tokens.
    """
    train = plan.filter(pl.col(c.SPLIT) == TRAIN)
    by_row = train.group_by(c.POSITION).agg(pl.col(c.ORIGIN).first(), pl.col(c.TOKENS).sum())
    by_row = by_row.sort(c.POSITION)
    is_replay = (by_row[c.ORIGIN] == "replay").to_numpy()
    sizes, schedule = _sized(is_replay, by_row[c.TOKENS].to_numpy(), config)
    tokens = None if config.row_tokens is not None else sizes
    return windows(is_replay, tokens=tokens, schedule=schedule)


def _sized(
    is_replay: NDArray[np.bool_], tokens: NDArray[np.int64], config: MixtureConfig
) -> tuple[NDArray[np.int64], diffusion.Schedule]:
    """What shares of rows are told in, and the schedule over all of it: packed rows count alike."""
    sizes = tokens if config.row_tokens is None else np.ones(len(is_replay), np.int64)
    total, old = int(sizes.sum()), int(sizes[is_replay].sum())
    return sizes, scheduled(config, total, Fraction(old, total)) if total else ()
