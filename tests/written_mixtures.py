"""Small mixtures made with the functions that make large ones, in any number of shards."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from schemas import columns as c
from schemas.budgets import ScheduleConfig
from schemas.manifest import Shard, StageManifest
from schemas.mixture import LAYOUT, NO_LOSS, PACKED, TEXT, TOKENS, Layout, TokenizerSaid
from tasks import ledger, storage
from tasks.hashing import add_hex, digest, table_digest
from tasks.mixture import diffusion, packing
from tasks.ragged import Lists

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from schemas.budgets import RowFormat

END, PADDING, SIZE = 0, 1, 300
"""Ids of the end of text and of padding, and how many ids there are."""


def ids_of(lengths: NDArray[Any], seed: int) -> tuple[Lists, Lists]:
    """Ids and labels of documents; of every third one the first half is not learned."""
    chance = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = chance.integers(2, SIZE, int(lengths.sum())).astype(np.int32)
    labels = values.copy()
    for number in range(0, len(lengths), 3):
        labels[offsets[number] : offsets[number] + lengths[number] // 2] = NO_LOSS
    return Lists(values, offsets), Lists(labels, offsets)


def packed(documents: int, *, row_tokens: int = 16, seed: int = 0) -> pa.Table:
    """Rows of tokens, packed from documents of all lengths; a third of the documents is replay."""
    chance = np.random.default_rng(seed)
    lengths = chance.integers(1, 3 * row_tokens, documents)
    is_replay = np.arange(documents) % 3 == 0
    priority = chance.integers(0, 2**62, documents).astype(np.uint64)
    ids, labels = ids_of(lengths, seed)
    found = packing.pack(packing.Documents(lengths, 1 - is_replay, priority), row_tokens)
    order = _order(found.groups == 0)
    rows = packing.laid_out(found, ids, end=END, padding=PADDING)[order]
    learned = packing.laid_out(found, labels, end=END, padding=NO_LOSS)[order]
    attends = packing.attention(found)[order]
    table = []
    for position, row in enumerate(order.tolist()):
        own = range(found.offsets[row], found.offsets[row + 1])
        pieces = [_piece(found, piece, labels) for piece in own]
        table.append(
            {
                c.INPUT_IDS: rows[position],
                c.ATTENTION_MASK: attends[position].astype(np.int8),
                c.LABELS: learned[position],
                **_of_row(position, is_replay=bool(found.groups[row] == 0)),
                **{name: [piece[name] for piece in pieces] for name in pieces[0]},
            }
        )
    return pa.Table.from_pylist(table, schema=PACKED)


def _order(is_replay: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows by error diffusion, as a mixture has them."""
    n, replay = len(is_replay), int(is_replay.sum())
    wanted = diffusion.is_replay(diffusion.constant(n, Fraction(replay, max(1, n))))
    return diffusion.merged(wanted, np.flatnonzero(is_replay), np.flatnonzero(~is_replay))


def _piece(found: packing.Packing, piece: int, labels: Lists) -> dict[str, Any]:
    document = int(found.documents[piece])
    start, end = int(found.starts[piece]), int(found.ends[piece])
    ends = end > found.lengths[document]
    first = int(labels.offsets[document])
    learned = labels.values[first + start : first + end - ends] != NO_LOSS
    return {
        **_document(document, end - start - int(ends), int(learned.sum())),
        c.TOKEN_START: start,
        c.ENDS: bool(ends),
    }


def _document(number: int, tokens: int, supervised: int) -> dict[str, Any]:
    return {
        c.KIND: "text",
        c.DOC_ID: f"{number:032x}",
        c.SOURCE: ("old", "new-a", "new-b")[number % 3],
        c.LICENSE: "CC0-1.0",
        c.TOKENS: tokens,
        c.SUPERVISED: supervised,
        c.WEIGHT: 1.0,
        c.START: None,
        c.END: None,
        c.SOURCE_CLASS: None,
        c.CONDITION_PREFIX: None,
        c.LOSS_WEIGHT: 1.0,
    }


def _of_row(position: int, *, is_replay: bool) -> dict[str, Any]:
    origin = "replay" if is_replay else "new"
    return {c.ORIGIN: origin, c.EPOCH: 0, c.POSITION: position}


def documents(rows: int, *, seed: int = 0) -> pa.Table:
    """Rows of tokens, each a document with its end of text; every fourth is replay."""
    chance = np.random.default_rng(seed)
    lengths = chance.integers(1, 9, rows)
    ids, labels = ids_of(lengths, seed)
    table = []
    for row in range(rows):
        own = slice(ids.offsets[row], ids.offsets[row + 1])
        table.append(
            {
                c.INPUT_IDS: np.append(ids.values[own], END),
                c.ATTENTION_MASK: np.ones(lengths[row] + 1, np.int8),
                c.LABELS: np.append(labels.values[own], END),
                c.TEXT: f"document {row}",
                c.MESSAGES: None,
                **_of_row(row, is_replay=row % 4 == 3),
                **_document(row, int(lengths[row]), int((labels.values[own] != NO_LOSS).sum())),
            }
        )
    return pa.Table.from_pylist(table, schema=TOKENS)


def texts(rows: int) -> pa.Table:
    """Rows of text; every fourth is replay."""
    return pa.Table.from_pylist(
        [
            {
                c.TEXT: f"document {row}",
                **_of_row(row, is_replay=row % 4 == 3),
                **_document(row, 2, 2),
            }
            for row in range(rows)
        ],
        schema=TEXT,
    )


def write(
    out: Path,
    splits: Mapping[str, pa.Table],
    *,
    shards: int = 3,
    group_rows: int = 4,
    row_tokens: int | None = 16,
    order: str = "hashed",
) -> StageManifest:
    """Write the mixture of a run: shards of about as many rows as each other, and the manifest."""
    folder, written = storage.join(str(out), "mixture"), []
    for split, table in splits.items():
        ends = [table.num_rows * i // shards for i in range(shards + 1)]
        for i, (start, end) in enumerate(pairwise(ends)):
            own = table.slice(start, end - start)
            name = f"{split}/{split}-{i:05d}-of-{shards:05d}.parquet"
            said = Shard(file=name, rows=own.num_rows, digest=table_digest(own))
            with storage.writing(storage.join(folder, name), table.schema) as file:
                for first in range(0, own.num_rows, group_rows):
                    file.write(own.slice(first, group_rows))
                file.finish(said)
            written.append(said)
    manifest = StageManifest(
        stage="mixture",
        key=digest("made for a test"),
        digest=add_hex(s.digest for s in written),
        rows_in=sum(s.rows for s in written),
        rows_out=sum(s.rows for s in written),
        shards=tuple(written),
        details={LAYOUT: layout(_format(table), row_tokens, order).model_dump(mode="json")},
    )
    ledger.finish(str(out), manifest)
    return manifest


def _format(table: pa.Table) -> RowFormat:
    return "tokens" if c.INPUT_IDS in table.column_names else "text"


def layout(row_format: RowFormat, row_tokens: int | None, order: str) -> Layout:
    return Layout(
        format=row_format,
        row_tokens=row_tokens if row_format == "tokens" else None,
        tokenizer=TokenizerSaid(
            kind="tokenizers", digest="0" * 32, size=SIZE, end_id=END, padding_id=PADDING
        ),
        seed=0,
        epochs=1,
        replay_epochs=1,
        schedule=ScheduleConfig(),
        order=order,
    )
