"""Some of what was found, to be looked at: ``samples.json``.

Duplicates and the documents that stayed for them; eval items and the documents that have them.
"""

from __future__ import annotations

import operator

from pydantic import Field

from schemas.manifest import Frozen

Passage = tuple[tuple[bool, str], ...]
"""Pieces of a text, one after the other, and whether they are marked.

Of duplicates what differs from the other text, of eval items what both have.
"""


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


class Leak(Frozen):
    """An eval item and a document that has it; excerpts, personal data masked.

    ``common``: only by rows of words that are common in the document's source.
    """

    eval_set: str
    item_id: str
    field: str
    doc_id: str
    source: str
    common: bool
    n_words: int
    covered: int
    run: int
    item: Passage
    document: Passage


class Samples(Frozen):
    """What the report shows side by side."""

    twins: tuple[Twins, ...] = ()
    leaks: tuple[Leak, ...] = Field(default=(), exclude_if=operator.not_)
