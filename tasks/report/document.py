"""What is known of one document, as headings with facts below them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas import columns as c
from tasks.report.thresholds import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.inspection import Inspected, Removed, Written

    Facts = list[tuple[str, str]]


def document_facts(document: Inspected) -> Iterator[tuple[str, Facts]]:
    """Yield a heading and (name, fact) pairs, one group after the other."""
    yield f"{document.doc_id}: {_outcome(document)}", _of(document)
    if document.reasons:
        yield "Why", [(reason.name, reason.said) for reason in document.reasons]
    elif document.twin is not None:
        twin = document.twin
        said = f"{twin.doc_id} ({twin.source}, {twin.location}, position {twin.position})"
        yield "Twin, which the recipe lets stay beside it", [(f"{twin.level}", said)]
    if document.removed:
        yield "Removed from its text", list(map(_removed, document.removed))
    taken = [(stage, _place(written)) for stage, written in document.written.items()]
    if taken:
        yield "Taken into", taken
    if document.notes:
        yield "Note", [("", note) for note in document.notes]
    if document.excerpt:
        yield "Begins", [("", document.excerpt)]


def _removed(part: Removed) -> tuple[str, str]:
    why = f"as in {part.matched_id}" if part.item is None else f"with {part.item}"
    where = f"bytes {part.start:,} to {part.end:,}, {why}"
    return part.level, f"{where}: {part.excerpt}"


def _outcome(document: Inspected) -> str:
    if document.keep is None:
        return "not decided yet"
    if document.keep:
        return "kept, to train on" if document.split == "train" else "kept, for validation"
    return f"dropped, {document.reasons[0].name}" if document.reasons else "dropped"


def _of(document: Inspected) -> Facts:
    """Where it is from and what it is."""
    signals = document.signals
    same = document.source == document.recipe_source
    via = "" if same else f", of {document.recipe_source} in the recipe"
    facts = [
        ("source", f"{document.source}{via} ({document.origin})"),
        ("record", document.record_id or "no id of its own"),
        ("read from", f"{document.location}, position {document.position:,}"),
        ("address", document.url or "none"),
        ("licence", document.license or "not stated"),
    ]
    if signals:
        language = f"{signals[c.LANG]} (probability {number(signals[c.LANG_PROB])})"
        facts += [("size", f"{signals[c.N_BYTES]:,} bytes"), ("language", language)]
    return [*facts, ("row", f"{document.row:,} of documents/{document.shard}")]


def _place(written: Written) -> str:
    where = f"{written.split}: row {written.row:,} of {written.shard}"
    if written.start is not None:
        where += f", characters {written.start:,} to {written.end:,}"
        where += f" and {written.more:,} passages more" if written.more else ""
    where += "" if written.position is None else f", position {written.position:,}"
    return where + ("" if written.tokens is None else f", {written.tokens:,} tokens")
