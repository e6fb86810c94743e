"""Some duplicates and the documents that stayed for them, to be looked at: ``samples.json``."""

from __future__ import annotations

from schemas.manifest import Frozen

Passage = tuple[tuple[bool, str], ...]
"""Pieces of a text, one after the other, and whether they differ from the other text."""


class Twins(Frozen):
    """A duplicate and the document that was kept for it; excerpts, personal data masked."""

    doc_id: str
    source: str
    kept_id: str
    kept_source: str
    level: str
    similarity: float | None
    dropped: Passage
    kept: Passage


class Samples(Frozen):
    """What the report shows side by side."""

    twins: tuple[Twins, ...] = ()
