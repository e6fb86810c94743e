"""``build_mixture``: replay and new data to training shards with a data card."""

from __future__ import annotations

from prefect import flow

from schemas.config import RunConfig  # noqa: TC001  (Prefect reads the annotations)
from tasks import ledger
from tasks.steps import handoff, mixture


@flow(name="build-mixture", persist_result=False, validate_parameters=False)
def build_mixture(recipe: RunConfig, out: str) -> str:
    """Plan the mixture, gather its text in one pass, write its shards; return its folder."""
    assert recipe.mixture is not None, "the caller checks that the recipe asks for a mixture"
    meter = ledger.Meter()
    plan = mixture.plan_mixture(recipe.budget(), out)
    if plan.finished:
        manifest = ledger.read(out, "mixture")
        ledger.note(out, "mixture", meter.record(manifest, stood=True))
    else:
        futures = [mixture.gather.submit(plan, shard, out) for shard in plan.documents]
        gathered = [future.result() for future in futures]
        numbers = range(len(plan.files))
        futures = [
            mixture.write_shard.submit(plan, n, gathered, recipe.mixture, out) for n in numbers
        ]
        written = [future.result() for future in futures]
        manifest = mixture.finish_mixture(plan, [s for s, _ in written], recipe.budget(), out)
        reused = sum(stood for _, stood in written)
        done = meter.record(manifest, written=len(written) - reused, reused=reused)
        ledger.note(out, "mixture", done)
    handoff.write_card(out)
    return ledger.folder(out, "mixture")
