"""What ``plan`` says of a recipe before it runs."""

from __future__ import annotations

from schemas.manifest import Frozen


class SourcePlan(Frozen):
    """One source: files as listed; the rest estimated from its first documents.

    ``pieces`` are what is measured to find lines, paragraphs and runs of words that documents
    share, ``parts`` how many of these there are: 0 where the recipe does not ask for them.
    """

    name: str
    origin: str
    format: str
    files: int
    units: int
    input_bytes: int
    documents: int
    text_bytes: int
    disk_bytes: int
    narrow_bytes: int
    pieces: int
    parts: int
    seconds: float


class Plan(Frozen):
    """A recipe's plan; seconds are CPU seconds, start-up left out.

    ``pairs_bytes`` are those of ``disk_bytes`` that pairs of near-duplicates take at most: as much
    where every document has all the twins that are noted down, next to nothing where few have any.
    ``parts_bytes`` are those that lines, paragraphs and runs of words take if documents share all
    of them, and ``parts_memory_bytes`` the memory beside ``memory_bytes``: both go with the share
    of the text that they have in common.
    """

    out: str
    sources: tuple[SourcePlan, ...]
    samples: tuple[str, ...]
    stages: tuple[str, ...]
    extra_reads: tuple[str, ...]
    passed_over: tuple[str, ...]
    memory_bytes: int
    disk_bytes: int
    pairs_bytes: int
    parts_bytes: int
    parts_memory_bytes: int
    free_bytes: int
    seconds: float
