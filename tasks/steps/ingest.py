"""Steps of ingest and signals: units of input to documents, rejects and signals, in one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from schemas import columns as c
from schemas.config import (  # noqa: TC001  (Prefect reads them)
    IngestConfig,
    PoolConfig,
    SignalsConfig,
    TokenizerConfig,
)
from schemas.errors import SourceError
from schemas.manifest import EVALS, MODELS, SKETCH, EvalIndex, Frozen, Shard, StageManifest, Unit
from schemas.models import ScoreModel  # noqa: TC001  (a field of a named tuple)
from schemas.tables import DOCUMENTS, REJECTS, SIGNALS
from tasks import counted, eval_sets, inputs, ledger, models, preflight, progress, reading, storage
from tasks.hashing import add_hex, digest, table_digest
from tasks.signals import evals as eval_signals
from tasks.signals import minhash, pii
from tasks.signals import scores as score_signals
from tasks.signals.measure import measure
from tasks.steps.policy import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.config import Source

SIGNALS_VERSION = "signals-8"
Measuring = Callable[[pa.Table], pa.Table]


class By(NamedTuple):
    """What documents are measured by: the section, and the eval items and models laid by."""

    signals: SignalsConfig
    evals: EvalIndex | None = None
    models: tuple[ScoreModel, ...] = ()


class Measured(Frozen):
    """A unit that is read and measured."""

    documents: Shard
    signals: Shard
    documents_reused: bool
    signals_reused: bool


@step
def list_units(ingest: IngestConfig, pool: PoolConfig | None) -> inputs.Listing:
    """List the recipe's files as units of work, before any is read."""
    listing = inputs.list_units(ingest, pool)
    progress.expect("ingest", sum(u.size for u in listing.units))
    return listing


@step
def measure_unit(
    unit: Unit, ingest: IngestConfig, by: By, tokenizer: TokenizerConfig | None, out: str
) -> Measured:
    """Read a unit once; write its documents, rejects and signals. What stands is not redone.

    Where there is a tokenizer already, the tokens of a sample of the documents are counted.
    """
    name = f"{unit.key}.parquet"
    signals_name = f"{digest(*_versions(by), unit.key)}.parquet"
    known = storage.read_shard(storage.join(ledger.folder(out, "ingest"), name))
    if storage.read_shard(storage.join(out, ledger.REJECTS, name)) is None:
        known = None  # both are made in one pass over the input
    measured = storage.read_shard(storage.join(ledger.folder(out, "signals"), signals_name))
    found = Measured(
        documents=known or Shard(file=name, rows=0, digest=""),
        signals=measured or Shard(file=signals_name, rows=0, digest=""),
        documents_reused=known is not None,
        signals_reused=known is not None and measured is not None,
    )
    measuring = partial(_measure, by=by, out=out)
    if known is None:
        source = next(s for s in ingest.sources if s.name == unit.source)
        found = _ingest_and_measure(unit, source, measuring, out, found)
    elif measured is None:
        found = found.model_copy(update={"signals": _measure_again(measuring, out, found)})
    if found.documents_reused:
        progress.advance("ingest", documents=found.documents.rows, n_bytes=unit.size)
    if tokenizer is not None and tokenizer.path is not None:
        counted.count_sample(out, found.documents.file, *preflight.tokenizer(tokenizer))
    return found


def _versions(by: By) -> list[object]:
    """What signals depend on. Of eval sets and models: what they are, wherever it came from."""
    other = {"evals": (), "eval_least_words": 1, "classifiers": (), "ngram_lms": ()}
    config = by.signals.model_copy(update=other)
    items = [] if by.evals is None else [eval_signals.VERSION, by.evals.digest]
    scored = [score_signals.VERSION, models.versions(by.models)] if by.models else []
    return [SIGNALS_VERSION, pii.VERSION, minhash.VERSION, config, *items, *scored]


def _measure(documents: pa.Table, *, by: By, out: str) -> pa.Table:
    items = None if by.evals is None else eval_sets.index(by.evals, out)
    return measure(documents, by.signals, items, models.scorers(by.models, out))


