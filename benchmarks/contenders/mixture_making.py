"""openmoat: kept documents of a run to packed shards, nothing counted or encoded before.

The last argument: ``tokenizers`` or ``tekken``. What is measured are the steps of the flow, one
after the other; Prefect, which runs several at a time, is left out.
"""

from __future__ import annotations

import shutil
import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measuring import contend
from benchmarks.mixture_run import recipe
from schemas.errors import OpenmoatError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    from schemas.config import RunConfig


def prepare(given: Path, folder: Path, *, tokenizer: str) -> Callable[[], int]:
    """Copy the run, and give it its tokenizer. What is imported is no part of what is measured."""
    from tasks.steps import mixture
    from tasks.steps import tokenizer as step

    config, out = recipe(given, tokenizer), str(folder)
    shutil.copytree(given / "out", folder)
    if config.tokenizer is not None:
        step.provide_tokenizer.fn(config.tokenizer, [], config.seed, out)
    return partial(_made, mixture, config, out)


def _made(steps: ModuleType, config: RunConfig, out: str) -> int:
    if config.mixture is None:
        return 0
    plan = steps.plan_mixture.fn(config.budget(), config.mixture, out)
    gathered = [steps.gather.fn(plan, shard, out) for shard in plan.documents]
    shards = [
        steps.write_shard.fn(plan, number, gathered, out)[0] for number in range(len(plan.files))
    ]
    rows: int = steps.finish_mixture.fn(plan, shards, out).rows_in
    return rows


if __name__ == "__main__":
    try:
        contend(partial(prepare, tokenizer=sys.argv[4]))
    except OpenmoatError as error:
        sys.exit(str(error))
