"""What the report says of parts that were removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from schemas import columns as c
from schemas.manifest import REMOVED_PARTS, StageManifest
from tasks.removal import counts
from tasks.report.removed import removed

if TYPE_CHECKING:
    from schemas.section import Section

SPANS = pl.DataFrame(
    [
        ("web", "substring", 10, 110),
        ("web", "line", 0, 10),
        ("web", "line", 300, 340),
        ("books", "paragraph", 5, 6),
    ],
    schema=[c.SOURCE, c.LEVEL, c.START, c.END],
    orient="row",
)


def sections(kept_bytes: dict[str, int], details: dict[str, Any]) -> list[Section]:
    sources = {name: {"kept_bytes": n} for name, n in kept_bytes.items()}
    manifest = StageManifest(
        stage="select", key="", digest="", rows_in=0, rows_out=0,
        details={"sources": sources, **details},
    )  # fmt: skip
    return removed(manifest)


def test_parts_are_counted_by_source_and_level() -> None:
    (section,) = sections({"books": 99_999, "web": 850}, {REMOVED_PARTS: counts(SPANS)})
    assert section.table is not None
    assert section.table.rows == (
        ("books", "paragraphs", 1, 1, "<0.01 %"),
        ("web", "lines", 2, 50, "5.0 %"),
        ("web", "runs of words", 1, 100, "10.0 %"),
    )


def test_it_is_shown_only_where_parts_were_asked_for() -> None:
    assert sections({"web": 850}, {}) == []
    (section,) = sections({"web": 850}, {REMOVED_PARTS: counts(SPANS.clear())})
    assert section.table is None
    assert "none" in section.text
