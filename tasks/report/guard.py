"""What the guard left out, and what decisions had removed before, to sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schemas import columns as c
from schemas.guard import REASONS
from schemas.section import Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.manifest import StageManifest

HEADER: Final = ("origin", "source", "left out because it", "found in", "level", "documents",
                 "text, MB", "tokens, estimated")  # fmt: skip
RULE: Final = (
    "Evaluation items win over all, new data over replay, training over what is held out. What is "
    "left out stays in the corpus; budgets are drawn without it."
)


def sections(manifest: StageManifest) -> list[Section]:
    """Return what was found in common and left out, and what had gone before."""
    found = manifest.details
    rows = tuple(map(_row, found["left_out"]))
    text = " ".join([*_looked(manifest), *([RULE] if rows else ["Nothing was found."])])
    told = [Section("Guard", text, Table(HEADER, rows) if rows else None)]
    before = tuple(
        (one[c.ORIGIN], one[c.SOURCE], one[c.DROP_REASON], one["documents"])
        for one in found["decided"]
    )
    if before:
        header = ("origin", "source", "reason", "documents")
        text = "Dropped for a document of the other origin, or for an evaluation item."
        told.append(Section("Removed across origins before", text, Table(header, before)))
    return told


def sentence(details: Mapping[str, Any]) -> str:
    """Return what the guard did, for the card."""
    left_out = sum(one["documents"] for one in details["left_out"])
    compared = sum(details["compared"].values())
    evals = "" if details["evals"] else "; the recipe names no evaluation sets"
    return (
        f"The guard compared {compared:,} documents of replay, new data and evaluation sets, and "
        f"left {left_out:,} out{evals}."
    )


def _row(one: Mapping[str, Any]) -> tuple[str | int | float | None, ...]:
    reason, tokens = REASONS[one[c.REASON]], one[c.TOKENS_EST]
    names = (one[c.ORIGIN], one[c.SOURCE], reason, one[c.MATCHED_SOURCE], one[c.LEVEL])
    return (*names, one["documents"], one[c.N_BYTES] / 1e6, "-" if tokens is None else tokens)


def _looked(manifest: StageManifest) -> Iterator[str]:
    """How was looked, and what could not be found so."""
    found = manifest.details
    yield f"{manifest.rows_in:,} kept documents of replay and new data were compared once more."
    if found["near"]:
        exact = found["verification"] == "exact"
        how = "exact" if exact else "estimated from sketches"
        yield f"Near: Jaccard similarity, {how}, of {found['threshold']:g} or more."
    else:
        yield "Equal texts only: without MinHash (signals.minhash) near ones are not found."
    if not found["evals"]:
        yield "The recipe names no evaluation sets."
    if found["spared"]:
        said = ", ".join(f"{name} {n:,}" for name, n in found["spared"].items())
        yield f"Of exempt sources these have an evaluation item and stay: {said} documents."
