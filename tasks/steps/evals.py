"""Steps of decontamination: eval sets laid by, and which documents have their items."""

from __future__ import annotations

from schemas.config import DecidingConfig, SignalsConfig  # noqa: TC001  (Prefect reads them)
from schemas.manifest import EvalIndex  # noqa: TC001
from schemas.tables import EVAL_HITS
from tasks import eval_sets, leaks, narrow, storage
from tasks.hashing import digest
from tasks.steps import dedup
from tasks.steps.policy import step

VERSION = "hits-1"


@step
def lay_by(signals: SignalsConfig, memory_bytes: int, out: str) -> EvalIndex | None:
    """Read the recipe's evaluation sets, so that documents can be compared with their items."""
    return eval_sets.lay_by(signals, memory_bytes, out) if signals.evals else None


@step
def judge(deciding: DecidingConfig, out: str) -> str | None:
    """Find the documents that have items; return their file. Not where the decisions stand."""
    given = narrow.given(deciding, out)
    config = deciding.decontaminate
    if given.evals is None or config is None or narrow.finished(out, given.key) is not None:
        return None
    rests_on = (given.documents.digest, given.signals.digest, given.evals.items_digest)
    limits = config.model_copy(update={"action": "report", "exempt": ()})
    file = f"evals-{digest(VERSION, *rests_on, limits)}.parquet"
    if storage.read_shard(dedup.at(file, out)) is None:
        dedup.write(dedup.at(file, out), leaks.hits(given, config, out), EVAL_HITS)
    return file
