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
TOKENIZERS: Final = {"tokenizers": "encode_batch", "tekken": "tiktoken"}
"""The library alone, by tokenizer."""
JOBS: Final = {
    "tokenizers": "documents to packed shards, tokenizers",
    "tekken": "documents to packed shards, tiktoken",
    ROWS: "rows one by one",
    BATCHES: "batches of 64 rows",
    LATER: "batches of a later epoch",
}
READER: Final = "benchmarks.contenders.mixture_openmoat"
STREAMS: Final = "benchmarks.contenders.mixture_datasets"
NUMPY: Final = "datasets, interleaved, NumPy"
READING: Final = (
    (ROWS, Contender(OWN, READER, ("rows", "0"))),
    (ROWS, Contender("datasets, interleaved", STREAMS, ("python",))),
    (ROWS, Contender(NUMPY, STREAMS, ("numpy",))),
    (BATCHES, Contender(OWN, READER, ("batches", "0"))),
    (BATCHES, Contender("pyarrow", "benchmarks.contenders.mixture_pyarrow")),
    (LATER, Contender(OWN, READER, ("batches", "1"))),
)
MAKING: Final = tuple(
    (name, Contender(who, f"benchmarks.contenders.mixture_{module}", (name,)))
    for name, library in TOKENIZERS.items()
    for who, module in ((OWN, "making"), (library, "encode"))
)
TOKENS, QUICK_TOKENS = 20_000_000, 2_000_000
TEXT_MB = 20.0
SIZES: Final = (10_000_000, 200_000_000)
"""Tokens of the two mixtures whose memory is compared."""
MADE: Final = "documents to packed shards, CPU of the library alone, {}"
READS: Final = "reading batches, times as fast as datasets interleaved, at its best"
ONE_BY_ONE: Final = "reading rows as arrays one by one, times as fast as datasets interleaved"
BARE: Final = "reading batches, share of bare pyarrow's speed"
GROWTH: Final = "memory of {}, of 200 M tokens to 10 M"
BYTES_PER_TOKEN: Final = 4
LEAST_READS, LEAST_BARE, MOST_GROWTH, MOST_MADE = 3, 0.8, 1.25, 1.5
MAKE: Final = """\
From kept documents, of which nothing is counted or encoded, to shards of rows of 2,048 tokens: the
steps of the flow one after the other, without Prefect. Beside it the same tokenizer's library on
the same texts in memory, 256 at a time."""
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


def making(options: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], list[Any]]:
    """Make a mixture with either tokenizer, and only encode its text; figures of each."""
    if options.quick:
        return {}, []
    measuring.note(f"Measuring and deciding on {options.mb:g} MB of text")
    about = json.loads(
        measuring.in_process("benchmarks.mixture_run", str(folder / "runs"), str(options.mb))
    )
    entries = [Entry(job, one, "large") for job, one in MAKING]
    return about, jobs.run_all(entries, folder / "runs", about, options.rounds)


def _made(folder: Path, n_tokens: int) -> dict[str, Any]:
    measuring.note(f"Making a mixture of {n_tokens:,} tokens")
    answer = measuring.in_process("benchmarks.mixture_rows", str(folder), str(n_tokens))
    about: dict[str, Any] = json.loads(answer)
    return about | {"tokens": n_tokens}


def memory(folder: Path) -> list[dict[str, Any]]:
    """Peak memory of making and of reading mixtures of two sizes; of text that is repeated."""
    found = []
    for n_tokens in SIZES:
        desk = folder / str(n_tokens)
        about = _made(desk, n_tokens)
        entry = Entry(BATCHES, Contender(OWN, READER, ("batches", "0")), "large")
        cost = entry.run(desk, about)
        found.append(
            {
                "tokens": n_tokens,
                "making_mb": round(_making_peak(desk / "runs", n_tokens) / MB, 1),
                "reading_mb": round(cost.peak_bytes / MB, 1),
            }
        )
    return found


def _making_peak(desk: Path, n_tokens: int) -> int:
    megabytes = n_tokens * BYTES_PER_TOKEN / MB
    measuring.note(f"Measuring and deciding on {megabytes:,.0f} MB of text")
    about = json.loads(measuring.in_process("benchmarks.mixture_run", str(desk), str(megabytes)))
    job, contender = next(one for one in MAKING if one[0] == "tekken" and one[1].name == OWN)
    return Entry(job, contender, "large").run(desk, about).peak_bytes


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Do all that the options ask for."""
    with tempfile.TemporaryDirectory(prefix="openmoat-bench-") as name:
        folder = Path(name)
        made, runs = making(options, folder)
        about, read = reading(options, folder)
        runs += read
        peaks = [] if options.quick or not options.memory else memory(folder)
    return {
        "bench": "mixture",
        "versions": {n: version(n) for n in ("openmoat", "pyarrow", "datasets")},
        "machine": printing.machine(),
        "quick": options.quick,
        "rounds": options.rounds,
        "input": about,
        "made": made,
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
    for name, library in TOKENIZERS.items():
        if (name, library) in speed:
            cost = speed[name, library] / speed[name, OWN]
            wanted[MADE.format(name)] = (MOST_MADE, "<=", round(cost, 2))
    streamed = [s for (job, who), s in speed.items() if job == ROWS and who != OWN]
    if streamed:
        own = speed[BATCHES, OWN] / max(streamed)
        wanted[READS] = (LEAST_READS, ">=", round(own, 2))
        own = speed[ROWS, OWN] / speed[ROWS, NUMPY]
        wanted[ONE_BY_ONE] = (LEAST_READS, ">=", round(own, 2))
    if (BATCHES, "pyarrow") in speed:
        own = speed[BATCHES, OWN] / speed[BATCHES, "pyarrow"]
        wanted[BARE] = (LEAST_BARE, ">=", round(own, 2))
    for what in ("making", "reading") if peaks else ():
        few, many = (peak[f"{what}_mb"] for peak in peaks)
        wanted[GROWTH.format(what)] = (MOST_GROWTH, "<", round(many / few, 2))
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
    if result["made"]:
        parts.append(MAKE)
    if result["memory"]:
        lines = [
            (f"{p['tokens']:,}", f"{p['making_mb']:,.0f}", f"{p['reading_mb']:,.0f}")
            for p in result["memory"]
        ]
        parts.append(printing.table(("tokens", "making, peak MB", "reading, peak MB"), lines))
    parts += [printing.aim(name, **aim) for name, aim in result["aims"].items()]
    return "\n\n".join(parts)


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = command.parser("mixture", __doc__, rounds="medians count")
    parser.add_argument("--tokens", type=int, choices=range(10_000, 10**12), metavar="N",
                        help="tokens of the mixture that is read (20 million)")  # fmt: skip
    parser.add_argument("--mb", type=command.megabytes, default=TEXT_MB,
                        help="MB of text that mixtures are made of (20)")  # fmt: skip
    parser.add_argument("--memory", action="store_true",
                        help="memory at 10 and at 200 million tokens too")  # fmt: skip
    return command.chosen(parser, arguments)


def main() -> None:
    """Measure, print."""
    command.run(options_of(sys.argv[1:]), measure, shown)


if __name__ == "__main__":
    main()
