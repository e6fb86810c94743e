"""Steps of deduplication within documents: lines, paragraphs and runs of words they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.config import DecidingConfig  # noqa: TC001  (Prefect reads the annotations)
from schemas.levels import EVAL_ITEM
from tasks import (
    comparing,
    compiled,
    dedup,
    eval_cuts,
    leaks,
    ledger,
    narrow,
    raw,
    removal,
    select,
    storage,
)
from tasks.dedup import pieces
from tasks.hashing import digest
from tasks.pieces import ANCHOR, NAMES, anchor_width, is_blank, kinds_in_blocks
from tasks.steps import dedup as near_steps
from tasks.steps import semantic
from tasks.steps.policy import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Ints = np.ndarray[Any, np.dtype[np.int64]]

VERSION = "pieces-1"
KERNEL = "tasks.pieces.kernel"
DOCUMENTS = 2_000
"""Documents whose text is in memory at a time."""
STAYING = pa.schema([pa.field(c.RANK, pa.int64(), nullable=False)])
SHARED = pa.schema(
    [
        pa.field(pieces.HASH, pa.uint64(), nullable=False),
        pa.field(c.ROW, pa.int64(), nullable=False),
        pa.field(pieces.START, pa.int32(), nullable=False),
        pa.field(pieces.END, pa.int32(), nullable=False),
        pa.field(pieces.KIND, pa.int8(), nullable=False),
    ]
)


@step
def stay(deciding: DecidingConfig, found: near_steps.Found, out: str) -> list[str]:
    """Note down which documents stay by all other levels; return the file.

    None where pieces do not count, or where the decisions stand.
    """
    wanted = pieces.kinds(deciding.signals, deciding.dedup)
    if not wanted or narrow.finished(out, found.key) is not None:
        return []
    file = f"staying-{found.key}.parquet"
    if storage.read_shard(near_steps.at(file, out)) is None:
        twins = near_steps.twins(found, out)
        twins = semantic.joined(twins, semantic.read(found.alike, out))
        stays = select.surviving(twins, deciding.dedup).to_numpy()
        ranks = np.where(stays, twins[c.RANK].to_numpy(), -1)
        near_steps.write(near_steps.at(file, out), pl.DataFrame({c.RANK: ranks}), STAYING)
    return [file]


@step
def ranges(memory_bytes: int, out: str) -> list[dedup.Span]:
    """Return the ranges of hashes to compare pieces in."""
    every = narrow.pieces(out).select(pl.col(c.PIECES).list.len().sum())
    return pieces.ranges(int(every.collect(engine="streaming").item()), memory_bytes)


@step
def share(deciding: DecidingConfig, found: near_steps.Found, span: dedup.Span, out: str) -> str:
    """Find the pieces of a range of hashes that several documents have; return their file."""
    file = f"{digest(VERSION, found.key, list(map(str, span)))}.parquet"
    if storage.read_shard(near_steps.at(file, out)) is None:
        wanted = pieces.kinds(deciding.signals, deciding.dedup)
        shared = pieces.shared(narrow.pieces(out), staying(found, out), span, wanted)
        near_steps.write(near_steps.at(file, out), shared, SHARED)
    return file


@step
def find_anchored(
    deciding: DecidingConfig, found: near_steps.Found, memory_bytes: int, out: str
) -> list[dedup.Span]:
    """Return the ranges of hashes to compare runs in: those that hold an anchor that is shared."""
    anchors = sum(_anchors(file, out).height for file in found.shared)
    words = deciding.signals.substring_words
    if not anchors or words is None:
        return []
    return pieces.ranges(anchors * (words - anchor_width(words) + 1), memory_bytes)


@step
def run(deciding: DecidingConfig, found: near_steps.Found, span: dedup.Span, out: str) -> str:
    """Find the runs of a range of hashes that several documents have; return their file.

    An extra read of the text of documents that share an anchor.
    """
    file = f"{digest(VERSION, 'runs', found.shared, list(map(str, span)))}.parquet"
    if storage.read_shard(near_steps.at(file, out)) is None:
        anchors = pl.concat([_anchors(file, out) for file in found.shared]).unique()
        anchors = anchors.sort(c.ROW, pieces.START)
        every = [pl.DataFrame(schema=pieces.SHARED), *_runs(deciding, anchors, span, out)]
        near_steps.write(near_steps.at(file, out), pieces.of_several(pl.concat(every)), SHARED)
    return file


def _runs(
    deciding: DecidingConfig, anchors: pl.DataFrame, span: dedup.Span, out: str
) -> Iterator[pl.DataFrame]:
    """Return a part after the other; ``anchors`` are in the order of rows."""
    words = deciding.signals.substring_words or 0
    kernel, start = compiled.load(KERNEL), 0
    for shard in ledger.read(out, "ingest").shards:
        first, last = np.searchsorted(anchors[c.ROW].to_numpy(), [start, start + shard.rows])
        own = anchors[first:last].with_columns(pl.col(c.ROW) - start)
        for numbers, table in raw.rows(
            out, shard.file, own[c.ROW].unique().to_list(), columns=[c.TEXT]
        ):
            for at in range(0, len(numbers), DOCUMENTS):
                rows = np.array(numbers[at : at + DOCUMENTS])
                texts = table.column(c.TEXT).slice(at, len(rows)).combine_chunks()
                hashes, places = kernel.runs(
                    *compiled.buffers(texts),
                    kinds_in_blocks(),
                    (anchor_width(words), words),
                    _near(own, rows),
                    (np.uint64(span[0]), np.uint64(span[1] - 1)),
                )
                yield _frame(hashes, places, rows + start)
        start += shard.rows


def _near(anchors: pl.DataFrame, rows: Ints) -> tuple[Ints, Ints]:
    """Return where the anchors of some rows begin, and which is each row's first."""
    own = anchors.filter(pl.col(c.ROW).is_between(int(rows[0]), int(rows[-1])))
    firsts = np.searchsorted(own[c.ROW].to_numpy(), np.append(rows, rows[-1] + 1))
    return own[pieces.START].to_numpy().astype(np.int64), firsts.astype(np.int64)


