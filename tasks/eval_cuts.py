"""What is done about documents with items of evaluation sets: they go, or some paragraphs do.

An extra read of the text of these documents, where paragraphs go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from schemas import columns as c
from tasks import eval_sets, eval_texts, leaks, raw, removal

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from schemas.config import DecontaminateConfig, DedupConfig
    from schemas.manifest import Shard
    from tasks.evals.index import Index, Limits
    from tasks.leaks import Measured

CUTS: dict[str, type[pl.DataType]] = {
    c.ROW: pl.Int64,
    c.START: pl.Int64,
    c.END: pl.Int64,
    c.ITEM: pl.Int32,
}
"""Bytes that a document loses, and the item for which; without bytes and item it goes itself."""


FOUND: dict[str, type[pl.DataType]] = {
    "at": pl.Int64,
    c.SOURCE: pl.String,
    c.ITEM: pl.Int32,
    c.COVERED: pl.Int64,
    c.RUN: pl.Int64,
}


NONE = np.zeros(0, np.int64)


class Policy(NamedTuple):
    """The recipe's sections that say what is done."""

    decontaminate: DecontaminateConfig
    dedup: DedupConfig


class Judge:
    """Judges texts of a run as its documents were judged."""

    def __init__(self, measured: Measured, config: DecontaminateConfig, out: str) -> None:
        self.index: Index = eval_sets.index(measured.evals, out)
        self.limits: Limits = leaks.limits(config)
        common = leaks.common(measured, config, out).sort(c.GRAM)
        parts = common.partition_by(c.SOURCE, as_dict=True).items()
        self._common = {source: part[c.GRAM].to_numpy() for (source,), part in parts}

    def common(self, source: str) -> NDArray[np.int64]:
        """Return the grams that are common in a source."""
        return self._common.get(source, NONE)

    def judged(self, texts: pa.Table, *, with_common: bool = False) -> pl.DataFrame:
        """Return which items documents have: ``at, source, item, covered, run``, in order.

        Reads ``source, text``; ``at`` is the place in the table. Common grams of a document's
        source do not count, unless ``with_common``.
        """
        parts = [pl.DataFrame(schema=FOUND)]
        for source, places, own in by_source(texts):
            common = NONE if with_common else self.common(source)
            found = eval_texts.judged(own, self.index, common, self.limits)
            columns = (places[found[:, 0]], [source] * len(found), *found[:, 1:].T)
            parts.append(pl.DataFrame(dict(zip(FOUND, columns, strict=True)), schema=FOUND))
        return pl.concat(parts).sort("at", c.ITEM)


def by_source(texts: pa.Table) -> Iterator[tuple[str, NDArray[np.int64], pa.LargeStringArray]]:
    """Part documents by source: its name, their places in the table, and their texts."""
    names = pl.Series(texts.column(c.SOURCE))
    for source in names.unique().sort():
        places = (names == source).arg_true().to_numpy().astype(np.int64)
        yield source, places, texts.column(c.TEXT).take(places).combine_chunks()


def cuts(found: pl.DataFrame, policy: Policy, measured: Measured, out: str) -> pl.DataFrame:
    """Return what goes for the hits ``found`` (``EVAL_HITS``): :data:`CUTS`, in order.

    Whole documents go that are conversations or of sources which lose no parts, that would lose
    more than ``max_removed_share`` of their bytes, or all of their words.
    """
    config = policy.decontaminate
    rows = leaks.against(found, config)[c.ROW].unique().sort()
    nothing = pl.DataFrame(schema=CUTS)
    if config.action != "drop_paragraphs" or rows.is_empty():
        return pl.concat([nothing, pl.DataFrame({c.ROW: rows})], how="diagonal")
    judge, columns = Judge(measured, config, out), [c.SOURCE, c.TEXT, c.MESSAGES]
    read = raw.of_run(out, measured.documents.shards, rows.to_numpy(), columns=columns)
    parts = [_cut(table, own, shard, policy=policy, judge=judge) for shard, own, table in read]
    return pl.concat([nothing, *parts]).sort(c.ROW, c.START)


def _cut(
    table: pa.Table, rows: NDArray[np.int64], shard: Shard, *, policy: Policy, judge: Judge
) -> pl.DataFrame:
    """Return what goes of some documents of a shard, which are so many rows."""
    told: list[tuple[int, int | None, int | None, int | None]] = []
    talks = table.column(c.MESSAGES).is_valid().to_numpy()
    named = set(policy.dedup.whole)
    for source, places, texts in by_source(table):
        sizes = [len(text.encode()) for text in texts.to_pylist()]
        found = eval_texts.cut(texts, judge.index, judge.common(source), judge.limits)
        for place, size, cut in zip(places.tolist(), sizes, found, strict=True):
            row, lost = int(rows[place]), sum(span.end - span.start for span in cut.spans)
            whole = talks[place] or source in named or shard.source in named or not cut.worded
            if whole or lost > policy.dedup.max_removed_share * size:
                told.append((row, None, None, None))
            else:
                told += [(row, *span) for span in cut.spans]
    return pl.DataFrame(told, schema=CUTS, orient="row")


def rejoined(
    lost: pl.DataFrame, measured: Measured, config: DecontaminateConfig, out: str
) -> list[int]:
    """Return the rows of documents which have an item when they have lost these parts.

    ``lost`` has ``row, start, end``, in order. Those of exempt sources may. Reads their texts.
    """
    judge, found, shards = Judge(measured, config, out), list[int](), measured.documents.shards
    wanted, columns = lost[c.ROW].unique().sort().to_numpy(), [c.SOURCE, c.TEXT]
    for shard, rows, table in raw.of_run(out, shards, wanted, columns=columns):
        if shard.source in config.exempt:
            continue
        hits = judge.judged(removal.cut(table, rows.tolist(), lost))
        hits = hits.filter(~pl.col(c.SOURCE).is_in(list(config.exempt)))
        found += rows[hits["at"].unique().sort().to_numpy()].tolist()
    return found


def dropped(some: pl.DataFrame) -> pl.Series:
    """Return the rows of documents that go as a whole."""
    return some.filter(pl.col(c.START).is_null())[c.ROW]


def parts(some: pl.DataFrame) -> pl.DataFrame:
    """Return what other documents lose."""
    return some.drop_nulls(c.START)
