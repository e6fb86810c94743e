"""The commands ``openmoat index ...``: an index of MinHash that outlives its runs.

None of them starts Prefect.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from schemas.index import IndexChange
    from tasks.index import Answer

app = typer.Typer(
    help="Keep an index of documents' MinHash, and find what is like them.", no_args_is_help=True
)
Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder of a finished run.", show_default=False)
]
Index = Annotated[
    Path, typer.Argument(metavar="INDEX", help="Folder of an index.", show_default=False)
]
Every = Annotated[
    bool, typer.Option("--all", help="Take all of the run's documents, dropped ones too.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
Field = Annotated[str, typer.Option(help="The field that holds it; `a.b` reaches into objects.")]
SHOWN = 50
"""Lines of a table of matches; JSON has them all."""


@app.command()
def build(
    run: Run,
    out: Annotated[Path, typer.Option("--out", help="Folder for the index.", show_default=False)],
    *,
    every: Every = False,
    json: Json = False,
) -> None:
    """Make an index of a run's kept documents."""
    from tasks import index

    _show_change(out, index.build(str(run), str(out), every=every), json=json)


@app.command()
def append(run: Run, folder: Index, *, every: Every = False, json: Json = False) -> None:
    """Add a run's kept documents to an index; a changed text replaces the one of its id."""
    from tasks import index

    _show_change(folder, index.append(str(run), str(folder), every=every), json=json)


@app.command()
def delete(
    folder: Index,
    ids: Annotated[
        Optional[Path],  # noqa: UP045  (Typer evaluates it)
        typer.Option("--ids", help="A file with a doc_id a line.", show_default=False),
    ] = None,
    one: Annotated[
        Optional[list[str]],  # noqa: UP045  (as above)
        typer.Option("--id", help="A doc_id; may be repeated.", show_default=False),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Take documents out of an index, for good: a later run does not bring them back."""
    from schemas.errors import ConfigError
    from tasks import index, preflight

    wanted = {i.strip() for i in one or []} - {""}
    if ids is not None:
        wanted |= preflight.entries(str(ids), "ids", where=f"--ids {ids}")
    if not wanted:
        raise ConfigError(
            "openmoat index delete",
            got="no id",
            wanted="ids of documents",
            way_out="Name a file with --ids, or ids with --id.",
        )
    _show_change(folder, index.delete(str(folder), wanted), json=json)


@app.command()
def query(
    folder: Index,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A file, folder or glob.", show_default=False)
    ],
    *,
    threshold: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="Estimated similarity from which on a document is near."
        ),
    ] = 0.75,
    text_field: Field = "text",
    id_field: Field = "id",
    json: Json = False,
) -> None:
    """Find the documents of an index that are the same as those of a file, or near."""
    from tasks import index

    answer = index.query(
        str(folder), file, threshold=threshold, text_field=text_field, id_field=id_field
    )
    _show_answer(answer, threshold, json=json)


def _show_change(folder: Path, change: IndexChange, *, json: bool) -> None:
    from flows import terminal
    from schemas.section import Section, Table

    body = change.model_dump(mode="json")
    if json:
        terminal.print_json({"index": str(folder), **body})
        return
    body["unknown"] = len(change.unknown)
    now = ("documents", "parts", "n_bytes")
    rows = [(n.replace("_", " "), v) for n, v in body.items() if v and n not in now]
    text = f"{change.documents:,} documents in {change.parts:,} parts, {change.n_bytes:,} bytes"
    counts = Table(("documents of this command", ""), tuple(rows or [("added", 0)]))
    terminal.show_sections([Section(str(folder), text, counts)])
    if change.unknown:
        ids = Table(("doc_id",), tuple((doc_id,) for doc_id in change.unknown[:SHOWN]))
        text = f"No document has them; they stay out all the same. At most {SHOWN} are shown."
        terminal.show_sections([Section("Unknown ids", text, ids)])


def _show_answer(answer: Answer, threshold: float, *, json: bool) -> None:
    from flows import terminal
    from schemas.section import Section, Table

    records = answer.records()
    matched = {
        "documents": answer.documents,
        "rejects": answer.rejects,
        "passed_over": list(answer.passed_over),
        "matched": len(records),
        "threshold": threshold,
    }
    if json:
        terminal.print_json({**matched, "records": records})
        return
    text = f"{len(records):,} of {answer.documents:,} documents match"
    text += f"; {answer.rejects:,} records could not be read" if answer.rejects else ""
    text += f"; of another format: {', '.join(answer.passed_over)}" if answer.passed_over else ""
    text += f"; the first {SHOWN} are shown, --json has all" if len(records) > SHOWN else ""
    rows = [
        (r["record_id"] or f"{r['location']}:{r['position']}", *best.values(), len(r["matches"]))
        for r in records[:SHOWN]
        for best in r["matches"][:1]
    ]
    table = Table(("record", "best match", "level", "similarity", "matches"), tuple(rows))
    terminal.show_sections([Section("Matches", text, table if rows else None)])
