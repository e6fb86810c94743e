"""What it costs to make documents of files, beside datatrove and datasets."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import command, measuring, peers, printing
from benchmarks.measuring import MB, Contender

if TYPE_CHECKING:
    import argparse

FORMATS = ("jsonl.gz", "jsonl", "jsonl.zst", "parquet")
MAIN = "jsonl.gz"
TEXT_MB, QUICK_MB = 124.0, 12.0
MEMORY_MB, QUICK_MEMORY_MB = (100.0, 2_000.0), (12.0, 24.0)
OWN = Contender("openmoat", "benchmarks.contenders.ingest_openmoat")
TROVE, SETS = "benchmarks.contenders.ingest_datatrove", "benchmarks.contenders.ingest_datasets"
TROVE_PARQUET, TROVE_JSONL = "datatrove, ParquetWriter", "datatrove, JsonlWriter"
FLOORS = {"gunzip": "unpack gzip (ISA-L)", "parse": "parse JSON (orjson)", "write": "write Parquet"}
NOT_DONE = """\
Not all do the same. openmoat makes ids that do not depend on the path, normalises Unicode and line
ends, keeps rejects, file and line, and writes Parquet (zstd, page checksums and index). datatrove
does none of that but for the path; it writes Parquet (snappy, the schema guessed from the first
document) or .jsonl.gz. datasets makes no documents: it copies columns as it finds them to Parquet
(snappy), and a line that is no JSON ends it.
CPU seconds are those of the best round, without start-up; MB are a million bytes, of text."""


@dataclass(frozen=True)
class Input:
    """Files that hold the same documents, and what they hold."""

    folder: Path
    about: dict[str, Any]

    @classmethod
    def made(cls, folder: Path, mb: float, kinds: tuple[str, ...]) -> Input:
        """Make it, in a process of its own: what measures stays small."""
        folder.mkdir()
        measuring.note(f"Making {mb:g} MB of text as {', '.join(kinds)}")
        answer = measuring.in_process("benchmarks.texts", str(folder), str(mb), *kinds)
        return cls(folder, json.loads(answer))

    def rounds(self, contenders: list[Contender], kind: str, times: int) -> list[dict[str, Any]]:
        """The figures of each contender on one of the files."""
        costs = measuring.rounds(
            contenders,
            self.folder / f"input.{kind}",
            small=self.folder / f"small.{kind}",
            documents=self.about["documents"],
            times=times,
        )
        return [
            {"format": kind, "contender": name, **measuring.figures(c, self.about["text_bytes"])}
            for name, c in costs.items()
        ]


def contenders(kind: str, python: str | None) -> list[Contender]:
    """Who reads a format; the peers in the interpreter that has them, if any."""
    found = [OWN]
    if python is not None:
        found.append(Contender(TROVE_PARQUET, TROVE, ("parquet",), python))
        if kind == MAIN:  # what it writes is slower than all that it reads
            found.append(Contender(TROVE_JSONL, TROVE, ("jsonl",), python))
        found.append(Contender("datasets, cached", SETS, ("cached",), python))
        found.append(Contender("datasets, streaming", SETS, ("streaming",), python))
    return found


def speed(
    given: Input, kinds: tuple[str, ...], python: str | None, times: int
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """The figures of all contenders on all formats; the floors' CPU seconds for the main one."""
    module = "benchmarks.contenders.ingest_floors"
    floors = [Contender(text, module, (name,)) for name, text in FLOORS.items()]
    runs: list[dict[str, Any]] = []
    for kind in kinds:
        every = contenders(kind, python) + (floors if kind == MAIN else [])
        runs += given.rounds(every, kind, times)
    least = {r["contender"]: r["cpu_seconds"] for r in runs if r["contender"] in FLOORS.values()}
    names = {text: name for name, text in FLOORS.items()}
    return (
        [r for r in runs if r["contender"] not in least],
        {names[text]: seconds for text, seconds in least.items()},
    )


