"""Which documents have items of evaluation sets: judged over all shards, without text.

A row of words that many documents of a source have is common there: a licence, a template. Items
are judged with such rows and without them, and both are told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from schemas import columns as c
from schemas.manifest import Shard
from schemas.tables import EVAL_HITS, conform
from tasks import eval_sets, ledger, storage
from tasks.evals.index import Limits
from tasks.hashing import table_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from schemas.config import DecontaminateConfig
    from schemas.manifest import EvalIndex, StageManifest
    from tasks.evals.index import Index

    Ints = NDArray[np.int64]

COUNTS = {
    c.EVAL_SET: pl.String,
    c.SOURCE: pl.String,
    "documents": pl.Int64,
    "items": pl.Int64,
    "documents_with_common": pl.Int64,
    "items_with_common": pl.Int64,
}
OF_DOCUMENT = [c.DOC_ID, c.SOURCE, c.RECIPE_SOURCE, c.ROW]
JUDGED = [*OF_DOCUMENT, c.ITEM, c.COVERED, c.RUN, c.COMMON]
ROWS = 100_000
"""Documents that are judged at a time."""


class Measured(NamedTuple):
    """Documents, and what was measured of them with which items."""

    documents: StageManifest
    signals: StageManifest
    evals: EvalIndex


class Had(NamedTuple):
    """Documents that have some gram: row, id, source, and the grams of each, by place in ``row``.

    ``firsts``: where each one's grams begin.
    """

    documents: pl.DataFrame
    grams: Ints
    words: Ints
    firsts: Ints


def limits(config: DecontaminateConfig) -> Limits:
    """Return how much of an item is enough."""
    return Limits(config.covered_share, config.run_words)


def hits(measured: Measured, config: DecontaminateConfig, out: str) -> pl.DataFrame:
    """Return ``EVAL_HITS``: a row for each document and item of which it has enough."""
    index = eval_sets.index(measured.evals, out)
    usual = common(measured, config, out)
    found = [_judged(some, index, usual, limits(config)) for some in _had(measured, out)]
    every = pl.concat([pl.DataFrame(EVAL_HITS.empty_table()).select(JUDGED), *found])
    items = eval_sets.items(measured.evals, out).drop(c.EXCERPT).with_row_index(c.ITEM)
    items = items.with_columns(pl.col(c.ITEM).cast(pl.Int32))
    return every.join(items, on=c.ITEM, how="left", maintain_order="left").select(EVAL_HITS.names)


def _had(measured: Measured, out: str) -> Iterator[Had]:
    """Yield the documents of a shard that have a gram, some at a time."""
    start = 0
    shards = zip(measured.documents.shards, measured.signals.shards, strict=True)
    for documents, signals in shards:
        sources = storage.join(ledger.folder(out, "ingest"), documents.file)
        beside = storage.join(ledger.folder(out, "signals"), signals.file)
        told = pl.DataFrame(storage.read_table(beside, [c.DOC_ID, c.TEXT_HASH, c.EVALS]))
        told = told.hstack(pl.DataFrame(storage.read_table(sources, [c.SOURCE])))
        told = told.with_columns(pl.lit(documents.source).alias(c.RECIPE_SOURCE))
        told = told.with_row_index(c.ROW, start).with_columns(pl.col(c.ROW).cast(pl.Int64))
        start += told.height
        for some in told.filter(pl.col(c.EVALS).list.len() > 0).iter_slices(ROWS):
            counts = some[c.EVALS].list.len().to_numpy()
            flat = some[c.EVALS].explode().struct
            firsts = np.append(0, np.cumsum(counts)).astype(np.int64)
            grams, words = (flat.field(n).to_numpy().astype(np.int64) for n in (c.GRAM, c.WORD))
            yield Had(some.drop(c.EVALS), grams, words, firsts)


def common(measured: Measured, config: DecontaminateConfig, out: str) -> pl.DataFrame:
    """Return the grams (``source, gram``) that are common in a source; equal texts count once."""
    found = [pl.DataFrame(schema={c.SOURCE: pl.String, c.TEXT_HASH: pl.String, c.GRAM: pl.Int64})]
    for some in _had(measured, out):
        of = np.repeat(np.arange(some.documents.height), np.diff(some.firsts))
        told = some.documents.select(c.SOURCE, c.TEXT_HASH)[of]
        found.append(told.with_columns(pl.Series(c.GRAM, some.grams)).unique())
    counts = pl.concat(found).unique().group_by(c.SOURCE, c.GRAM).len()
    sizes = _sizes(measured, out)
    least = pl.max_horizontal(
        pl.col("documents") * config.common_share, pl.lit(config.common_documents)
    )
    return counts.join(sizes, on=c.SOURCE).filter(pl.col("len") > least).select(c.SOURCE, c.GRAM)


def _sizes(measured: Measured, out: str) -> pl.DataFrame:
    """Return how many documents each source has."""
    counts = pl.DataFrame(schema={c.SOURCE: pl.String, "documents": pl.UInt32})
    for shard in measured.documents.shards:
        at = storage.join(ledger.folder(out, "ingest"), shard.file)
        own = pl.DataFrame(storage.read_table(at, [c.SOURCE])).group_by(c.SOURCE)
        counts = pl.concat([counts, own.len("documents")])
    return counts.group_by(c.SOURCE).agg(pl.col("documents").sum())


def _judged(some: Had, index: Index, common: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Return what the documents have, as it is without common grams, or else with them."""
    of = np.repeat(np.arange(some.documents.height), np.diff(some.firsts))
    told = some.documents.select(c.SOURCE)[of].with_columns(pl.Series(c.GRAM, some.grams))
    marked = common.with_columns(pl.lit(value=True).alias(c.COMMON))
    told = told.join(marked, on=[c.SOURCE, c.GRAM], how="left", maintain_order="left")
    rare = told[c.COMMON].is_null().to_numpy()
    left = np.append(0, np.cumsum(rare))[some.firsts].astype(np.int64)
    before = _frame(index.judge(some.grams, some.words, some.firsts, limits), common=True)
    after = _frame(index.judge(some.grams[rare], some.words[rare], left, limits), common=False)
    both = pl.concat([after, before.join(after, on=["at", c.ITEM], how="anti")])
    both = both.sort("at", c.ITEM)
    return some.documents.select(OF_DOCUMENT)[both["at"]].hstack(both.drop("at"))


