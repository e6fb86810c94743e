"""Jobs that several programs do, each in turn: what they cost, beside openmoat."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import measuring, printing
from benchmarks.measuring import MB, Contender, Cost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

OWN = "openmoat"
HEADS = ("", "documents", "CPU s", "MB/CPU s", "docs/CPU s", "x slower", "start-up s", "peak MB")


@dataclass(frozen=True)
class Entry:
    """One program at one job on one of the files."""

    job: str
    contender: Contender
    given: str

    def run(self, desk: Path, about: dict[str, Any]) -> Cost:
        """Once."""
        file = desk / about[self.given]["file"]
        small = file.with_name("small" + "".join(file.suffixes))
        documents = about[self.given]["documents"]
        return measuring.measured(self.contender, file, small=small, documents=documents)


def run_all(
    some: Sequence[Entry], desk: Path, about: dict[str, Any], times: int
) -> list[dict[str, Any]]:
    """Run them in turn, A B C A B C …, so that a busy minute troubles all; figures of each."""
    costs: dict[Entry, list[Cost]] = {entry: [] for entry in some}
    for number in range(times):
        for entry in some:
            who = f"{entry.job}: {entry.contender.name}"
            measuring.note(f"{who}, round {number + 1} of {times}")
            costs[entry].append(entry.run(desk, about))
    runs = [_figures(entry, about[entry.given], found) for entry, found in costs.items()]
    own = {run["job"]: run["mb_per_cpu_second"] for run in runs if run["contender"] == OWN}
    return [
        run | {"times_slower": round(own[run["job"]] / run["mb_per_cpu_second"], 1)} for run in runs
    ]


def _figures(entry: Entry, about: dict[str, Any], costs: list[Cost]) -> dict[str, Any]:
    """Medians of the rounds; the highest peak."""
    spent = statistics.median(c.cpu_seconds for c in costs)
    return {
        "job": entry.job,
        "contender": entry.contender.name,
        "documents": about["documents"],
        "text_mb": round(about["text_bytes"] / MB, 1),
        "cpu_seconds": round(spent, 3),
        "cpu_seconds_of_rounds": [round(c.cpu_seconds, 3) for c in costs],
        "wall_seconds": round(statistics.median(c.wall_seconds for c in costs), 3),
        "startup_cpu_seconds": round(statistics.median(c.startup_cpu_seconds for c in costs), 3),
        "peak_mb": round(max(c.peak_bytes for c in costs) / MB, 1),
        "written_mb": round(costs[0].written_bytes / MB, 1),
        "documents_per_cpu_second": round(about["documents"] / spent, 1),
        "mb_per_cpu_second": round(about["text_bytes"] / MB / spent, 2),
    }


def table(runs: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> str:
    """The figures as a table; ``names``: of the jobs, for people."""
    return printing.table(
        HEADS,
        [
            (
                f"{names[r['job']]}: {r['contender']}",
                f"{r['documents']:,}",
                f"{r['cpu_seconds']:.2f}",
                f"{r['mb_per_cpu_second']:.2f}",
                f"{r['documents_per_cpu_second']:,.0f}",
                f"{r['times_slower']:.1f}",
                f"{r['startup_cpu_seconds']:.2f}",
                f"{r['peak_mb']:.0f}",
            )
            for r in runs
        ],
    )
