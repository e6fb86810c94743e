"""``pipeline``: all flows from one recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from flows.build_corpus import build_corpus
from flows.build_mixture import build_mixture
from flows.build_replay import build_replay
from schemas.config import RunConfig
from tasks import ledger, storage
from tasks.dedup import MEMORY_BYTES
from tasks.steps import handoff

if TYPE_CHECKING:
    from prefect.futures import PrefectFuture
    from prefect.task_runners import TaskRunner

Goal = Literal["corpus", "replay", "mixture"]


@flow(name="pipeline", persist_result=False, validate_parameters=False)
def pipeline(
    recipe: RunConfig,
    out: str,
    workers: int = 2,
    goal: Goal = "mixture",
    memory_bytes: int = MEMORY_BYTES,
) -> str:
    """Run what the recipe has sections for, up to ``goal``; what is finished is not done again.

    ``memory_bytes`` bound what all workers together take to find near-duplicates.
    """
    runner = cast("TaskRunner[PrefectFuture[Any]]", ThreadPoolTaskRunner(max_workers=workers))
    with storage.claimed(out):
        handoff.begin(recipe, out, goal)
        each = memory_bytes // workers
        build_corpus.with_options(task_runner=runner)(recipe, out, each, workers)
        if goal != "corpus" and recipe.tokenizer is not None:
            build_replay.with_options(task_runner=runner)(recipe, out)
        if goal == "mixture" and recipe.mixture is not None:
            build_mixture.with_options(task_runner=runner)(recipe, out)
        handoff.end(out)
    return ledger.run_location(out)
