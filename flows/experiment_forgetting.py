"""``experiment_forgetting``: old text, then new, with each kind of replay, in processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from schemas.experiment import Result
from tasks import storage
from tasks.experiment import arms
from tasks.experiment.conducting import Found, Plan
from tasks.steps import experiment as steps

if TYPE_CHECKING:
    from prefect.futures import PrefectFuture
    from prefect.task_runners import TaskRunner


def run(plan: Plan, workers: int) -> Result:
    """Run all parts, so many at a time; what is there is not run again."""
    runner = cast("TaskRunner[PrefectFuture[Any]]", ThreadPoolTaskRunner(max_workers=workers))
    return experiment_forgetting.with_options(task_runner=runner)(plan)


@flow(name="experiment-forgetting", persist_result=False, validate_parameters=False)
def experiment_forgetting(plan: Plan) -> Result:
    """Deal, train on old text, draw shards, train each arm, conclude."""
    with storage.claimed(plan.out):
        dealt = steps.deal(plan)
        based = {seed: steps.base.submit(plan, seed) for seed in plan.seeds}
        bases = {seed: one.result() for seed, one in based.items()}
        kinds = arms.pipelines(plan.arms)
        drawing = {(s, k): steps.build.submit(plan, s, k) for s in plan.seeds for k in kinds}
        built = {key: one.result() for key, one in drawing.items()}
        refused = {(seed, replay) for (seed, _), one in built.items() for replay in one.refused}
        runs = [
            steps.arm.submit(plan, seed, own)
            for seed in plan.seeds
            for own in plan.arms
            if (seed, own.replay) not in refused
        ]
        outcomes = [one.result() for one in runs]
        result = steps.conclude(plan, Found(dealt, bases, built, outcomes))
        if plan.keep:
            steps.speak(plan, bases, outcomes, result)
        return result
