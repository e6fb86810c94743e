"""What kept documents lose because others have it, as the manifest of select has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.levels import EVAL_ITEM
from schemas.manifest import REMOVED_PARTS
from schemas.section import Section, Table
from tasks.report.thresholds import share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.manifest import StageManifest

NAMES: Final = {
    "line": "lines",
    "paragraph": "paragraphs",
    "substring": "runs of words",
    EVAL_ITEM: "paragraphs with eval items",
}


def removed(decisions: StageManifest) -> list[Section]:
    """Return a section by source and level; none where the recipe asks for no such parts."""
    if REMOVED_PARTS not in decisions.details:
        return []
    text = "Lines, paragraphs and runs of words of kept documents that other kept ones have too, "
    text += "and paragraphs that hold an item of an evaluation set."
    rows = tuple(_rows(decisions))
    if not rows:
        return [Section("Removed from documents", f"{text} There were none.")]
    text += " Of what is in several levels the first part in the text counts, the longer one first."
    header = ("source", "level", "parts", "bytes", "of kept documents' bytes")
    return [Section("Removed from documents", text, Table(header, rows))]


def _rows(decisions: StageManifest) -> Iterator[tuple[str, str, int, int, str]]:
    """The share is of the bytes that kept documents had when they were read."""
    for source, levels in decisions.details[REMOVED_PARTS].items():
        lost = sum(counts["bytes"] for counts in levels.values())
        read = decisions.details["sources"][source]["kept_bytes"] + lost
        for level, name in NAMES.items():
            if level in levels:
                parts, n_bytes = levels[level]["parts"], levels[level]["bytes"]
                yield source, name, parts, n_bytes, share(n_bytes, read)
