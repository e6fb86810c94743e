"""What signals of text cost, beside datatrove, dolma and fasttext-predict; the whole first pass."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import command, jobs, measuring, peers, printing
from benchmarks.jobs import OWN, Entry
from benchmarks.measuring import MB, Contender

if TYPE_CHECKING:
    import argparse

AT = "benchmarks.contenders"
TROVE, DOLMA, FASTTEXT = "datatrove, four filters", "dolma, gopher_v2", "fasttext-predict"
DOCUMENTS, FEW, TEXT_MB = 20_000, 2_000, 500.0
QUICK_DOCUMENTS, QUICK_FEW, QUICK_MB = 1_000, 100, 6.0
JOBS = {
    "rules": "all rule signals",
    "compression": "compression ratio",
    "pii": "PII spans",
    "language": "language, whole text",
    "language-1000": "language, first 1,000 bytes",
    "language-signal": "language, as the first pass tells it",
    "pass1-first-1000": "first pass, language of the first 1,000 bytes",
    "pass1-whole": "first pass, language of the whole text",
    "pass1-paragraphs": "first pass, of the first 1,000 bytes and of each paragraph",
    "pass1-minhash": "first pass, of the first 1,000 bytes, with MinHash",
}
"""What is measured, in groups that are compared within."""
MAIN = "pass1-first-1000"
FLOORS = {
    "unpack gzip (ISA-L)": (f"{AT}.ingest_floors", "gunzip"),
    "parse JSON (orjson)": (f"{AT}.ingest_floors", "parse"),
    "write documents": (f"{AT}.ingest_floors", "write"),
    "write signals": (f"{AT}.signals_floors",),
}
NOT_DONE = """\
datatrove's four filters are Gopher's quality and repetition, C4's and FineWeb's, with their
defaults; every filter sees every document. They, and dolma's tagger, measure less than openmoat's
rules, which hold RefinedWeb's and those of code too. Both are slow, so they see the first documents
only. The first pass reads .jsonl.gz, normalises, measures and writes documents and signals; no
MinHash where it is not named, no tokenizer, no Prefect. Start-up: imports, compiled code from its
cache, the first 64 documents; and, but for the first pass, reading the texts. CPU seconds are
medians of the rounds, without start-up; MB are a million bytes, of text."""


def entries(wanted: list[str], trove: str | None, dolma: str | None) -> list[Entry]:
    """Who does the jobs; the peers in the interpreters that have them, if any."""
    found = []
    for job in wanted:
        if job.startswith("pass1"):
            module, argument = f"{AT}.pass1_openmoat", job.removeprefix("pass1-")
            found.append(Entry(job, Contender(OWN, module, (argument,)), "pass1"))
            continue
        found.append(Entry(job, Contender(OWN, f"{AT}.signals_openmoat", (job,)), "rules"))
        if job in ("language", "language-1000"):
            size = (job.removeprefix("language-"),) if "-" in job else ()
            one = Contender(FASTTEXT, f"{AT}.signals_fasttext", size)
            found.append(Entry(job, one, "rules"))
        if job == "rules" and trove is not None:
            one = Contender(TROVE, f"{AT}.signals_datatrove", (), trove)
            found.append(Entry(job, one, "few"))
        if job == "rules" and dolma is not None:
            one = Contender(DOLMA, f"{AT}.signals_dolma", (), dolma)
            found.append(Entry(job, one, "few"))
    return found


def stages(
    desk: Path, about: dict[str, Any], times: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Milliseconds for a MB of text: of each stage of the first pass, and the floors."""
    given, mb = desk / about["floors"]["file"], about["floors"]["text_bytes"] / MB
    small = given.with_name("small.jsonl.gz")
    measuring.note("Stages and floors of the first pass")
    rounds = []
    floors: dict[str, list[float]] = {name: [] for name in FLOORS}
    for _ in range(times):
        with tempfile.TemporaryDirectory(dir=given.parent) as folder:
            places = map(str, (given, small, folder))
            answer = measuring.in_process(f"{AT}.pass1_stages", *places, "first-1000")
        rounds.append(json.loads(answer))
        for name, (module, *arguments) in FLOORS.items():
            one = Contender(name, module, tuple(arguments))
            documents = about["floors"]["documents"]
            cost = measuring.measured(one, given, small=small, documents=documents)
            floors[name].append(cost.cpu_seconds)
    spent = {name: [found.get(name, 0.0) for found in rounds] for name in rounds[0]}
    return _per_mb(spent, mb), _per_mb(floors, mb)


def _per_mb(seconds: dict[str, list[float]], mb: float) -> dict[str, float]:
    return {name: round(1_000 * statistics.median(s) / mb, 2) for name, s in seconds.items()}


