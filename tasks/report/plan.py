"""A plan as sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.section import Section, Table

if TYPE_CHECKING:
    from schemas.plan import Plan

HEADER = ("source", "origin", "format", "files", "units", "input, MB", "documents, about",
          "text, MB, about")  # fmt: skip


def plan_sections(plan: Plan) -> list[Section]:
    """Sources, stages and needs of a run that has not begun."""
    rows = tuple(
        (s.name, s.origin, s.format, s.files, s.units, s.input_bytes / 1e6, s.documents or None,
         s.text_bytes / 1e6 or None)
        for s in plan.sources
    )  # fmt: skip
    needs = (
        ("memory at its peak, MB", plan.memory_bytes / 1e6),
        ("disk, MB at most", plan.disk_bytes / 1e6),
        ("of it, if all documents have twins, their pairs", plan.pairs_bytes / 1e6),
        ("free disk, MB", plan.free_bytes / 1e6),
        ("CPU seconds to read and measure", plan.seconds),
        *(_of_parts(plan) if plan.parts_bytes else ()),
    )
    sampled = f" Sampled by seeded hash: {'; '.join(plan.samples)}." if plan.samples else ""
    passed = f" Passed over: {', '.join(plan.passed_over)}." if plan.passed_over else ""
    about = "Documents and text are scaled up from each source's first records."
    reads = "; ".join(plan.extra_reads) or "none"
    stages = f"{', '.join(plan.stages)}, into {plan.out}. Extra reads of text: {reads}."
    return [
        Section("Sources", about + sampled + passed, Table(HEADER, rows)),
        Section("Stages", stages),
        Section("Needs, estimated", "", Table(("", ""), needs)),
    ]


def _of_parts(plan: Plan) -> tuple[tuple[str, float], ...]:
    """What lines, paragraphs and runs of words take: by the share of text that is in common."""
    return (
        ("of the disk, if documents share all of their text, its parts", plan.parts_bytes / 1e6),
        ("memory beside, for each percent of text that they share", plan.parts_memory_bytes / 1e8),
    )