def _ingest_and_measure(
    unit: Unit, source: Source, measuring: Measuring, out: str, found: Measured
) -> Measured:
    """The one pass over the text: each batch is written, and measured while it is at hand."""
    reader = reading.UnitReader(unit, source, scratch=storage.join(out, ledger.SCRATCH))
    documents_at = storage.join(ledger.folder(out, "ingest"), found.documents.file)
    signals_at = storage.join(ledger.folder(out, "signals"), found.signals.file)
    rejects_at = storage.join(out, ledger.REJECTS, found.documents.file)
    tally, rejects = _Tally(), []
    # Documents are opened first, so that they are renamed last: where they are, all three are.
    with (
        storage.writing(documents_at, DOCUMENTS) as documents_file,
        storage.writing(rejects_at, REJECTS) as rejects_file,
        storage.writing(signals_at, SIGNALS) as signals_file,
    ):
        for documents, rejected in reader.batches():
            measured = measuring(documents)
            documents_file.write(documents)
            signals_file.write(measured)
            rejects.append(rejected)
            tally.add(documents, measured, rejected)
            progress.advance("ingest", documents=documents.num_rows, n_bytes=0)
        rejects_file.write(pa.concat_tables([REJECTS.empty_table(), *rejects]))
        shards = tally.shards(found, unit, reader)
        documents_file.finish(shards.documents)
        signals_file.finish(shards.signals)
        rejects_file.finish(Shard(file=found.documents.file, rows=tally.rejects, digest=""))
    progress.advance("ingest", documents=0, n_bytes=unit.size)
    return shards


class _Tally:
    """Counts and digests of a unit while its batches pass."""

    def __init__(self) -> None:
        self.rows = self.rejects = self.n_bytes = 0
        self.documents: list[str] = []
        self.signals: list[str] = []

    def add(self, documents: pa.Table, measured: pa.Table, rejected: pa.Table) -> None:
        self.rows += documents.num_rows
        self.rejects += rejected.num_rows
        self.n_bytes += sum(measured.column(c.N_BYTES).to_pylist())
        self.documents.append(add_hex(measured.column(c.DOCUMENT_DIGEST).to_pylist()))
        self.signals.append(table_digest(measured))

    def shards(self, found: Measured, unit: Unit, reader: reading.UnitReader) -> Measured:
        documents = Shard(
            file=found.documents.file,
            rows=self.rows,
            digest=add_hex(self.documents),
            n_bytes=self.n_bytes,
            source=unit.source,
            rejects=self.rejects,
            left_out=reader.left_out,
            named=dict(sorted(reader.named.items())),
            inputs=tuple(reader.files),
        )
        signals = Shard(
            file=found.signals.file,
            rows=self.rows,
            digest=add_hex(self.signals),
            n_bytes=self.n_bytes,
            source=unit.source,
        )
        return found.model_copy(update={"documents": documents, "signals": signals})


def _measure_again(measuring: Measuring, out: str, found: Measured) -> Shard:
    """Measure documents that stand already, because only the section ``signals`` changed."""
    at = storage.join(ledger.folder(out, "signals"), found.signals.file)
    digests: list[str] = []
    with storage.writing(at, SIGNALS) as file:
        for documents in _documents(out, found.documents):
            measured = measuring(documents)
            file.write(measured)
            digests.append(table_digest(measured))
        shard = found.documents.model_copy(
            update={
                "file": found.signals.file,
                "digest": add_hex(digests),
                "rejects": 0,
                "left_out": 0,
                "named": {},
                "inputs": (),
            }
        )
        file.finish(shard)
    return shard


def _documents(out: str, shard: Shard) -> Iterator[pa.Table]:
    return storage.read_batches(storage.join(ledger.folder(out, "ingest"), shard.file))