def _frame(hashes: NDArray[np.uint64], places: NDArray[np.int32], rows: Ints) -> pl.DataFrame:
    columns = (hashes, rows[places[:, 2]], places[:, 0], places[:, 1])
    found = pl.DataFrame(dict(zip(pieces.SHARED, columns, strict=False)))
    return found.with_columns(pl.lit(ANCHOR).alias(pieces.KIND)).cast(pl.Schema(pieces.SHARED))


def _anchors(file: str, out: str) -> pl.DataFrame:
    found = pl.DataFrame(storage.read_table(near_steps.at(file, out)))
    return found.filter(pl.col(pieces.KIND) == ANCHOR).select(c.ROW, pieces.START)


def staying(found: near_steps.Found, out: str) -> Ints:
    """Return the rank of each document that stays by all other levels, and -1 for the others."""
    (file,) = found.staying
    ranks: Ints = storage.read_table(near_steps.at(file, out)).column(0).to_numpy()
    return ranks


def found_pieces(found: near_steps.Found, out: str) -> pl.DataFrame:
    """Return all lines, paragraphs and runs that several documents have."""
    shared = [pl.DataFrame(storage.read_table(near_steps.at(file, out))) for file in found.shared]
    runs = [pl.DataFrame(storage.read_table(near_steps.at(file, out))) for file in found.runs]
    units = [frame.filter(pl.col(pieces.KIND) != ANCHOR) for frame in shared]
    return pl.concat([pl.DataFrame(schema=pieces.SHARED), *units, *runs])


