"""Steps of decontamination: eval sets laid by, which documents have items, and what goes for it."""

from __future__ import annotations

import pyarrow as pa

from schemas import columns as c
from schemas.config import DecidingConfig, SignalsConfig  # noqa: TC001  (Prefect reads them)
from schemas.manifest import EvalIndex  # noqa: TC001
from schemas.tables import EVAL_HITS
from tasks import eval_cuts, eval_sets, leaks, narrow, storage
from tasks.hashing import digest
from tasks.steps import dedup
from tasks.steps.policy import step

VERSION = "hits-1"
CUTS_VERSION = "cuts-1"
CUTS = pa.schema(
    [
        pa.field(c.ROW, pa.int64(), nullable=False),
        *(pa.field(name, pa.int64()) for name in (c.START, c.END)),
        pa.field(c.ITEM, pa.int32()),
    ]
)


@step
def lay_by(signals: SignalsConfig, memory_bytes: int, out: str) -> EvalIndex | None:
    """Read the recipe's evaluation sets, so that documents can be compared with their items."""
    return eval_sets.lay_by(signals, memory_bytes, out) if signals.evals else None


@step
def judge(deciding: DecidingConfig, out: str) -> list[str]:
    """Find the documents that have items, and what goes for it; return the two files.

    None where no set is compared with, or where the decisions stand.
    """
    given = narrow.given(deciding, out)
    config = deciding.decontaminate
    if given.evals is None or config is None or narrow.finished(out, given.key) is not None:
        return []
    measured = leaks.Measured(given.documents, given.signals, given.evals)
    rests_on = (given.documents.digest, given.signals.digest, given.evals.items_digest)
    limits = config.model_copy(update={"action": "report", "exempt": ()})
    hits = f"evals-{digest(VERSION, *rests_on, limits)}.parquet"
    if storage.read_shard(dedup.at(hits, out)) is None:
        dedup.write(dedup.at(hits, out), leaks.hits(measured, config, out), EVAL_HITS)
    policy = eval_cuts.Policy(config, deciding.dedup)
    losing = (deciding.dedup.max_removed_share, deciding.dedup.whole)
    cuts = f"cuts-{digest(CUTS_VERSION, hits, config, *losing)}.parquet"
    if storage.read_shard(dedup.at(cuts, out)) is None:
        found = dedup.read_hits([hits], out)
        found = eval_cuts.cuts(found, policy, measured, out)
        dedup.write(dedup.at(cuts, out), found, CUTS)
    return [hits, cuts]