def aims(result: dict[str, Any]) -> dict[str, tuple[float, str, float]]:
    """What is wanted of openmoat and what it was in this run."""
    runs = {(run["job"], run["contender"]): run for run in result["runs"]}
    wanted: dict[str, tuple[float, str, float]] = {}
    for job, least in (("rules", 50), (MAIN, 15)):
        if run := runs.get((job, OWN)):
            wanted[f"{JOBS[job]}, MB a CPU second"] = (least, ">=", run["mb_per_cpu_second"])
    for job, peer, least in (
        ("rules", TROVE, 100),
        ("rules", DOLMA, 40),
        ("language", FASTTEXT, 4),
        ("language-1000", FASTTEXT, 4),
    ):
        if run := runs.get((job, peer)):
            wanted[f"{JOBS[job]}, times as fast as {peer}"] = (least, ">=", run["times_slower"])
    for job, found in result["labels"].items():
        share = 100 * (1 - found["differing"] / found["documents"])
        wanted[f"{JOBS[job]}, % of labels equal"] = (99.9, ">=", round(share, 3))
    if run := runs.get((MAIN, OWN)):
        wanted["first pass, peak MB"] = (1_000, "<", run["peak_mb"])
    return wanted


def shown(result: dict[str, Any]) -> str:
    """The figures as tables."""
    parts = [_about(result["input"], result["rounds"]), jobs.table(result["runs"], JOBS)]
    parts += [
        f"{JOBS[job]}: {found['differing']:,} of {found['documents']:,} labels differ"
        for job, found in result["labels"].items()
    ]
    if result["stages"]:
        parts.append(_stages(result["stages"], result["floors"]))
    parts.append(NOT_DONE)
    parts += [printing.aim(name, **aim) for name, aim in result["aims"].items()]
    return "\n\n".join(parts)


def _about(about: dict[str, Any], rounds: int) -> str:
    origins = ", ".join(f"{name} {n:,}" for name, n in about["origins"].items())
    given = about["pass1"]
    return (
        f"{about['documents']:,} documents, {about['text_bytes'] / MB:.1f} MB of text: "
        f"{about['made']}.\n{origins}.\nFirst pass: {given['documents']:,} documents, "
        f"{given['text_bytes'] / MB:.0f} MB of text, {given['file_mb']:.0f} MB packed; "
        f"{given['distinct_texts']:,} different texts, the rest the same again under new ids.\n"
        f"Rounds: {rounds}."
    )


def _stages(spent: dict[str, float], floors: dict[str, float]) -> str:
    rows = [(name, f"{ms:.2f}") for name, ms in sorted(spent.items(), key=lambda one: -one[1])]
    rows += [("all", f"{sum(spent.values()):.2f}")]
    rows += [(f"floor: {name}", f"{ms:.2f}") for name, ms in floors.items()]
    return printing.table(("stage of the first pass", "CPU ms/MB"), rows)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Do all that the options ask for."""
    result: dict[str, Any] = {
        "bench": "signals",
        "versions": {name: version(name) for name in ("openmoat", "pyarrow", "numba")},
        "machine": printing.machine(),
        "quick": options.quick,
        "rounds": options.rounds,
    }
    result["versions"]["fasttext-predict"] = version("fasttext-predict")
    trove = dolma = None
    if "rules" in options.jobs and not (options.quick or options.no_peers):
        trove = peers.interpreter(options.peers)
        dolma = peers.interpreter(options.dolma, peers.DOLMA)
        result["versions"] |= peers.versions(trove) | peers.versions(dolma, peers.DOLMA)
    with tempfile.TemporaryDirectory(prefix="openmoat-bench-") as desk:
        measuring.note("Making the documents: a minute or two")
        sizes = [str(size) for size in (options.documents, options.few, options.mb)]
        quick = ("quick",) if options.quick else ()
        about = json.loads(measuring.in_process("benchmarks.documents", desk, *sizes, *quick))
        result["input"] = about
        result["runs"] = jobs.run_all(
            entries(options.jobs, trove, dolma), Path(desk), about, options.rounds
        )
        result["labels"] = _labels(Path(desk) / about["rules"]["file"], options.jobs)
        result["stages"], result["floors"] = {}, {}
        if MAIN in options.jobs:
            result["stages"], result["floors"] = stages(Path(desk), about, options.rounds)
    # A small text and one round are for seeing that it runs; they prove nothing.
    result["aims"] = printing.aims({} if options.quick else aims(result))
    return result


def _labels(given: Path, wanted: list[str]) -> dict[str, Any]:
    if not {"language", "language-1000"} & set(wanted):
        return {}
    measuring.note("Comparing labels")
    answer = measuring.in_process(f"{AT}.signals_labels", str(given))
    found: dict[str, Any] = json.loads(answer)
    return {job: counts for job, counts in found.items() if job in wanted}


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = command.parser("signals", __doc__, rounds="medians count")
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--mb", type=command.megabytes, help=f"MB for the first pass ({TEXT_MB:g})")
    parser.add_argument("--documents", type=int, help=f"for the signals ({DOCUMENTS:,})")
    parser.add_argument("--few", type=int, help=f"for datatrove and dolma ({FEW:,})")
    parser.add_argument("--dolma", metavar="PYTHON", help="a Python that has dolma")
    given = command.chosen(parser, arguments)
    given.mb = given.mb or (QUICK_MB if given.quick else TEXT_MB)
    given.documents = given.documents or (QUICK_DOCUMENTS if given.quick else DOCUMENTS)
    given.few = given.few or (QUICK_FEW if given.quick else FEW)
    return given


def main() -> None:
    """Measure and print what the command line asks for."""
    command.run(options_of(sys.argv[1:]), measure, shown)


if __name__ == "__main__":
    main()
