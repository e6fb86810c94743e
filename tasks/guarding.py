"""The guard: what replay, new data and evaluation items have in common, looked for once more.

In one pass over what was measured, before anything is drawn, so that budgets stay exact. Text is
read only of documents whose sketches come near the threshold, to compare them exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl

from schemas import columns as c
from schemas.guard import LEFT_OUT
from schemas.levels import EVAL_ITEM, LEVELS
from schemas.manifest import EVALS
from schemas.tables import PAIRS
from tasks import comparing, leaks, ledger, storage
from tasks.guarded import PLACE
from tasks.mixture import guard as rule
from tasks.overlap import MATCHES, How, overlap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import pyarrow as pa

    from schemas.config import DecidingConfig
    from schemas.manifest import StageManifest

    Ints = np.ndarray[Any, np.dtype[np.int64]]

DECIDED: Final = [c.DOC_ID, c.KEEP, c.DROP_REASON, c.MATCHED_ID, c.SPLIT, c.TOKENS_EST]
EVAL_ITEMS: Final = rule.EVALS
_AT, _SET = "at", "set"
_NAMED: Final = {c.MATCHED_ID: pl.String(), c.MATCHED_SOURCE: pl.String()}


class _Items(NamedTuple):
    """Pairs of items and documents, the items' sets, and of exempt sources how many have any."""

    pairs: pl.DataFrame
    names: pl.DataFrame
    spared: dict[str, int]


class Guarded(NamedTuple):
    """Documents that are left out (``LEFT_OUT``), how many were looked at, and the report."""

    left_out: pl.DataFrame
    compared: int
    details: dict[str, Any]


def guarded(deciding: DecidingConfig, sources: Sequence[str], out: str) -> Guarded:
    """Find out which kept documents of ``sources`` (as the recipe calls them) give way.

    Similarity is judged as the recipe's ``[dedup]`` does, whatever else that section switches off;
    without MinHash only equal texts are found. Evaluation items are those that documents were
    found to have, also where the recipe only has them reported; of sources that ``[decontaminate]``
    exempts by name they count for nothing.
    """
    frame = _documents(deciding, sources, out)
    kept = _kept(frame)
    items = _items(kept, deciding, out)
    table = _told(_left_out(kept, items.pairs, deciding, out), kept, items.names)
    return Guarded(
        left_out=table,
        compared=kept.height,
        details={
            "near": deciding.signals.minhash,
            "threshold": deciding.dedup.threshold,
            "verification": deciding.dedup.verification,
            "evals": bool(deciding.signals.evals),
            "compared": dict(kept.group_by(_SET).len().sort(_SET).iter_rows()),
            "left_out": removed(table),
            "spared": items.spared,
            "decided": _decided(frame),
        },
    )


def in_common(deciding: DecidingConfig, ids: pl.Series, out: str) -> pl.DataFrame:
    """Return what is left in common (``PAIRS``) among these kept documents, by the same rules.

    Of replay and new data, of held-out documents and training, of all and evaluation items.
    """
    frame = _documents(deciding, list(deciding.origins), out)
    kept = _kept(frame).filter(pl.col(c.DOC_ID).is_in(ids.implode()))
    pairs = pl.DataFrame(_pairs(kept, deciding, out))
    return pl.concat([_items(kept, deciding, out).pairs, pairs])


def _kept(frame: pl.DataFrame) -> pl.DataFrame:
    named = pl.format("{} {}", c.ORIGIN, c.SPLIT).alias(_SET)
    return frame.filter(pl.col(c.KEEP) & pl.col("takes_part")).with_columns(named)


def _documents(deciding: DecidingConfig, sources: Sequence[str], out: str) -> pl.DataFrame:
    """Return all documents: decisions, source, origin, size, and where each stands."""
    parts, start = [], 0
    for triple in zip(*(ledger.read(out, s).shards for s in ("ingest", "signals", "select")),
                      strict=True):  # fmt: skip
        documents, signals, decisions = triple

        def narrow(stage: str, file: str, names: list[str]) -> pl.DataFrame:
            at = storage.join(ledger.folder(out, stage), file)
            return pl.DataFrame(storage.read_table(at, names))

        part = narrow("select", decisions.file, DECIDED)
        part = part.hstack(narrow("ingest", documents.file, [c.SOURCE]))
        part = part.hstack(narrow("signals", signals.file, [c.N_BYTES]))
        part = part.with_row_index(c.ROW).with_columns(pl.col(c.ROW).cast(pl.Int64))
        parts.append(
            part.with_columns(
                (pl.col(c.ROW) + start).alias(_AT),
                pl.lit(documents.file).alias(c.SHARD),
                pl.lit(deciding.origins[str(documents.source)]).alias(c.ORIGIN),
                pl.lit(documents.source in sources).alias("takes_part"),
            )
        )
        start += part.height
    return pl.concat(parts)


