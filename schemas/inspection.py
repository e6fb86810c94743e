"""What ``inspect`` tells of one document."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from schemas.manifest import Frozen


class Reason(Frozen):
    """Why a document was dropped: ``said`` in words, with the figures it was judged by.

    ``measured`` are the signals (or what was stated); of ``least`` and ``most``, the limit that
    was broken; ``key`` is what the recipe calls that limit.
    """

    name: str
    said: str
    measured: dict[str, Any] = Field(default_factory=dict)
    least: float | None = None
    most: float | None = None
    key: str | None = None


class Twin(Frozen):
    """The document that stands for a duplicate; ``keep`` is None where no decision is known.

    Of the level ``index`` it is no document of the run: its id and the similarity are all there is.
    """

    doc_id: str
    level: str | None
    similarity: float | None
    source: str | None = None
    record_id: str | None = None
    location: str | None = None
    position: int | None = None
    keep: bool | None = None


class Removed(Frozen):
    """A part of the text that goes (bytes ``start`` to ``end``), and which document has it.

    Of the level ``eval_item`` it is a paragraph, and ``item`` says what it holds.
    """

    start: int
    end: int
    level: str
    matched_id: str | None
    item: str | None = None
    excerpt: str


class Written(Frozen):
    """Where a stage put a document: the file in the run's folder, and the row in it (from 0).

    Of a document drawn by passages it is the first one, code points ``start`` to ``end``, and
    ``more`` counts the others.
    """

    shard: str
    row: int
    split: str
    tokens: int | None = None
    position: int | None = None
    start: int | None = None
    end: int | None = None
    more: int = 0


class Inspected(Frozen):
    """One document. ``keep`` is None where it is not decided yet; ``notes`` say what is missing.

    ``shard`` and ``row`` are its place in ``documents/``; ``written`` holds the stages that took
    it; ``signals`` is its whole row of ``signals/``, hashes in hex; ``excerpt`` how it begins.
    """

    doc_id: str
    record_id: str | None
    source: str
    recipe_source: str
    origin: str
    location: str
    position: int
    url: str | None
    license: str | None
    opt_out: bool
    shard: str
    row: int
    keep: bool | None = None
    reasons: tuple[Reason, ...] = ()
    twin: Twin | None = None
    cluster_id: str | None = None
    split: str | None = None
    removed: tuple[Removed, ...] = ()
    written: dict[str, Written] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    signals: dict[str, Any] = Field(default_factory=dict)
    excerpt: str = ""


class Inspection(Frozen):
    """Documents of the id that was asked for: one, or more where the id came again.

    ``found`` counts them all, ``documents`` holds the first ones; ``looked_at`` is the number of
    ids that were compared.
    """

    out: str
    asked: str
    looked_at: int
    found: int
    documents: tuple[Inspected, ...]