def _frame(found: Any, *, common: bool) -> pl.DataFrame:  # noqa: ANN401
    names = ("at", c.ITEM, c.COVERED, c.RUN)
    frame = pl.DataFrame({name: found[:, i] for i, name in enumerate(names)})
    return frame.with_columns(pl.col(c.ITEM).cast(pl.Int32), pl.lit(common).alias(c.COMMON))


def named(item: Mapping[str, Any]) -> str:
    """Return what an item is called: its set, the record's id, and the field."""
    return f"{item[c.EVAL_SET]} {item[c.ITEM_ID]} ({item[c.FIELD]})"


def counts(found: pl.DataFrame) -> list[dict[str, Any]]:
    """Return of each set and source how many documents have items, and how many items those are.

    First without rows of words that are common in the source, then with them.
    """
    told = [pl.DataFrame(schema=COUNTS)]
    for (eval_set, source), some in found.partition_by(
        [c.EVAL_SET, c.SOURCE], as_dict=True
    ).items():
        left = some.filter(~pl.col(c.COMMON))
        sizes = (f[name].n_unique() for f in (left, some) for name in (c.ROW, c.ITEM))
        told.append(pl.DataFrame([[eval_set, source, *sizes]], schema=COUNTS, orient="row"))
    return pl.concat(told).sort(c.EVAL_SET, c.SOURCE).to_dicts()


def write(found: pl.DataFrame, out: str) -> str:
    """Lay hits by beside the decisions (``decisions/evals/hits.parquet``); return their digest."""
    table = conform(found.to_arrow(), EVAL_HITS)
    shard = Shard(file=ledger.HITS, rows=table.num_rows, digest=table_digest(table))
    storage.write_table(_at(out), table, EVAL_HITS, shard=shard)
    return shard.digest


def read(out: str) -> pl.DataFrame:
    """Return the hits that lie beside the decisions."""
    return pl.DataFrame(storage.read_table(_at(out)))


def remove(out: str) -> None:
    """Remove what decisions with evaluation sets left."""
    storage.remove(storage.join(ledger.folder(out, "select"), ledger.EVALS))


def _at(out: str) -> str:
    return storage.join(ledger.folder(out, "select"), ledger.EVALS, ledger.HITS)


def against(found: pl.DataFrame, config: DecontaminateConfig) -> pl.DataFrame:
    """Return the hits that something is done about: not by common grams, nor of exempt sources."""
    if config.action == "report":
        return found.clear()
    exempt = (pl.col(name).is_in(list(config.exempt)) for name in (c.SOURCE, c.RECIPE_SOURCE))
    return found.filter(~pl.any_horizontal(c.COMMON, *exempt))
