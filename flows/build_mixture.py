"""``build_mixture``: replay and new data to training shards with a data card."""

from __future__ import annotations

from prefect import flow

from schemas.config import RunConfig
from schemas.errors import ConfigError
from tasks import ledger
from tasks.steps import handoff, mixture


@flow(name="build-mixture", persist_result=False, validate_parameters=False)
def build_mixture(recipe: RunConfig, out: str) -> str:
    """Plan the mixture, gather its text in one pass, write its shards; return its folder."""
    if recipe.mixture is None:
        raise ConfigError(
            recipe.name,
            got="no section [mixture]",
            wanted="one that says how much is replay",
            way_out="Add it (docs/recipe.md).",
        )
    meter = ledger.Meter()
    plan = mixture.plan_mixture(recipe.budget(), recipe.mixture, out)
    if plan.finished:
        manifest = ledger.read(out, "mixture")
        ledger.note(out, "mixture", meter.record(manifest, reused=len(manifest.shards)))
    else:
        gathering = [mixture.gather.submit(plan, shard, out) for shard in plan.documents]
        gathered = [future.result() for future in gathering]
        numbers = range(len(plan.files))
        writing = [mixture.write_shard.submit(plan, n, gathered, out) for n in numbers]
        written = [future.result() for future in writing]
        manifest = mixture.finish_mixture(plan, [s for s, _ in written], out)
        reused = sum(stood for _, stood in written)
        done = meter.record(manifest, reused=reused)
        ledger.note(out, "mixture", done)
    handoff.write_card(out)
    return ledger.folder(out, "mixture")
