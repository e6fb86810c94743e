"""``build_replay``: a shard of old documents at given shares, under a token budget."""

from __future__ import annotations

from prefect import flow

from schemas.config import RunConfig
from tasks import ledger
from tasks.steps import replay, tokenizer


@flow(name="build-replay", persist_result=False, validate_parameters=False)
def build_replay(recipe: RunConfig, out: str) -> str:
    """Draw the replay shard from the decisions of ``build_corpus``; return its folder."""
    meter = ledger.Meter()
    old = [s.name for s in recipe.ingest.sources if s.origin == "replay"]
    if recipe.tokenizer is not None:
        manifest, stood = tokenizer.provide_tokenizer(
            recipe.tokenizer, old, recipe.seed, out, recipe.masking
        )
        ledger.note(out, "tokenizer", meter.record(manifest, reused=len(manifest.shards) * stood))

    if recipe.replay is not None:
        meter = ledger.Meter()
        manifest, stood = replay.draw_replay(recipe.budget(), out)
        ledger.note(out, "replay", meter.record(manifest, reused=len(manifest.shards) * stood))
    return ledger.folder(out, "replay")
