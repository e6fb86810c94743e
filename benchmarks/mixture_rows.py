"""Packed rows for benches of reading: real text, repeated as often as it takes.

``python -m benchmarks.mixture_rows FOLDER TOKENS`` writes the mixtures ``FOLDER/large`` (about so
many tokens) and ``FOLDER/small`` (all documents once); below each of them, in ``parts/replay`` and
``parts/new``, lie the same rows as people have them who mix while they read. It prints what they
hold as one JSON line.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks import texts
from schemas import columns as c
from schemas.budgets import Condition, ScheduleConfig
from schemas.manifest import Shard, StageManifest
from schemas.mixture import LAYOUT, LEARNED, PACKED, TEXT_ROW, Layout, TokenizerSaid
from tasks import ledger, storage, tokens
from tasks.hashing import add_hex, table_digest
from tasks.mixture import diffusion, order, packing, rows
from tasks.ragged import Lists

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tasks.mixture.packing import Packing

ROW_TOKENS: Final = 2048
SHARE: Final = Fraction(1, 4)
DOCUMENTS, VOCABULARY, LEARNED_FROM = 4_000, 16_000, 500
SHARDS: Final = 16
GROUP_ROWS: Final = 800
"""Some 15 MB in memory."""
PARTS: Final = pa.schema([PACKED.field(name) for name in LEARNED])


def encoded() -> tuple[str, Lists]:
    """Where the documents come from, and their tokens."""
    origin, some = texts.pool()
    some = some[:DOCUMENTS]
    tokenizer = tokens.load(
        tokens.train(some[:LEARNED_FROM], vocab_size=VOCABULARY), where="the bench's tokenizer"
    )
    ids = [np.array(own, np.int32) for own in tokens.ids(tokenizer, some)]
    offsets = np.cumsum([0, *map(len, ids)])
    return origin, Lists(np.concatenate(ids), offsets)


def packed(given: Lists, n_tokens: int) -> tuple[Packing, Lists]:
    """Pack documents, repeated to so many tokens; a quarter of them is replay."""
    lengths, once = np.diff(given.offsets), len(given.values)
    times = max(1, round(n_tokens / (once + len(lengths))))
    n = len(lengths) * times
    priority = np.random.default_rng(0).permutation(n).astype(np.uint64)
    is_replay = np.arange(n) % SHARE.denominator < SHARE.numerator
    found = packing.pack(
        packing.Documents(np.tile(lengths, times), 1 - is_replay, priority), ROW_TOKENS
    )
    # Documents that come again have their tokens where they have them the first time.
    return found, Lists(given.values, np.tile(given.offsets[:-1], times))


def write(given: Lists, out: Path, n_tokens: int) -> dict[str, Any]:
    """Write a mixture and its two parts; return what it holds."""
    found, ids = packed(given, n_tokens)
    n_replay = int((found.groups == 0).sum())
    share = Fraction(n_replay, found.rows)
    is_replay = diffusion.is_replay(diffusion.constant(found.rows, share))
    # By seed: as packed, rows of the same documents would be neighbours, and shrink to nothing.
    chance = np.random.default_rng(1)
    old, new = chance.permutation(n_replay), chance.permutation(found.rows - n_replay) + n_replay
    in_turn = diffusion.merged(is_replay, old, new)
    shards = [
        _shard(out, number, ends, (found, ids, in_turn))
        for number, ends in enumerate(pairwise(found.rows * i // SHARDS for i in range(SHARDS + 1)))
    ]
    manifest = StageManifest(
        stage="mixture",
        key="made for a bench",
        digest=add_hex(s.digest for s in shards),
        rows_in=found.rows,
        rows_out=found.rows,
        shards=tuple(shards),
        details={LAYOUT: _layout().model_dump(mode="json")},
    )
    ledger.finish(str(out), manifest)
    return {"file": out.name, "documents": found.rows, "text_bytes": found.rows * ROW_TOKENS * 9}


def _shard(
    out: Path,
    number: int,
    ends: tuple[int, int],
    made: tuple[Packing, Lists, NDArray[np.int64]],
) -> Shard:
    name = f"train/train-{number:05d}-of-{SHARDS:05d}.parquet"
    digests, parts = [], out / "parts"
    with (
        storage.writing(str(out / "mixture" / name), PACKED) as file,
        storage.writing(str(parts / "replay" / f"{number}.parquet"), PARTS) as old,
        storage.writing(str(parts / "new" / f"{number}.parquet"), PARTS) as new,
    ):
        for table in _tables(ends, made):
            file.write(table)
            digests.append(table_digest(table.select([c.POSITION, c.ORIGIN])))
            for side, origin in ((old, "replay"), (new, "new")):
                own = pa.array([o == origin for o in table.column(c.ORIGIN).to_pylist()])
                side.write(table.select(LEARNED).filter(own))
        shard = Shard(file=name, rows=ends[1] - ends[0], digest=add_hex(digests))
        file.finish(shard)
    return shard


def _tables(
    ends: tuple[int, int], made: tuple[Packing, Lists, NDArray[np.int64]]
) -> Iterator[pa.Table]:
    found, ids, in_turn = made
    for first in range(ends[0], ends[1], GROUP_ROWS):
        yield _rows(found, ids, in_turn[first : min(first + GROUP_ROWS, ends[1])], first)


def _rows(found: Packing, ids: Lists, some: NDArray[np.int64], first: int) -> pa.Table:
    own = _some(found, some)
    placed, none = order.pieces(own, np.arange(first, first + len(some))), pl.lit(None, pl.Int64)
    is_replay = np.repeat(own.groups == 0, np.diff(own.offsets))
    chosen = placed.with_columns(
        pl.Series(c.ORIGIN, np.where(is_replay, "replay", "new"), pl.String),
        pl.lit(TEXT_ROW).alias(c.KIND),
        pl.lit(0, pl.Int64).alias(c.EPOCH),
        pl.col(c.TOKENS).alias(c.SUPERVISED),
        none.alias(c.START),
        none.alias(c.END),
    )
    names = [f"{d:032x}" for d in own.documents.tolist()]
    documents = pa.table({c.DOC_ID: names, c.SOURCE: ["bench"] * len(names)})
    at = Lists(ids.values, ids.offsets[own.documents])
    learned = at._replace(values=np.ones(len(ids.values), np.bool_))
    table = rows.pieces(
        chosen, np.arange(len(names)), rows.Found(documents, at, learned), Condition()
    )
    return rows.made(table, rows.Form("tokens", ROW_TOKENS))


def _some(found: Packing, rows: NDArray[np.int64]) -> Packing:
    """Some rows of a packing, as one of its own."""
    pieces = [np.arange(found.offsets[r], found.offsets[r + 1]) for r in rows.tolist()]
    whole = np.concatenate(pieces)
    return replace(
        found,
        offsets=np.cumsum([0, *map(len, pieces)]),
        documents=found.documents[whole],
        starts=found.starts[whole],
        ends=found.ends[whole],
        groups=found.groups[rows],
    )


def _layout() -> Layout:
    said = TokenizerSaid(kind="tokenizers", digest="0" * 32, size=VOCABULARY, end_id=0)
    return Layout(format="tokens", row_tokens=ROW_TOKENS, tokenizer=said, seed=0, epochs=1,
                  replay_epochs=1, schedule=ScheduleConfig(), order="hashed")  # fmt: skip


def main() -> None:
    """Write both; print what they hold."""
    folder, n_tokens = Path(sys.argv[1]), int(sys.argv[2])
    origin, given = encoded()
    about = {
        "origin": origin,
        "documents_once": len(given.offsets) - 1,
        "tokens_once": len(given.values),
        "small": write(given, folder / "small", 1),
        "large": write(given, folder / "large", n_tokens),
    }
    print(json.dumps(about))


if __name__ == "__main__":
    main()