def with_ratios(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Say of each run how many times openmoat's CPU seconds it took."""
    own = {r["format"]: r["cpu_seconds"] for r in runs if r["contender"] == OWN.name}
    return [r | {"times_openmoat": round(r["cpu_seconds"] / own[r["format"]], 2)} for r in runs]


def memory(desk: Path, sizes: tuple[float, ...]) -> list[dict[str, Any]]:
    """Peak memory for one .jsonl.gz of each size; the larger one is the same text under new ids."""
    found = []
    for mb in sizes:
        kind = "fast.jsonl.gz"
        given = Input.made(desk / f"memory-{mb:g}", mb, (kind,))
        (run,) = given.rounds([OWN], kind, 1)
        (given.folder / f"input.{kind}").unlink()
        about = {name: given.about[name] for name in ("documents", "distinct_texts")}
        found.append({"text_mb": mb, **about, **run, "format": MAIN})
    return found


def aims(
    runs: list[dict[str, Any]], used: list[dict[str, Any]]
) -> dict[str, tuple[float, str, float]]:
    """What is wanted of openmoat and what it was in this run."""
    main = {r["contender"]: r for r in runs if r["format"] == MAIN}
    found: dict[str, tuple[float, str, float]] = {}
    if OWN.name in main:
        found["MB of text per CPU second"] = (40, ">=", main[OWN.name]["mb_per_cpu_second"])
    for peer, wanted in ((TROVE_PARQUET, 1.5), (TROVE_JSONL, 4)):
        if peer in main:
            found[f"times as fast as {peer}"] = (wanted, ">=", main[peer]["times_openmoat"])
    for run in used:
        found[f"peak MB for {run['text_mb']:g} MB"] = (1_000, "<", run["peak_mb"])
    return found


def shown(result: dict[str, Any]) -> str:
    """The figures as tables."""
    parts = []
    if about := result["input"]:
        parts.append(
            f"{about['documents']:,} documents, {about['text_bytes'] / MB:.1f} MB of text from "
            f"{about['origin']}; {about['distinct_texts']:,} different texts, the rest the same "
            f"again under new ids.\nRounds: {result['rounds']}."
        )
        parts.append(_runs(result["runs"]))
        if result["floors"]:
            each = ", ".join(f"{FLOORS[n]} {s:.2f}" for n, s in result["floors"].items())
            parts.append(f"Floors, CPU seconds for the same {MAIN}: {each}")
        parts.append(NOT_DONE)
    if result["memory"]:
        parts.append(_memory(result["memory"]))
    parts += [printing.aim(name, **aim) for name, aim in result["aims"].items()]
    return "\n\n".join(parts)


def _runs(runs: list[dict[str, Any]]) -> str:
    heads = ("", "CPU s", "MB/CPU s", "x openmoat", "wall s", "start-up s", "peak MB", "written MB")
    return printing.table(
        heads,
        [
            (
                f"{r['format']}: {r['contender']}",
                f"{r['cpu_seconds']:.2f}",
                f"{r['mb_per_cpu_second']:.1f}",
                f"{r['times_openmoat']:.2f}",
                f"{r['wall_seconds']:.2f}",
                f"{r['startup_cpu_seconds']:.2f}",
                f"{r['peak_mb']:.0f}",
                f"{r['written_mb']:.1f}",
            )
            for r in runs
        ],
    )


def _memory(used: list[dict[str, Any]]) -> str:
    rows = [
        (
            f"{r['text_mb']:,g} MB of text, {MAIN}",
            f"{r['documents']:,}",
            f"{r['distinct_texts']:,}",
            f"{r['peak_mb']:.0f}",
            f"{r['wall_seconds']:.1f}",
        )
        for r in used
    ]
    return printing.table(("memory", "documents", "different", "peak MB", "wall s"), rows)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Do all that the options ask for."""
    result: dict[str, Any] = {
        "bench": "ingest",
        "versions": {"openmoat": version("openmoat"), "pyarrow": version("pyarrow")},
        "machine": printing.machine(),
        "quick": options.quick,
        "rounds": 1 if options.memory else options.rounds,
        "input": None,
        "runs": [],
        "floors": {},
        "memory": [],
    }
    with tempfile.TemporaryDirectory(prefix="openmoat-bench-") as desk:
        if not options.memory:
            alone = options.quick or options.no_peers
            python = None if alone else peers.interpreter(options.peers)
            if python is not None:
                result["versions"] |= peers.versions(python)
            given = Input.made(Path(desk) / "speed", options.mb, tuple(options.formats))
            runs, result["floors"] = speed(given, tuple(options.formats), python, options.rounds)
            result |= {"input": given.about, "runs": with_ratios(runs)}
        if options.memory or not options.quick:
            sizes = QUICK_MEMORY_MB if options.quick else MEMORY_MB
            result["memory"] = memory(Path(desk), sizes)
    # A small text and one round are for seeing that it runs; they prove nothing.
    wanted = {} if options.quick else aims(result["runs"], result["memory"])
    result["aims"] = printing.aims(wanted)
    return result


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = command.parser("ingest", __doc__, rounds="the best counts")
    parser.add_argument("--memory", action="store_true", help="peak memory only")
    parser.add_argument("--mb", type=command.megabytes, help=f"MB of text (default {TEXT_MB:g})")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    given = command.chosen(parser, arguments)
    given.mb = given.mb or (QUICK_MB if given.quick else TEXT_MB)
    return given


def main() -> None:
    """Measure and print what the command line asks for."""
    command.run(options_of(sys.argv[1:]), measure, shown)


if __name__ == "__main__":
    main()
