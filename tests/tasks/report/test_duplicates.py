"""What the report says of duplicates, and the sources that lose most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from schemas import columns as c
from schemas import levels
from schemas.manifest import StageManifest
from schemas.samples import Samples, Twins
from tasks.report.clusters import clusters
from tasks.report.duplicates import duplicates
from tasks.report.page import render

if TYPE_CHECKING:
    from schemas.section import Section

Row = tuple[str, str, list[str], str]
"""Source, id, reasons, cluster."""


def found(rows: list[Row], most: float = 0.9, fewest: int = 4) -> dict[str, Any]:
    frame = pl.DataFrame(
        {c.SOURCE: [row[0] for row in rows], c.RECIPE_SOURCE: ["all"] * len(rows)},
        schema={c.SOURCE: pl.String, c.RECIPE_SOURCE: pl.String},
    )
    decisions = pl.DataFrame(
        {
            c.DOC_ID: [row[1] for row in rows],
            c.KEEP: [not row[2] for row in rows],
            c.DROP_REASONS: [row[2] for row in rows],
            c.CLUSTER_ID: [row[3] for row in rows],
        },
        schema={
            c.DOC_ID: pl.String,
            c.KEEP: pl.Boolean,
            c.DROP_REASONS: pl.List(pl.String),
            c.CLUSTER_ID: pl.String,
        },
    )
    watched = {c.RECIPE_SOURCE: fewest, c.SOURCE: fewest}
    return clusters(frame, decisions, watched=watched, most=most)


def sections(details: dict[str, Any], samples: Samples | None = None) -> dict[str, Section]:
    # As the manifest's file gives it back.
    body = orjson.loads(orjson.dumps({"duplicates": details}))
    manifest = StageManifest(stage="select", key="", digest="", rows_in=0, rows_out=0, details=body)
    return {section.title: section for section in duplicates(manifest, samples)}


ROWS: list[Row] = [
    ("web", "a", [], "a"),
    ("web", "b", ["opt_out", levels.EXACT], "a"),
    ("web", "c", [levels.NEAR, "empty"], "a"),
    ("web", "d", ["some_rule"], "d"),
    ("books", "e", [levels.REPEATED_ID], "f"),
    ("books", "f", ["some_rule"], "f"),
    *(("books", f"g{i}", [], f"g{i}") for i in range(6)),
]


def test_documents_are_counted_by_source_and_level() -> None:
    table = sections(found(ROWS))["Duplicates"].table
    assert table is not None
    assert table.header == ("source", "documents", "id", "exact", "near", "left", "duplicates")
    assert table.rows == (("books", 8, 1, 0, 0, 7, "12.5 %"), ("web", 4, 0, 1, 1, 2, "50.0 %"))


def test_sources_that_lose_more_than_half_of_the_limit_are_named() -> None:
    for most, named in ((0.9, ["web"]), (1.0, []), (0.4, ["all", "web"])):
        section = sections(found(ROWS, most))["Losses to duplicates"]
        assert f"{most:.0%}" in section.text
        rows = () if section.table is None else section.table.rows
        assert [row[0] for row in rows] == named
        assert all(row[-1] == "exact 1, near 1" for row in rows if row[0] == "web")
    assert sections(found(ROWS, 0.9, fewest=100))["Losses to duplicates"].table is None


def test_clusters_by_size_and_the_largest_by_name() -> None:
    rows = [*ROWS, *(("web", f"h{i}", [levels.EXACT] * (i > 0), "h0") for i in range(1_200))]
    told = sections(found(rows))
    sizes = told["Sizes of clusters"].table
    assert sizes is not None
    assert sizes.rows == (("2", 1, 2), ("3 to 4", 1, 3), ("1,000 to 9,999", 1, 1_200))
    largest = told["Largest clusters"].table
    assert largest is not None
    assert largest.rows == (
        (1_200, 1, "web 1,200", "h0", "kept"),
        (3, 1, "web 3", "a", "kept"),
        (2, 0, "books 2", "f", "dropped by a rule"),
    )


def test_nothing_to_say() -> None:
    assert sections({}) == {}
    assert sections(found([])) == {}
    assert list(sections(found(ROWS[-6:]))) == ["Duplicates", "Losses to duplicates"]


def test_samples_stand_side_by_side_and_nothing_in_them_is_obeyed() -> None:
    evil = "<script>alert(1)</script>"
    twins = Twins(
        doc_id="b",
        source=evil,
        kept_id="a",
        kept_source="web",
        level="near",
        similarity=0.875,
        dropped=((False, "the same"), (True, evil), (False, "…")),
        kept=((False, "the same"), (False, "…")),
    )
    told = sections(found(ROWS), Samples(twins=(twins,)))
    page = render("t", "s", list(told.values()))
    assert evil not in page
    assert "<mark>&lt;script&gt;alert(1)&lt;/script&gt;</mark>" in page
    assert "similarity 0.88" in page
    assert page.index("kept: web a") < page.index("dropped: &lt;script")
    assert "<mark>" not in render("t", "s", [told["Duplicates"]])
