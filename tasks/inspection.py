"""What a run knows of one document: where it came from, what became of it, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from schemas import columns as c
from schemas.config import RunConfig
from schemas.errors import ManifestError
from schemas.guard import GUARD, LEFT_OUT_BY, REASONS
from schemas.inspection import Inspected, Inspection, Removed, Twin, Written
from schemas.levels import INDEXED, LEVELS
from schemas.manifest import EVALS, EvalIndex
from schemas.replay import BY_TEXT
from tasks import (
    counting,
    eval_sets,
    guarded,
    leaks,
    ledger,
    lookup,
    placing,
    reasons,
    removal,
    storage,
)
from tasks.counting import Counting
from tasks.encoding import Encoder
from tasks.ingest.items import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.manifest import RunManifest, Shard
    from schemas.tracing import Placed
    from tasks.lookup import Row

MOST: Final = 10
"""Documents of one id that are shown."""
WINDOW: Final = 4_000
"""Characters of a text that are looked at to show how it begins."""
TAKES: Final = {
    "corpus": (c.DOC_ID, c.SPLIT),
    "replay": (c.DOC_ID, c.SPLIT, c.TOKENS, c.SHARD, c.START, c.END),
}
"""Stages that take some of the kept documents, and what is read of their rows.

The mixture does, too: its rows may be packed (:mod:`tasks.placing`).
"""
TAKE: Final = (*TAKES, "mixture")
READ: Final = (c.DOC_ID, c.RECORD_ID, c.SOURCE, c.LOCATION, c.POSITION, c.URL, c.LICENSE, c.OPT_OUT,
               c.TEXT)  # fmt: skip


def inspect(out: str, asked: str) -> Inspection:
    """Return what is known of a document: ``asked`` is as :func:`tasks.lookup.find` takes it.

    Works with what there is: a run that stopped has documents, maybe signals, maybe decisions.
    Reads the ids of all documents once, once more for a duplicate's twin, and those of what kept
    documents were taken into; of all else no more than one row group of each table.
    """
    return Inspector(out).inspect(asked)


class Inspector:
    """Gathers what stands of a document in each stage's tables.

    ``shards``: of ``documents/``; ``manifests``: of the stages that are finished.
    """

    def __init__(self, out: str) -> None:
        self._out, self._run = out, ledger.read_run(out)
        self.shards = lookup.shards_of(out, self._run)
        self._config = _config(out, self._run)
        self.manifests = {stage: ledger.read(out, stage) for stage in self._run.stages}
        self._places: dict[str, list[Placed]] = {}

    def inspect(self, asked: str) -> Inspection:
        """Return what :func:`inspect` does."""
        rows = lookup.find(self._out, self.shards, asked)
        return Inspection(
            out=self._out,
            asked=asked,
            looked_at=sum(s.rows for s in self.shards),
            found=len(rows),
            documents=tuple(self._of(row) for row in rows[:MOST]),
        )

    def places(self, doc_id: str) -> list[Placed]:
        """Return where the mixture has it; none without one. Ids of all its rows are read once."""
        if doc_id not in self._places:
            there = "mixture" in self.manifests
            shards = self.manifests["mixture"].shards if there else ()
            self._places[doc_id] = placing.placed(self._out, shards, doc_id)
        return self._places[doc_id]

    def _of(self, row: Row) -> Inspected:
        shard = self.shards[row.shard]
        document = self._row("ingest", shard, row, READ)
        text = document.pop(c.TEXT)
        source = str(shard.source)
        origins = {s.name: s.origin for s in self._config.ingest.sources}
        found = Inspected(
            **document,
            recipe_source=source,
            origin=origins.get(source, "unknown"),
            shard=shard.file,
            row=row.row,
            signals=self._signals(row),
            excerpt=shown(text),
        )
        decided = self._decided(row)
        found = found.model_copy(update=self._outcome(found, decided))
        if found.keep:
            found = found.model_copy(update={"removed": tuple(self._removed(found, text))})
        written = self._written(found) if found.keep else {}
        notes = (
            *_notes(self._run, self._config, found),
            *_not_taken(self._out, self._run, self._config, found, written),
        )
        return found.model_copy(update={"written": written, "notes": notes})

    def _row(
        self, stage: str, shard: Shard, row: Row, columns: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """The row of one stage that is about a document; it has to say so."""
        at = storage.join(ledger.folder(self._out, stage), shard.file)
        found = storage.read_row(at, row.row, columns)
        if found[c.DOC_ID] != row.doc_id:
            raise ManifestError(
                f"{at}, row {row.row:,}",
                got=f"the document {found[c.DOC_ID]}",
                wanted=f"{row.doc_id}, as in the same row of documents/",
                way_out="Run `openmoat verify`: this folder was changed.",
            )
        return found

    def _signals(self, row: Row) -> dict[str, Any]:
        """All signals, hashes in hex; empty where they are not measured."""
        if "signals" not in self.manifests:
            return {}
        found = self._row("signals", self.manifests["signals"].shards[row.shard], row)
        del found[c.DOC_ID]
        bands, pieces = found.pop(c.MINHASH_BANDS), found.pop(c.PIECES)
        # A reader of JSON may hold numbers as floats, which have no 64 bits for a key.
        keys = None if bands is None else [f"{key:016x}" for key in bands]
        told = {k: v.hex() if isinstance(v, bytes) else v for k, v in found.items()}
        parts = pieces and [{**piece, "hash": f"{piece['hash']:016x}"} for piece in pieces]
        return {**told, c.MINHASH_BANDS: keys, c.PIECES: parts}

    def _decided(self, row: Row) -> dict[str, Any]:
        if "select" not in self.manifests:
            return {}
        return self._row("select", self.manifests["select"].shards[row.shard], row)

    def _outcome(self, document: Inspected, decided: dict[str, Any]) -> dict[str, Any]:
        """What was decided, and why."""
        if not decided:
            return {}
        twin = self._twin(document, decided)
        judge = reasons.Judge(self._out, self._config, document)
        return {
            "keep": decided[c.KEEP],
            "reasons": tuple(judge.reason(name, twin) for name in decided[c.DROP_REASONS]),
            "twin": twin,
            "cluster_id": decided[c.CLUSTER_ID],
            "split": decided[c.SPLIT],
        }

    def _removed(self, document: Inspected, text: str) -> Iterator[Removed]:
        """What is not kept of a document that is."""
        spans = removal.of_shard(document.shard, self._out)
        if spans is None:
            return
        body = text.encode()
        for row in spans.filter(pl.col(c.ROW) == document.row).iter_rows(named=True):
            said = shown(body[row[c.START] : row[c.END]].decode())
            names = (c.START, c.END, c.LEVEL, c.MATCHED_ID)
            item = None if row[c.ITEM] is None else self._item(row[c.ITEM])
            yield Removed(**{name: row[name] for name in names}, item=item, excerpt=said)

    def _item(self, number: int) -> str:
        """An eval item's set, id and field."""
        known = EvalIndex.model_validate(self.manifests["signals"].details[EVALS])
        return leaks.named(eval_sets.items(known, self._out).row(number, named=True))

    def _twin(self, document: Inspected, decided: dict[str, Any]) -> Twin | None:
        """The document that a duplicate was matched with; of several of its id the kept one."""
        if decided[c.MATCHED_ID] is None:
            return None
        told = {c.DOC_ID: decided[c.MATCHED_ID], c.LEVEL: decided[c.LEVEL]}
        found = Twin(**told, similarity=decided[c.SIMILARITY])
        if found.level == LEVELS[INDEXED]:  # no document of this run, though the id may be one's
            return found
        for row in lookup.find_ids(self._out, self.shards, [found.doc_id]):
            shard = self.shards[row.shard]
            if (shard.file, row.row) == (document.shard, document.row):
                continue
            columns = (c.DOC_ID, c.SOURCE, c.RECORD_ID, c.LOCATION, c.POSITION)
            said = self._row("ingest", shard, row, columns)
            keep = self._decided(row)[c.KEEP]
            if keep or found.location is None:
                found = found.model_copy(update={**said, "keep": keep})
        return found

    def _written(self, document: Inspected) -> dict[str, Written]:
        """Where the stages that take kept documents have put it; only those that took it."""
        found: dict[str, list[Written]] = {}
        for stage, columns in TAKES.items():
            shards = list(self.manifests[stage].shards) if stage in self.manifests else []
            for row in lookup.find_ids(self._out, shards, [document.doc_id], stage):
                said = self._row(stage, shards[row.shard], row, columns)
                # A draw tells its document by place.
                if said.get(c.SHARD, document.shard) != document.shard:
                    continue
                one = Written(
                    shard=storage.join(ledger.FOLDERS[stage], shards[row.shard].file),
                    row=row.row,
                    split=said.get(c.SPLIT, document.split),
                    tokens=said.get(c.TOKENS),
                    start=said.get(c.START),
                    end=said.get(c.END),
                )
                found.setdefault(stage, []).append(one)
        taken = {stage: _first(places) for stage, places in found.items()}
        return {**taken, **self._mixed(document)}

    def _mixed(self, document: Inspected) -> dict[str, Written]:
        """Where the mixture has it first, and how many passages more; not how often."""
        places = self.places(document.doc_id)
        if not places:
            return {}
        first = min(places, key=lambda one: (one.start or 0, one.token_start or 0))
        own = [p for p in places if (p.start, p.epoch) == (first.start, first.epoch)]
        said = {n: getattr(first, n) for n in ("shard", "row", c.POSITION, c.START, c.END)}
        return {
            "mixture": Written(
                **said,
                split=str(document.split),
                tokens=sum(one.tokens for one in own),
                more=len({one.start for one in places}) - 1,
            )
        }


