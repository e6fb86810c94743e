"""How every step runs under Prefect: no cache, no persisted results, retries for passing trouble.

Manifests and content-addressed shards are the only memory (a second one would disagree some day).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.errors import OpenmoatError

if TYPE_CHECKING:
    from collections.abc import Callable

    from prefect.client.schemas.objects import State, TaskRun
    from prefect.tasks import Task

P = ParamSpec("P")
R = TypeVar("R")
RETRIES = 2
RETRY_SECONDS = 2


def worth_retrying(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether trouble may pass: a hiccup of network or disk does, a wrong recipe does not."""
    trouble = state.result(raise_on_failure=False)
    return isinstance(trouble, OSError) and not isinstance(trouble, OpenmoatError)


def step(function: Callable[P, R]) -> Task[P, R]:
    """Make a function a Prefect task with the project's policy."""
    make: Callable[[Callable[P, R]], Task[P, R]] = task(
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=RETRIES,
        retry_delay_seconds=RETRY_SECONDS,
        retry_condition_fn=worth_retrying,
        log_prints=False,
    )
    return make(function)
