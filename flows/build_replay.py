"""``build_replay``: a shard of old text that stands in for the original, under a token budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import flow

from schemas.config import RunConfig
from tasks import ledger
from tasks.steps import guard, replay, surrogate, tokenizer

if TYPE_CHECKING:
    from schemas.manifest import StageManifest


@flow(name="build-replay", persist_result=False, validate_parameters=False)
def build_replay(recipe: RunConfig, out: str) -> str:
    """Draw the replay shard from the decisions of ``build_corpus``; return its folder."""
    _guard(recipe, out)
    meter = ledger.Meter()
    if recipe.tokenizer is not None:
        manifest, stood = tokenizer.provide_tokenizer(
            recipe.tokenizer, list(recipe.old), recipe.seed, out, recipe.masking
        )
        ledger.note(out, "tokenizer", meter.record(manifest, reused=len(manifest.shards) * stood))

    if recipe.replay is not None:
        meter = ledger.Meter()
        manifest, stood = _draw(recipe, out, measured=recipe.replay.measured)
        ledger.note(out, "replay", meter.record(manifest, reused=len(manifest.shards) * stood))
    return ledger.folder(out, "replay")


def _guard(recipe: RunConfig, out: str) -> None:
    """Find out what budgets do without, where there is to be a mixture."""
    if recipe.mixture is None or not recipe.mixture.guard:
        guard.take_away(out)
        return
    meter = ledger.Meter()
    old = recipe.replay.pool(recipe.old) if recipe.replay is not None else ()
    manifest, stood = guard.leave_out(recipe.deciding(), [*recipe.new, *old], out)
    ledger.note(out, "guard", meter.record(manifest, reused=len(manifest.shards) * stood))


def _draw(recipe: RunConfig, out: str, *, measured: bool) -> tuple[StageManifest, bool]:
    """Draw by shares of whole documents; or by text, which is measured first, shard by shard."""
    if not measured:
        return replay.draw_replay(recipe.budget(), out)
    plan = surrogate.plan_pool(recipe.budget(), list(recipe.old), out)
    measuring = [surrogate.measure_pool.submit(plan, name, out) for name in plan.shards]
    for one in measuring:
        one.result()
    return surrogate.draw_surrogate(plan, recipe.budget(), recipe.signals, out)