def _first(places: list[Written]) -> Written:
    """The first passage that was taken, and how many more; or the whole document."""
    first = min(places, key=lambda one: one.start or 0)
    return first.model_copy(update={"more": len(places) - 1})


def _config(out: str, run: RunManifest) -> RunConfig:
    try:
        return RunConfig.model_validate(run.recipe, strict=False)
    except ValueError as error:
        raise ManifestError(
            ledger.run_location(out),
            got=f"a recipe that this version does not read ({str(error).splitlines()[0]})",
            wanted="one that a run of this version wrote",
            way_out="Run the recipe again with the same --out.",
        ) from error


def _notes(run: RunManifest, config: RunConfig, document: Inspected) -> list[str]:
    """What is not there because the run was stopped, or was not to go further."""
    missing = {
        "ingest": "documents/ is not finished: there may be more of them",
        "signals": "no signals yet",
        "select": "no decision yet",
    }
    notes = [said for stage, said in missing.items() if stage not in run.stages]
    if document.keep:
        wanted = {
            "corpus": config.corpus.materialize,
            "replay": config.replay is not None and run.goal != "corpus",
            "mixture": config.mixture is not None and run.goal == "mixture",
        }
        notes += [
            f"{stage}/ is not made yet"
            for stage in TAKE
            if wanted[stage] and stage not in run.stages
        ]
    if notes:
        notes.append("the same command as before goes on with the run")
    return notes


