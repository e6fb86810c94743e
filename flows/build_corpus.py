"""``build_corpus``: sources to documents, signals and decisions (and files, where asked for)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import flow

from schemas.config import RunConfig, Source
from tasks import ledger, progress
from tasks.dedup import MEMORY_BYTES
from tasks.steps import (
    boilerplate,
    corpus,
    dedup,
    evals,
    ingest,
    models,
    pieces,
    select,
    semantic,
)

if TYPE_CHECKING:
    from prefect.futures import PrefectFuture

    from schemas.config import DecidingConfig
    from schemas.manifest import Unit


@flow(name="build-corpus", persist_result=False, validate_parameters=False)
def build_corpus(
    recipe: RunConfig, out: str, memory_bytes: int = MEMORY_BYTES, workers: int = 1
) -> str:
    """Read and measure every unit once, decide on narrow tables; return the decisions' folder.

    ``memory_bytes`` are a worker's part; models are trained while nothing else is done.
    """
    meter = ledger.Meter()
    by = ingest.By(
        recipe.signals,
        evals.lay_by(recipe.signals, memory_bytes, out),
        models.lay_by(recipe.signals, recipe.seed, memory_bytes * workers, out),
    )
    listing = ingest.list_units(recipe.ingest, recipe.pool())
    units = [u for source in recipe.ingest.sources for u in _units(source, listing.units, out)]
    measured_by = (recipe.ingest, by, recipe.tokenizer, out)
    futures = [ingest.measure_unit.submit(unit, *measured_by) for unit in units]
    measured = [future.result() for future in futures]
    for manifest, reused in ingest.finish_units(measured, listing, recipe.ingest, by, out):
        done = meter.record(manifest, reused=reused)
        ledger.note(out, manifest.stage, done)
        meter = ledger.Meter()  # signals are measured in the pass of ingest, which has the cost

    meter = ledger.Meter()
    deciding = recipe.deciding()
    found = _duplicates(deciding, memory_bytes, out)
    decisions, stood = select.decide(deciding, found, out)
    ledger.note(out, "select", meter.record(decisions, reused=len(decisions.shards) * stood))

    if recipe.corpus.materialize:
        meter = ledger.Meter()
        pairs = [(m.documents, m.signals) for m in measured]
        written = [
            future.result()
            for future in [corpus.write_corpus.submit(*p, out, recipe.masking) for p in pairs]
        ]
        manifest = corpus.finish_corpus([shard for shard, _ in written], decisions.rows_in, out)
        reused = sum(stood for _, stood in written)
        done = meter.record(manifest, reused=reused)
        ledger.note(out, "corpus", done)
    return ledger.folder(out, "select")


def _units(source: Source, listed: list[Unit], out: str) -> list[Unit]:
    """A source's units; of one that loses its boilerplate, after a read to find it."""
    own = [u for u in listed if u.source == source.name]
    if source.normalise is None or source.normalise.boilerplate is None:
        return own
    samples = []
    if not boilerplate.is_found(source, own, out):
        progress.expect("boilerplate", sum(u.size for u in own))
        samples = [boilerplate.sample_lines.submit(u, source, out) for u in own]
    return boilerplate.find_repeated(source, own, [s.result() for s in samples], out)


def _duplicates(deciding: DecidingConfig, memory_bytes: int, out: str) -> dedup.Found:
    """Find what documents have in common: first all of a text, then what it means, then parts."""
    known = _results([dedup.look_up.submit(deciding, i, out) for i in deciding.dedup.against])
    leaked = evals.judge(deciding, out)
    key, spans = dedup.prepare(deciding, known, leaked, memory_bytes, out)
    near = _results([dedup.compare.submit(deciding, key, span, out) for span in spans])
    found = dedup.Found(key, known, near, leaked)
    found = found._replace(alike=semantic.compare(deciding, found, out))
    found = found._replace(staying=pieces.stay(deciding, found, out))
    spans = pieces.ranges(memory_bytes, out) if found.staying else []
    shared = _results([pieces.share.submit(deciding, found, span, out) for span in spans])
    found = found._replace(shared=shared)
    spans = pieces.find_anchored(deciding, found, memory_bytes, out) if shared else []
    runs = _results([pieces.run.submit(deciding, found, span, out) for span in spans])
    return found._replace(runs=runs)


def _results(futures: list[PrefectFuture[str]]) -> list[str]:
    return [future.result() for future in futures]
