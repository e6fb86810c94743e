"""What the guard has left out, for all who draw from kept documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from schemas import columns as c
from schemas.errors import ManifestError
from schemas.guard import GUARD, LEFT_OUT
from tasks import ledger, storage
from tasks.hashing import table_digest

if TYPE_CHECKING:
    from schemas.manifest import StageManifest

FILE: Final = "left_out.parquet"
PLACE: Final = (c.SHARD, c.ROW)
WAY_OUT: Final = "Run the recipe again with the same --out: it is found out again."


def stands(out: str) -> bool:
    """Return whether a guard stands before what is drawn."""
    return ledger.stands(out, GUARD)


def key(out: str) -> list[str]:
    """Return what belongs into the key of whatever is drawn: nothing without a guard."""
    return [ledger.read(out, GUARD).key] if stands(out) else []


def read(out: str) -> pl.DataFrame:
    """Return the documents that are left out (``LEFT_OUT``); none without a guard.

    Raises :class:`ManifestError` where they are not those of the manifest.
    """
    if not stands(out):
        return pl.DataFrame(LEFT_OUT.empty_table())
    manifest: StageManifest = ledger.read(out, GUARD)
    at = storage.join(ledger.folder(out, GUARD), FILE)
    table = storage.read_table(at)
    if (found := table_digest(table, leave_out=PLACE)) != manifest.digest:
        raise ManifestError(
            at, got=f"rows of digest {found[:12]}", wanted=manifest.digest[:12], way_out=WAY_OUT
        )
    return pl.DataFrame(table)


def of(out: str, *, shard: str, row: int) -> dict[str, Any] | None:
    """Return what a document (its place in ``documents/``) is left out for; None if it is not."""
    found = read(out).filter((pl.col(c.SHARD) == shard) & (pl.col(c.ROW) == row))
    return None if found.is_empty() else found.row(0, named=True)


def without(frame: pl.DataFrame, out: str) -> pl.DataFrame:
    """Return documents (``shard, row``) without those that the guard leaves out."""
    gone = read(out).select(PLACE)
    return (
        frame if gone.is_empty() else frame.join(gone, on=PLACE, how="anti", maintain_order="left")
    )


def said(out: str) -> dict[str, Any]:
    """Return what a mixture's manifest has of it; nothing without a guard."""
    return {GUARD: ledger.read(out, GUARD).details} if stands(out) else {}
