"""Proof that documents with items of evaluation sets are those that the decisions speak of.

Judged anew from texts: the documents with hits, and all that was written.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

import polars as pl

from schemas import columns as c
from schemas.finding import Finding
from schemas.levels import EVAL_ITEM
from schemas.manifest import EVALS, EvalIndex
from tasks import eval_cuts, eval_sets, leaks, ledger, raw, removal, storage
from tasks.eval_cuts import Judge, Policy
from tasks.leaks import Measured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from schemas.config import DecontaminateConfig, RunConfig
    from schemas.manifest import StageManifest

    Manifests = dict[str, StageManifest]
    Check = tuple[str, set[str], Callable[[], Iterator[Finding]]]

LAID_BY = "signals: the eval items laid by are those that texts were compared with"
STATEMENT = "select: who has items of evaluation sets is as counted, and dropped for it"
ANEW = "select: the hits are what the text of their documents has of eval items"
CUT = "select: the paragraphs that go for eval items are those that hold them"
WRITTEN = "no row has an item of an evaluation set"
JUDGED = [c.ROW, c.ITEM, c.COVERED, c.RUN, c.COMMON]


def checks(out: str, config: RunConfig, manifests: Manifests) -> list[Check]:
    """Checks of a run whose recipe names evaluation sets, each with the stages it reads."""
    wanted = config.deciding().decontaminate
    if not config.signals.evals or wanted is None:
        return []
    proof = Proof(out, Policy(wanted, config.dedup), manifests)
    decided = {"ingest", "signals", "select"}
    found: list[Check] = [
        (LAID_BY, {"ingest", "signals"}, proof.laid_by),
        (STATEMENT, decided, proof.hits),
        (ANEW, decided, proof.anew),
        (CUT, decided, proof.cut),
    ]
    stages = ("corpus", "replay", "mixture") if wanted.action != "report" else ()
    found += [(f"{s}: {WRITTEN}", {*decided, s}, partial(proof.written, s)) for s in stages]
    return found


class Proof:
    """Checks that share the hits, and what goes for them, found anew."""

    def __init__(self, out: str, policy: Policy, manifests: Manifests) -> None:
        self._out, self._policy, self._manifests = out, policy, manifests

    @property
    def _config(self) -> DecontaminateConfig:
        return self._policy.decontaminate

    @cached_property
    def _hits(self) -> pl.DataFrame:
        return leaks.read(self._out)

    @cached_property
    def _measured(self) -> Measured:
        documents, signals = self._manifests["ingest"], self._manifests["signals"]
        return Measured(documents, signals, EvalIndex.model_validate(signals.details[EVALS]))

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self._measured, self._config, self._out)

    @cached_property
    def _cuts(self) -> pl.DataFrame:
        """What goes, found anew in the documents with hits."""
        return eval_cuts.cuts(self._hits, self._policy, self._measured, self._out)

    def laid_by(self) -> Iterator[Finding]:
        """Items and grams are as they were when the signals were measured."""
        known = self._measured.evals
        found = eval_sets.items_digest(known, self._out)
        yield Finding.same(LAID_BY, known.items_digest, found, found)

    def hits(self) -> Iterator[Finding]:
        """Hits are counted, are of the documents they name, and who should go for one goes."""
        manifest, hits = self._manifests["select"], self._hits
        columns = [c.DOC_ID, c.DROP_REASONS]
        folder = ledger.folder(self._out, "select")
        places = [storage.join(folder, s.file) for s in manifest.shards]
        decided = pl.concat(pl.DataFrame(storage.read_table(place, columns)) for place in places)
        named = decided[c.DOC_ID].gather(hits[c.ROW]).equals(hits[c.DOC_ID])
        wanted = eval_cuts.dropped(self._cuts)
        goes = decided[c.DROP_REASONS].list.contains(EVAL_ITEM).arg_true().cast(pl.Int64)
        same = leaks.counts(hits) == manifest.details[EVALS]["counts"]
        detail = f"{hits.height:,} hits, {len(wanted):,} documents to go, {len(goes):,} gone"
        ok = named and same and goes.to_list() == wanted.to_list()
        yield Finding(STATEMENT, ok, detail)

    def anew(self) -> Iterator[Finding]:
        """Documents with hits have these items, and no other, when their text is judged again."""
        rows, parts = self._hits[c.ROW].unique().sort(), list[pl.DataFrame]()
        shards, columns = self._measured.documents.shards, [c.SOURCE, c.TEXT]
        for _, own, table in raw.of_run(self._out, shards, rows.to_numpy(), columns=columns):
            found = _both(self._judge, table)
            at = pl.Series(c.ROW, own, pl.Int64).gather(found["at"])
            parts.append(found.with_columns(at).select(JUDGED))
        wanted = self._hits.select(JUDGED).sort(JUDGED)
        found = pl.concat([wanted.clear(), *parts]).sort(JUDGED)
        detail = f"{len(rows):,} documents, {found.height:,} hits found, {wanted.height:,} noted"
        yield Finding(ANEW, found.equals(wanted), detail)

    def cut(self) -> Iterator[Finding]:
        """Kept documents lose the paragraphs that were found to hold an item, and no others."""
        start, parts = 0, [eval_cuts.parts(self._cuts).clear()]
        kept = [pl.Series(c.ROW, [], pl.Int64)]
        for shard in self._measured.documents.shards:
            at = storage.join(ledger.folder(self._out, "select"), shard.file)
            keep = pl.Series(storage.read_table(at, [c.KEEP]).column(0))
            kept.append(keep.arg_true().cast(pl.Int64) + start)
            own = removal.of_shard(shard.file, self._out)
            if own is not None:
                own = own.filter(pl.col(c.LEVEL) == EVAL_ITEM).select(list(eval_cuts.CUTS))
                parts.append(own.with_columns(pl.col(c.ROW) + start))
            start += shard.rows
        found, rows = pl.concat(parts), pl.concat(kept)
        wanted = eval_cuts.parts(self._cuts).filter(pl.col(c.ROW).is_in(rows.implode()))
        detail = f"{wanted.height:,} to go, {found.height:,} gone"
        yield Finding(CUT, found.equals(wanted), detail)

    def written(self, stage: str) -> Iterator[Finding]:
        """No text that was written has an item, but where its source is exempt."""
        spared = self._hits.join(leaks.against(self._hits, self._config), on=c.ROW, how="anti")
        exempt, known = list(self._config.exempt), set(spared.filter(~pl.col(c.COMMON))[c.DOC_ID])
        rows, wrong = 0, 0
        for table in self._texts(stage):
            found = self._judge.judged(table).filter(~pl.col(c.SOURCE).is_in(exempt))
            ids = pl.Series(table.column(c.DOC_ID)).gather(found["at"].unique())
            rows, wrong = rows + table.num_rows, wrong + len(set(ids) - known)
        yield Finding(f"{stage}: {WRITTEN}", wrong == 0, f"{rows:,} rows, {wrong:,} of them")

    def _texts(self, stage: str) -> Iterator[pa.Table]:
        folder = ledger.folder(self._out, stage)
        files = [shard.file for shard in self._manifests[stage].shards]
        if stage == "replay":  # which lists its draw; its texts lie beside that
            names = storage.list_names(storage.join(folder, "text"))
            files = [f"text/{name}" for name in names if name.endswith(".parquet")]
        for file in files:
            columns = [c.DOC_ID, c.SOURCE, c.TEXT]
            yield from storage.read_batches(storage.join(folder, file), columns)


def _both(judge: Judge, table: pa.Table) -> pl.DataFrame:
    """Return what documents have without common grams, or else with them."""
    after, before = judge.judged(table), judge.judged(table, with_common=True)
    only = before.join(after, on=["at", c.ITEM], how="anti").with_columns(
        pl.lit(value=True).alias(c.COMMON)
    )
    return pl.concat([after.with_columns(pl.lit(value=False).alias(c.COMMON)), only])