def _not_taken(
    out: str,
    run: RunManifest,
    config: RunConfig,
    document: Inspected,
    written: dict[str, Written],
) -> list[str]:
    """Which stages are finished and did without a document that is kept."""
    replay, drawn = document.origin == "replay", "replay" in written
    if document.keep and GUARD in run.stages and (why := _guarded(out, document)):
        return [f"{LEFT_OUT_BY}: it {why}"]
    drawn_from = {"replay", "mixture"} & run.stages.keys()
    if document.keep and drawn_from and not {"replay", "mixture"} & written.keys():
        why = _refused(out, config, document)
        if why:
            return [f"left out of replay and mixture: {why}"]
    if document.keep and replay and "replay" in run.stages and not drawn:
        return [f"not drawn into the replay: {_not_drawn(config, document)}"]
    if document.keep and "mixture" in run.stages and "mixture" not in written:
        return ["not in the mixture, which has all the tokens that it was to have"]
    return []


def _guarded(out: str, document: Inspected) -> str:
    """Why the guard left a document out; nothing where it did not."""
    row = guarded.of(out, shard=document.shard, row=document.row)
    if row is None:
        return ""
    return f"{REASONS[row[c.REASON]]}: {row[c.MATCHED_SOURCE]}, {row[c.MATCHED_ID]}"


def _refused(out: str, config: RunConfig, document: Inspected) -> str:
    """Why nothing can be learned of a document, where counting found that out; else nothing."""
    budgets = config.budget()
    with Encoder.of(budgets, out) as encoder:
        found = counting.refused(Counting.of(budgets, encoder, out), [document.shard])
    own = found.filter(pl.col(c.ROW) == document.row)
    return "" if own.is_empty() else str(own[c.REASON][0])


def _not_drawn(config: RunConfig, document: Inspected) -> str:
    """Why a kept document is not in the replay, as far as the recipe tells."""
    replay = config.replay
    if replay is None:
        return "its budget was full"
    if replay.shares and document.source not in replay.shares:
        return f"replay.shares has no {document.source!r}"
    if document.recipe_source not in replay.pool(config.old):
        told = "not among" if replay.arm == "self" else "among"
        return f"{document.recipe_source!r} is {told} replay.generated"
    if replay.arm in BY_TEXT:
        return "its budget was full, or others came nearer to the target"
    return "its budget was full"


def shown(text: str) -> str:
    """How a text begins, on one line: at most 200 characters, personal data masked."""
    return excerpt(" ".join(text[:WINDOW].split()))