def removed(
    found: near_steps.Found,
    frame: pl.DataFrame,
    *,
    deciding: DecidingConfig,
    given: narrow.Given,
    out: str,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what documents lose (``REMOVED``), and who goes as a whole (see ``pieces.remove``).

    Reads ``doc_id, n_bytes, source, recipe_source``. Paragraphs that go for an eval item are no
    part of what is compared: they are kept for nobody, and go of whoever has them.
    """
    cuts = eval_cuts.parts(near_steps.read_cuts(found.evals, out))
    spans, gone = _shared(found, frame, deciding=deciding, given=given, out=out)
    ids, names = frame[c.DOC_ID], dict(enumerate(NAMES))
    told = spans.select(
        c.ROW,
        c.START,
        c.END,
        pl.col(pieces.KIND).replace_strict(names, return_dtype=pl.String).alias(c.LEVEL),
        ids.gather(spans[c.TWIN_ROW]).alias(c.MATCHED_ID),
        pl.lit(None, pl.Int32).alias(c.ITEM),
    )
    told = pl.concat([told, cuts.with_columns(pl.lit(EVAL_ITEM).alias(c.LEVEL))], how="diagonal")
    told = told.filter(~pl.col(c.ROW).is_in(gone[c.ROW].implode())).sort(c.ROW, c.START)
    return told.with_columns(ids.gather(told[c.ROW]).alias(c.DOC_ID)), gone


def _shared(
    found: near_steps.Found,
    frame: pl.DataFrame,
    *,
    deciding: DecidingConfig,
    given: narrow.Given,
    out: str,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what documents lose because others have it, and who goes as a whole for that."""
    if not found.shared:
        return pl.DataFrame(schema=pieces.REMOVED), pl.DataFrame(schema=pieces.GONE)
    cuts = eval_cuts.parts(near_steps.read_cuts(found.evals, out))
    named = list(deciding.dedup.whole)
    whole = frame[c.SOURCE].is_in(named) | frame[c.RECIPE_SOURCE].is_in(named)
    spans, gone = pieces.remove(
        pieces.outside(found_pieces(found, out), cuts),
        staying(found, out),
        (frame[c.N_BYTES] - removal.sizes(cuts, frame.height)).to_numpy(),
        whole.to_numpy(),
        most=deciding.dedup.max_removed_share,
    )
    rows = np.array(list(_emptied(spans, cuts, given, out)), np.int64)
    gone = pl.concat([gone, pieces.emptied(spans, rows)]).sort(c.ROW)
    spans = spans.filter(~pl.col(c.ROW).is_in(rows))
    return spans.filter(~pl.col(c.ROW).is_in(_leaking(spans, cuts, deciding, given, out))), gone


def _emptied(
    spans: pl.DataFrame, cuts: pl.DataFrame, given: narrow.Given, out: str
) -> Iterator[int]:
    """Yield the rows that are left without a word. Reads the text of those that may be.

    They have kept no piece for others: it would be left of them.
    """
    spans = _all(spans, cuts)
    lost = spans.group_by(c.ROW).agg((pl.col(c.END) - pl.col(c.START)).sum()).sort(c.ROW)
    words = narrow.signals(given, [c.GOPHER_WORD_COUNT, c.GOPHER_MEAN_WORD_LENGTH], out)
    # Characters that are no white space: at least so many bytes go where all of them do.
    solid = words[c.GOPHER_WORD_COUNT] * words[c.GOPHER_MEAN_WORD_LENGTH]
    rows = lost.filter(lost[c.END] >= solid[lost[c.ROW]].fill_null(0).floor())[c.ROW].to_numpy()
    own = spans.filter(pl.col(c.ROW).is_in(rows)).partition_by(c.ROW, as_dict=True)
    read = comparing.documents(rows, shards=given.documents.shards, out=out)
    texts = (text.as_py() for part in read for text in part)
    for row, text in zip(rows.tolist(), texts, strict=True):
        if is_blank(removal.left(text, own[row,])):
            yield row


def _all(spans: pl.DataFrame, cuts: pl.DataFrame) -> pl.DataFrame:
    """Return all that goes of documents which lose something because others have it, in order."""
    own = cuts.filter(pl.col(c.ROW).is_in(spans[c.ROW].implode()))
    return pl.concat([spans, own.drop(c.ITEM)], how="diagonal").sort(c.ROW, c.START)


def _leaking(
    spans: pl.DataFrame, cuts: pl.DataFrame, deciding: DecidingConfig, given: narrow.Given, out: str
) -> list[int]:
    """Return the rows in which what is left would have an eval item, its halves brought together.

    They lose nothing of what others have. Reads the text of those that do.
    """
    config = deciding.decontaminate
    if given.evals is None or config is None or config.action == "report" or spans.is_empty():
        return []
    measured = leaks.Measured(given.documents, given.signals, given.evals)
    return eval_cuts.rejoined(_all(spans, cuts), measured, config, out)
