"""What a mixture costs: to make it, to read it, and in memory; beside what people have else."""

from __future__ import annotations

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import command, jobs, measuring, printing
from benchmarks.jobs import OWN, Entry
from benchmarks.measuring import MB, Contender

if TYPE_CHECKING:
    import argparse

ROWS, BATCHES, LATER = "rows", "batches", "later"
JOBS: Final = {
    ROWS: "rows one by one",
    BATCHES: "batches of 64 rows",
    LATER: "batches of a later epoch",
}
READER: Final = "benchmarks.contenders.mixture_openmoat"
STREAMS: Final = "benchmarks.contenders.mixture_datasets"
READING: Final = (
    (ROWS, Contender(OWN, READER, ("rows", "0"))),
    (ROWS, Contender("datasets, interleaved", STREAMS, ("python",))),
    (ROWS, Contender("datasets, interleaved, NumPy", STREAMS, ("numpy",))),
    (BATCHES, Contender(OWN, READER, ("batches", "0"))),
    (BATCHES, Contender("pyarrow", "benchmarks.contenders.mixture_pyarrow")),
    (LATER, Contender(OWN, READER, ("batches", "1"))),
)
TOKENS, QUICK_TOKENS = 20_000_000, 2_000_000
SIZES: Final = (10_000_000, 200_000_000)
"""Tokens of the two mixtures whose memory is compared."""
READS: Final = "reading rows, times as fast as datasets interleaved"
BARE: Final = "reading batches, share of bare pyarrow's speed"
GROWTH: Final = "memory of reading, of 200 M tokens to 10 M"
LEAST_READS, LEAST_BARE, MOST_GROWTH = 3, 0.8, 1.25
READ: Final = """\
Rows of 2,048 tokens, packed from real text that is repeated; MB are those of ids, masks and labels
as they are in memory. datasets streams the rows of either origin from files of their own and mixes
them by chance; openmoat and pyarrow read the mixture as it lies. One process, one rank."""


def reading(options: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], list[Any]]:
    """Read one mixture by all of them; what it holds, and figures of each."""
    about = _made(folder, options.tokens or (QUICK_TOKENS if options.quick else TOKENS))
    entries = [
        Entry(job, one, "large") for job, one in READING if one.name == OWN or not options.no_peers
    ]
    return about, jobs.run_all(entries, folder, about, options.rounds)


def _made(folder: Path, n_tokens: int) -> dict[str, Any]:
    measuring.note(f"Making a mixture of {n_tokens:,} tokens")
    answer = measuring.in_process("benchmarks.mixture_rows", str(folder), str(n_tokens))
    about: dict[str, Any] = json.loads(answer)
    return about | {"tokens": n_tokens}


def memory(folder: Path) -> list[dict[str, Any]]:
    """Peak memory of reading mixtures of two sizes."""
    found = []
    for n_tokens in SIZES:
        desk = folder / str(n_tokens)
        about = _made(desk, n_tokens)
        entry = Entry(BATCHES, Contender(OWN, READER, ("batches", "0")), "large")
        cost = entry.run(desk, about)
        found.append({"tokens": n_tokens, "reading_mb": round(cost.peak_bytes / MB, 1)})
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Do all that the options ask for."""
    with tempfile.TemporaryDirectory(prefix="openmoat-bench-") as name:
        folder = Path(name)
        about, runs = reading(options, folder)
        peaks = [] if options.quick or not options.memory else memory(folder)
    return {
        "bench": "mixture",
        "versions": {n: version(n) for n in ("openmoat", "pyarrow", "datasets")},
        "machine": printing.machine(),
        "quick": options.quick,
        "rounds": options.rounds,
        "input": about,
        "runs": runs,
        "memory": peaks,
        "aims": printing.aims({} if options.quick else aims(runs, peaks)),
    }


def aims(
    runs: list[dict[str, Any]], peaks: list[dict[str, Any]]
) -> dict[str, tuple[float, str, float]]:
    """What was aimed at."""
    speed = {(r["job"], r["contender"]): r["mb_per_cpu_second"] for r in runs}
    wanted: dict[str, tuple[float, str, float]] = {}
    streamed = [s for (job, who), s in speed.items() if job == ROWS and who != OWN]
    if streamed:
        own = speed[ROWS, OWN] / max(streamed)
        wanted[READS] = (LEAST_READS, ">=", round(own, 1))
    if (BATCHES, "pyarrow") in speed:
        own = speed[BATCHES, OWN] / speed[BATCHES, "pyarrow"]
        wanted[BARE] = (LEAST_BARE, ">=", round(own, 2))
    if peaks:
        few, many = (peak["reading_mb"] for peak in peaks)
        wanted[GROWTH] = (MOST_GROWTH, "<", round(many / few, 2))
    return wanted


def shown(result: dict[str, Any]) -> str:
    """The figures as tables."""
    about = result["input"]
    held = (
        f"{about['large']['documents']:,} rows, about {about['tokens']:,} tokens, of "
        f"{about['documents_once']:,} documents of {about['tokens_once']:,} tokens from "
        f"{about['origin']}."
    )
    parts = [
        held,
        jobs.table(result["runs"], JOBS),
        READ,
    ]
    if result["memory"]:
        lines = [(f"{p['tokens']:,}", f"{p['reading_mb']:,.0f}") for p in result["memory"]]
        parts.append(printing.table(("tokens", "reading, peak MB"), lines))
    parts += [printing.aim(name, **aim) for name, aim in result["aims"].items()]
    return "\n\n".join(parts)


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = command.parser("mixture", __doc__, rounds="medians count")
    parser.add_argument("--tokens", type=int, choices=range(10_000, 10**12), metavar="N",
                        help="tokens of the mixture that is read (20 million)")  # fmt: skip
    parser.add_argument("--memory", action="store_true",
                        help="memory at 10 and at 200 million tokens too")  # fmt: skip
    return command.chosen(parser, arguments)


def main() -> None:
    """Measure, print."""
    command.run(options_of(sys.argv[1:]), measure, shown)


if __name__ == "__main__":
    main()