@step
def finish_units(
    measured: list[Measured],
    listing: inputs.Listing,
    ingest: IngestConfig,
    by: By,
    out: str,
) -> list[tuple[StageManifest, int]]:
    """Write the manifests of ingest and signals, unless too many records of a source are bad.

    Each comes with the number of its shards that stood already.
    """
    details = _by_source(measured, listing, ingest, out)
    _check_rejects(details, ingest)
    _check_names(details)
    documents = tuple(m.documents for m in measured)
    signals = tuple(m.signals for m in measured)
    rows = sum(s.rows for s in documents)
    manifests = [
        StageManifest(
            stage="ingest",
            key=digest([s.file for s in documents]),
            digest=add_hex(s.digest for s in documents),
            rows_in=rows + sum(s.rejects + s.left_out for s in documents),
            rows_out=rows,
            shards=documents,
            details={"sources": details, "passed_over": listing.passed_over},
        ),
        StageManifest(
            stage="signals",
            key=digest([s.file for s in signals]),
            digest=add_hex(s.digest for s in signals),
            rows_in=rows,
            rows_out=sum(s.rows for s in signals),
            shards=signals,
            details={SKETCH: minhash.VERSION, **_laid_by(by)},
        ),
    ]
    for manifest in manifests:
        ledger.finish(out, manifest)
    storage.clear_downloads(storage.join(out, ledger.SCRATCH))
    reused = [sum(m.documents_reused for m in measured), sum(m.signals_reused for m in measured)]
    return list(zip(manifests, reused, strict=True))


def _laid_by(by: By) -> dict[str, Any]:
    """What signals speak of, if anything: eval items, models."""
    found: dict[str, Any] = {} if by.evals is None else {EVALS: by.evals.model_dump()}
    return found | ({MODELS: [model.model_dump() for model in by.models]} if by.models else {})


def _by_source(
    measured: list[Measured], listing: inputs.Listing, ingest: IngestConfig, out: str
) -> dict[str, dict[str, Any]]:
    details: dict[str, dict[str, Any]] = {}
    for source in ingest.sources:
        shards = [m.documents for m in measured if m.documents.source == source.name]
        reasons: Counter[str] = Counter()
        for shard in shards:
            if shard.rejects:
                at = storage.join(out, ledger.REJECTS, shard.file)
                reasons.update(storage.read_table(at, [c.REASON]).column(0).to_pylist())
        details[source.name] = {
            "origin": source.origin,
            "format": listing.formats[source.name],
            "files": len({f.file for s in shards for f in s.inputs}),
            "documents": sum(s.rows for s in shards),
            "text_bytes": sum(s.n_bytes for s in shards),
            "rejects": dict(sorted(reasons.items())),
            **_chosen(shards, listing.samples.get(source.name)),
        }
    return details


def _chosen(shards: list[Shard], sample: dict[str, Any] | None) -> dict[str, Any]:
    """What only some sources have: a sample, archives, records that name their source."""
    named: Counter[str] = Counter()
    for shard in shards:
        named.update(shard.named)
    files = [f for s in shards for f in s.inputs]
    counts = {
        "left_out": sum(s.left_out for s in shards),
        "members": sum(f.members for f in files),
        "members_passed_over": sum(f.passed_over for f in files),
        "named": dict(sorted(named.items())),
        "sample": sample,
    }
    return {name: count for name, count in counts.items() if count}


def _check_names(details: dict[str, dict[str, Any]]) -> None:
    """Old and new data must not go by one name: shares and reports could not tell them apart."""
    origins: dict[str, tuple[str, str]] = {}
    for source, counts in details.items():
        for name in {source, *counts.get("named", {})}:
            origin, other = origins.setdefault(name, (counts["origin"], source))
            if origin != counts["origin"]:
                raise SourceError(
                    f"source {source!r}",
                    got=f"records of the source {name!r}, which is a name in {other!r} too",
                    wanted="other names for new data than for replay",
                    way_out="Rename the source in the recipe, or take away its source_field.",
                )


def _check_rejects(details: dict[str, dict[str, Any]], ingest: IngestConfig) -> None:
    for name, counts in details.items():
        bad = sum(counts["rejects"].values())
        share = bad / max(1, bad + counts["documents"])
        if share > ingest.max_reject_share:
            reasons = ", ".join(f"{n} {reason}" for reason, n in counts["rejects"].items())
            raise SourceError(
                f"source {name!r}",
                got=f"{bad:,} of {bad + counts['documents']:,} records bad ({reasons})",
                wanted=f"at most {ingest.max_reject_share:g} of them (ingest.max_reject_share)",
                way_out="Look at them in rejects/*.parquet; name the right format or text_field, "
                "or allow a larger share.",
            )
