"""``build_corpus``: sources to documents, signals and decisions (and files, where asked for)."""

from __future__ import annotations

from prefect import flow

from schemas.config import RunConfig
from tasks import ledger
from tasks.steps import corpus, ingest, select


@flow(name="build-corpus", persist_result=False, validate_parameters=False)
def build_corpus(recipe: RunConfig, out: str) -> str:
    """Read and measure every unit once, decide on narrow tables; return the decisions' folder."""
    meter = ledger.Meter()
    listing = ingest.list_units(recipe.ingest)
    units = listing.units
    futures = [ingest.measure_unit.submit(u, recipe.ingest, recipe.signals, out) for u in units]
    measured = [future.result() for future in futures]
    for manifest, reused in ingest.finish_units(measured, listing, recipe.ingest, out):
        done = meter.record(manifest, reused=reused)
        ledger.note(out, manifest.stage, done)
        meter = ledger.Meter()  # signals are measured in the pass of ingest, which has the cost

    meter = ledger.Meter()
    decisions, stood = select.decide(recipe.deciding(), out)
    ledger.note(out, "select", meter.record(decisions, reused=len(decisions.shards) * stood))

    if recipe.corpus.materialize:
        meter = ledger.Meter()
        pairs = [(m.documents, m.signals) for m in measured]
        written = [
            future.result() for future in [corpus.write_corpus.submit(*p, out) for p in pairs]
        ]
        manifest = corpus.finish_corpus([shard for shard, _ in written], decisions.rows_in, out)
        reused = sum(stood for _, stood in written)
        done = meter.record(manifest, reused=reused)
        ledger.note(out, "corpus", done)
    return ledger.folder(out, "select")
