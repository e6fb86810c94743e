"""The command ``openmoat overlap``: what files have in common. It does not start Prefect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from schemas.section import Section
    from tasks.overlap import Answer, Question

FIELD = "The field that holds the {}, or once for each set; `a.b` reaches into objects."
SHOWN = 10
"""Pairs of a level that are shown."""


def overlap(
    sets: Annotated[
        list[str],
        typer.Argument(metavar="LEFT RIGHT...", help="Files, folders or globs, each a set."),
    ],
    threshold: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Similarity from which on two documents are near."),
    ] = 0.8,
    out: Annotated[
        Optional[Path],  # noqa: UP045  (Typer evaluates it)
        typer.Option("--out", help="A Parquet file for all pairs.", show_default=False),
    ] = None,
    *,
    estimated: Annotated[
        bool,
        typer.Option("--estimated", help="Estimate similarity from sketches: quicker, rougher."),
    ] = False,
    text_field: Annotated[
        Optional[list[str]],  # noqa: UP045  (Typer evaluates it)
        typer.Option(help=FIELD.format("text"), show_default="text"),
    ] = None,
    id_field: Annotated[
        Optional[list[str]],  # noqa: UP045  (as above)
        typer.Option(help=FIELD.format("id"), show_default="id"),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object as the last line.")
    ] = False,
) -> None:
    """Find documents that two sets or more have in common, the same or nearly."""
    from tasks import overlap as overlaps

    question = overlaps.Question(
        threshold=threshold,
        estimated=estimated,
        text_fields=text_field or ("text",),
        id_fields=id_field or ("id",),
    )
    answer = overlaps.of_files(sets, question)
    if out is not None:
        _write(answer.pairs, out)
    _show(answer, question, json=json)


def _write(pairs: pa.Table, out: Path) -> None:
    from schemas.manifest import Shard
    from schemas.tables import PAIRS
    from tasks import storage
    from tasks.hashing import table_digest

    shard = Shard(file=out.name, rows=pairs.num_rows, digest=table_digest(pairs))
    storage.write_table(str(out), pairs, PAIRS, shard=shard)


def _show(answer: Answer, question: Question, *, json: bool) -> None:
    from flows import terminal

    if json:
        terminal.print_json(
            {
                "sets": [one._asdict() for one in answer.sets],
                "threshold": question.threshold,
                "estimated": question.estimated,
                "matched": [met._asdict() for met in answer.met],
                "pairs": answer.pairs.to_pylist(),
            }
        )
        return
    terminal.show_sections(_sections(answer, question))


def _sections(answer: Answer, question: Question) -> Iterator[Section]:
    from schemas.section import Section, Table

    told = tuple((s.name, s.documents, s.rejects) for s in answer.sets)
    others = [file for one in answer.sets for file in one.passed_over]
    text = f"Of another format, and passed over: {', '.join(others)}" if others else ""
    yield Section("Sets", text, Table(("set", "documents", "not readable"), told))
    header = ("left", "right", "left with a match", "right with a match", "exact pairs",
              "near pairs")  # fmt: skip
    how = "estimated" if question.estimated else "exact"
    text = f"Near: Jaccard similarity, {how}, of {question.threshold:g} or more."
    yield Section("Documents in common", text, Table(header, answer.met))
    rows = tuple(_likest(answer.pairs))
    if rows:
        more = answer.pairs.num_rows - len(rows)
        text = f"The likest of each level; {more:,} more with --out or --json." if more else ""
        yield Section("Pairs", text, Table(("left", "right", "level", "similarity"), rows))


def _likest(pairs: pa.Table) -> Iterator[tuple[str, str, str, float]]:
    """Yield of each level the pairs that are shown."""
    import polars as pl

    from schemas import columns as c

    ordered = pl.DataFrame(pairs).sort(-pl.col(c.SIMILARITY), maintain_order=True)
    for part in ordered.partition_by(c.LEVEL, maintain_order=True):
        yield from part.head(SHOWN).select(c.LEFT_ID, c.RIGHT_ID, c.LEVEL, c.SIMILARITY).iter_rows()
