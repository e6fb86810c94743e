"""Step of the guard: what replay and mixture do without, before anything is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.config import DecidingConfig  # noqa: TC001  (Prefect reads the annotations)
from schemas.guard import GUARD, LEFT_OUT
from schemas.manifest import Shard, StageManifest
from schemas.tables import conform
from tasks import guarded, guarding, ledger, storage
from tasks.hashing import digest, table_digest
from tasks.steps.policy import step

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "guard-1"


@step
def leave_out(
    deciding: DecidingConfig, sources: Sequence[str], out: str
) -> tuple[StageManifest, bool]:
    """Write which kept documents of some sources give way; return whether that stood already."""
    # Decisions know the settings that they were made with, and the guard goes by the same.
    key = digest(VERSION, ledger.read(out, "select").key, sorted(sources))
    known = ledger.finished(out, GUARD, key)
    if known is not None:
        return known, True
    ledger.begin(out, GUARD)
    found = guarding.guarded(deciding, sources, out)
    table = conform(found.left_out.to_arrow(), LEFT_OUT)
    shard = Shard(
        file=guarded.FILE,
        rows=table.num_rows,
        digest=table_digest(table, leave_out=guarded.PLACE),
    )
    at = storage.join(ledger.folder(out, GUARD), guarded.FILE)
    storage.write_table(at, table, LEFT_OUT, shard=shard)
    manifest = StageManifest(
        stage=GUARD,
        key=key,
        digest=shard.digest,
        rows_in=found.compared,
        rows_out=table.num_rows,
        shards=(shard,),
        details=found.details,
    )
    ledger.finish(out, manifest)
    return manifest, False


@step
def take_away(out: str) -> None:
    """Remove what an earlier recipe's guard left."""
    storage.remove(ledger.folder(out, GUARD))
