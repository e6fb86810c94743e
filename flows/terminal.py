"""What the command line shows: progress while a run goes, tables afterwards, JSON for scripts."""

from __future__ import annotations

import contextlib
import unicodedata
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tasks import ledger
from tasks import progress as events
from tasks.report.document import document_facts
from tasks.report.page import shown
from tasks.report.plan import plan_sections
from tasks.report.sections import sections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.progress import Progress, TaskID

    from schemas.finding import Finding
    from schemas.inspection import Inspection
    from schemas.plan import Plan
    from schemas.section import Section

PIPE_WIDTH = 120
LABELS = {
    "models": "train models",
    "ingest": "read and measure",
    "tokens": "count tokens",
    "mixture": "write the mixture",
}


def printable(text: str) -> str:
    """Text without anything a terminal would obey."""
    return "".join(
        ch if ch == "\n" or unicodedata.category(ch)[0] != "C" else "\N{REPLACEMENT CHARACTER}"
        for ch in text
    )


class _Bars:
    """Shows a stage's progress in bytes (or, where those are not known, documents)."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._documents: dict[str, int] = {}

    def expect(self, stage: str, n_bytes: int) -> None:
        label = LABELS.get(stage, stage)
        if stage in self._tasks:
            task = self._bars.tasks[self._tasks[stage]]
            self._bars.update(self._tasks[stage], total=(task.total or 0) + n_bytes)
        else:
            self._documents[stage] = 0
            self._tasks[stage] = self._bars.add_task(label, total=n_bytes, documents="0")

    def advance(self, stage: str, *, documents: int, n_bytes: int) -> None:
        if stage in self._tasks:
            self._documents[stage] += documents
            shown_documents = f"{self._documents[stage]:,}"
            self._bars.update(self._tasks[stage], advance=n_bytes, documents=shown_documents)

    def say(self, line: str) -> None:
        self._bars.console.print(Text(printable(line), style="dim"), soft_wrap=True)


@contextlib.contextmanager
def progress() -> Iterator[None]:
    """Draw bars on the error stream while the block runs; a pipe gets none."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[documents]} documents", justify="right"),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bars, events.watched_by(_Bars(bars)):
        yield


def show_run(folder: str, *, json: bool) -> None:
    """Show a run's sections; with ``json``, ``run.json`` and the stages' details as one line."""
    run = ledger.read_run(folder)
    manifests = {stage: ledger.read(folder, stage) for stage in run.stages}
    if json:
        details = {stage: m.details for stage, m in manifests.items()}
        body = {"out": folder, **run.model_dump(mode="json", exclude={"recipe"})}
        print_json({**body, "details": details})
        return
    console = _console()
    for section in sections(run, manifests):
        if not section.panels and not section.beside:
            show_section(section, console)


def _console() -> Console:
    """The terminal as it is; a file or pipe gets lines long enough for the tables."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)


def show_sections(some: Iterable[Section]) -> None:
    """Print sections, one after the other."""
    console = _console()
    for section in some:
        show_section(section, console)


def show_section(section: Section, console: Console) -> None:
    """Print a section as text and a table; names from outside are printed, never obeyed."""
    console.print()
    console.print(Text(printable(section.title), style="bold"))
    if section.text:
        console.print(Text(printable(section.text), style="dim"))
    if section.table is None:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for i, name in enumerate(section.table.header):
        numeric = all(isinstance(r[i], int | float | None) for r in section.table.rows)
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in section.table.rows:
        table.add_row(*(Text(printable(shown(cell))) for cell in row))
    console.print(table)


def print_json(body: dict[str, Any]) -> None:
    """Print one JSON object on one line."""
    print(orjson.dumps(body).decode())  # noqa: T201  (the answer that a script waits for)


def show_documents(inspection: Inspection, *, json: bool) -> None:
    """Show what is known of a document: a line for each fact, none of them cut."""
    if json:
        print_json(inspection.model_dump(mode="json"))
        return
    for document in inspection.documents:
        show_facts(document_facts(document))
    show_count(inspection.looked_at, inspection.found - len(inspection.documents))


def show_facts(groups: Iterable[tuple[str, list[tuple[str, str]]]]) -> None:
    """Show headings with facts below them, none of them cut."""
    console = Console(soft_wrap=True)
    for title, facts in groups:
        console.print(Text(printable(title), style="bold"))
        wide = max((len(name) for name, _ in facts), default=0)
        for name, fact in facts:
            line = Text(f"  {printable(name):{wide}}  ", style="dim")
            console.print(line.append(printable(fact), style="default"))
    console.print()


def show_count(looked_at: int, more: int) -> None:
    """Say how many documents were looked at, and how many ``more`` there are of the id."""
    last = f"{looked_at:,} documents looked at"
    said = f"{last}; {more:,} more have this id" if more else last
    Console(soft_wrap=True).print(Text(said, style="dim"))


def show_plan(plan: Plan, *, json: bool) -> None:
    """Show a plan."""
    if json:
        print_json(plan.model_dump(mode="json"))
        return
    console = _console()
    for section in plan_sections(plan):
        show_section(section, console)
    if plan.disk_bytes > plan.free_bytes:
        console.print(Text("The disk is likely too small for this run.", style="bold red"))


def show_findings(findings: list[Finding], *, json: bool) -> None:
    """Show what ``verify`` found, failures last so that they are seen."""
    failed = [f for f in findings if not f.ok]
    if json:
        print_json({"ok": not failed, "findings": [asdict(f) for f in findings]})
        return
    console = _console()
    for finding in sorted(findings, key=lambda f: not f.ok):
        mark, style = ("ok", "green") if finding.ok else ("FAILED", "bold red")
        detail = f"  ({finding.detail})" if finding.detail else ""
        line = Text(f"{mark:7}", style=style)
        console.print(line.append(printable(f"{finding.statement}{detail}"), style="default"))
    console.print(f"{len(findings) - len(failed)} of {len(findings)} statements hold")


def tell(line: str) -> None:
    """Print a line on the error stream: what goes on."""
    Console(stderr=True, soft_wrap=True).print(Text(printable(line), style="dim"))