def _items(kept: pl.DataFrame, deciding: DecidingConfig, out: str) -> _Items:
    """Return pairs of evaluation items and kept documents that have them.

    Where the recipe has something done about items, only exempt sources still have any.
    """
    config = deciding.decontaminate
    if config is None or EVALS not in ledger.read(out, "select").details:
        return _Items(pl.DataFrame(PAIRS.empty_table()), pl.DataFrame(schema=_NAMED), {})
    hits = leaks.read(out).filter(~pl.col(c.COMMON))
    hits = hits.join(kept.select(pl.col(_AT).alias(c.ROW), _SET), on=c.ROW)
    hits = hits.with_columns(pl.format("{} {} ({})", c.EVAL_SET, c.ITEM_ID, c.FIELD).alias("name"))
    exempt = pl.any_horizontal(
        pl.col(name).is_in(list(config.exempt)) for name in (c.SOURCE, c.RECIPE_SOURCE)
    )
    spared = hits.filter(exempt).group_by(c.SOURCE).agg(pl.col(c.ROW).n_unique()).sort(c.SOURCE)
    some = hits.filter(~exempt & pl.lit(config.action == "report"))
    pairs = some.select(
        pl.lit(rule.EVALS).alias(c.LEFT_SET),
        pl.col("name").alias(c.LEFT_ID),
        pl.col(_SET).alias(c.RIGHT_SET),
        pl.col(c.DOC_ID).alias(c.RIGHT_ID),
        pl.lit(EVAL_ITEM).alias(c.LEVEL),
        (pl.col(c.COVERED) / pl.col(c.N_WORDS)).alias(c.SIMILARITY),
    )
    named = pl.col(c.EVAL_SET).alias(c.MATCHED_SOURCE)
    names = some.select(pl.col("name").alias(c.MATCHED_ID), named).unique(c.MATCHED_ID)
    return _Items(pairs, names, dict(spared.iter_rows()))


def _left_out(
    kept: pl.DataFrame, items: pl.DataFrame, deciding: DecidingConfig, out: str
) -> pl.DataFrame:
    """Return who gives way, asked until nobody is: of many matches only some are listed."""
    found = [rule.resolved(items)]
    while True:
        gone = pl.concat(found).select(c.DOC_ID)
        left = kept.join(gone, on=c.DOC_ID, how="anti", maintain_order="left")
        pairs = pl.DataFrame(_pairs(left, deciding, out))
        found.append(rule.resolved(pairs))
        if not rule.is_open(pairs, found[-1], listed=MATCHES):
            return pl.concat(found)


def _pairs(kept: pl.DataFrame, deciding: DecidingConfig, out: str) -> pa.Table:
    """Return ``PAIRS`` of the documents' sets, from what was measured of them."""
    documents, signals = (ledger.read(out, stage) for stage in ("ingest", "signals"))
    files = [storage.join(ledger.folder(out, "signals"), s.file) for s in signals.shards]
    measured = storage.scan(files, row_column=_AT)
    rows = {
        name: kept.filter(pl.col(_SET) == name)[_AT] for name in rule.ORDER if name != rule.EVALS
    }
    rows = {name: own for name, own in rows.items() if own.len()}
    if len(rows) < 2:  # noqa: PLR2004  (a pair)
        return PAIRS.empty_table()
    sets = {name: measured.filter(pl.col(_AT).is_in(own.implode())) for name, own in rows.items()}
    exactly = deciding.dedup.verification == "exact"
    read = _Texts(list(rows.values()), documents, out) if exactly else None
    how = How(deciding.dedup.threshold, read=read)
    return overlap(sets, how, config=deciding.signals)


class _Texts:
    """Reads texts of rows that count through some sets, which are rows of a run each."""

    def __init__(self, sets: Sequence[pl.Series], documents: StageManifest, out: str) -> None:
        self._sets, self._documents, self._out = sets, documents, out

    def __call__(self, rows: Ints) -> Iterator[pa.Array]:
        start = 0
        for own in self._sets:
            inside = rows[(rows >= start) & (rows < start + own.len())] - start
            places = own.to_numpy()[inside]
            yield from comparing.documents(places, shards=self._documents.shards, out=self._out)
            start += own.len()


def _told(found: pl.DataFrame, kept: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Return ``LEFT_OUT``, in the order of ids; of an item its evaluation set is the source."""
    sources = kept.select(
        pl.col(c.DOC_ID).alias(c.MATCHED_ID), pl.col(c.SOURCE).alias(c.MATCHED_SOURCE)
    )
    sources = pl.concat([sources, names])
    own = kept.select(c.DOC_ID, c.SOURCE, c.ORIGIN, c.SPLIT, c.N_BYTES, c.TOKENS_EST, *PLACE)
    told = found.join(own, on=c.DOC_ID).join(sources, on=c.MATCHED_ID, how="left")
    return told.select(LEFT_OUT.names).sort(c.DOC_ID)


def removed(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Count what is left out by origin, source, reason, what it is left out for, and level."""
    by = [c.ORIGIN, c.SOURCE, c.REASON, c.MATCHED_SOURCE, c.LEVEL]
    tokens = pl.col(c.TOKENS_EST)
    sums = table.group_by(by).agg(
        pl.len().cast(pl.Int64).alias("documents"),
        pl.col(c.N_BYTES).sum(),
        pl.when(tokens.count() == pl.len()).then(tokens.sum()).alias(c.TOKENS_EST),
    )
    return sums.sort(by).to_dicts()


def _decided(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Count what decisions had dropped before for another origin's document, or an item."""
    by = [c.ORIGIN, c.SOURCE, c.DROP_REASON]
    dropped = frame.filter(~pl.col(c.KEEP))
    kept = frame.filter(c.KEEP).select(
        pl.col(c.DOC_ID).alias(c.MATCHED_ID), pl.col(c.ORIGIN).alias("other")
    )
    told = dropped.join(kept.unique(c.MATCHED_ID), on=c.MATCHED_ID, how="left")
    crossed = (pl.col("other") != pl.col(c.ORIGIN)) & pl.col(c.DROP_REASON).is_in([*LEVELS])
    told = told.filter(crossed.fill_null(value=False) | (pl.col(c.DROP_REASON) == EVAL_ITEM))
    counts = told.group_by(by).agg(pl.len().cast(pl.Int64).alias("documents"))
    return counts.sort(by).to_dicts()
