"""What deduplication finds and costs, beside rensa, gaoya, datasketch, text-dedup and datatrove."""

from __future__ import annotations

import json
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
DOCUMENTS, SOME, FEW, MANY = 60_000, 20_000, 1_000, 1_000_000
QUICK_DOCUMENTS, QUICK_SOME, QUICK_FEW, QUICK_MANY = 2_000, 500, 100, 5_000
JOBS = {
    "signatures": "signatures",
    "whole": "from Parquet to what is removed",
    "million": "the same of a million documents",
}
"""What is measured, in groups that are compared within."""
QUICK_PROGRAMS = ("rensa", "gaoya")
SLOW_PROGRAMS = ("datasketch", "text-dedup", "datatrove")
WAYS = {"deduplicator": "rensa, deduplicator", "lsh": "rensa, LSH index"}
NOTES = """\
Near-duplicates are pairs whose sets of word 5-grams have a Jaccard similarity of .8 or more, found
exactly. Recall: the share of those pairs of which one document was removed, or both. Planted pairs
are a copy and its original, natural ones all others. Alike: the share of removed documents that
have any near-duplicate; precision: the share that are near-duplicates of the twin that is named.

Signatures: 112 permutations, from texts in memory, by what each program does before it looks for
duplicates. Words are split by each in its own way: by white space for rensa, gaoya and datasketch.
rensa and datasketch want shingles from their caller, so that making them, in Python, is part of
the work; gaoya makes them itself, on all cores. datasketch, text-dedup and datatrove are slow and
see the first documents only. rensa removes by its deduplicator, as its page shows it, and by its
LSH index, both with openmoat's bands. CPU seconds are medians of the rounds, without start-up:
imports, compiled code from its cache, the first 64 documents."""


def entries(wanted: list[str], desk: Path, dedup: str | None, trove: str | None) -> list[Entry]:
    """Who does the jobs; the peers in the interpreters that have them, if any."""
    found = []
    own, peer, rensa = (f"{AT}.dedup_{name}" for name in ("openmoat", "peers", "rensa"))
    if "signatures" in wanted:
        found.append(Entry("signatures", Contender(OWN, own, ("signatures",)), "some"))
        for name in (*QUICK_PROGRAMS, *SLOW_PROGRAMS):
            python = trove if name == "datatrove" else dedup
            if python is not None:
                one = Contender(name, peer, (name,), python)
                found.append(Entry("signatures", one, "few" if name in SLOW_PROGRAMS else "some"))
    if "whole" in wanted:
        removed = str(desk / f"{OWN}.parquet")
        found.append(Entry("whole", Contender(OWN, own, ("whole", removed)), "documents"))
        for way, name in WAYS.items():
            if dedup is None:
                continue
            one = Contender(name, rensa, (way, str(desk / f"{name}.parquet")), dedup)
            found.append(Entry("whole", one, "documents"))
    return found


def million(desk: Path, about: dict[str, Any]) -> list[dict[str, Any]]:
    """Figures of one run over very many documents."""
    arguments = ("whole", str(desk / "many-removed.parquet"))
    one = Entry("million", Contender(OWN, f"{AT}.dedup_openmoat", arguments), "many")
    return jobs.run_all([one], desk, about, 1)


def aims(result: dict[str, Any]) -> dict[str, tuple[float, str, float]]:
    """What is wanted of openmoat and what it was in this run."""
    runs = {(run["job"], run["contender"]): run for run in result["runs"]}
    wanted: dict[str, tuple[float, str, float]] = {}
    if result["found"] is not None:
        own = result["found"]["lists"][OWN]
        wanted["recall"] = (0.995, ">=", own["recall"]["all"] or 0.0)
        wanted["precision"] = (0.97, ">=", own["precision"] or 0.0)
    least = {"rensa": 10, "gaoya": 10, "text-dedup": 100, "datatrove": 100}
    for peer, times in least.items():
        if run := runs.get(("signatures", peer)):
            wanted[f"signatures, times as fast as {peer}"] = (times, ">=", run["times_slower"])
    for peer in WAYS.values():
        if run := runs.get(("whole", peer)):
            wanted[f"all of it, times as fast as {peer}"] = (2, ">=", run["times_slower"])
    if run := runs.get(("whole", OWN)):
        index = round(run["written_mb"] * MB / run["documents"], 1)
        wanted["bytes of index a document"] = (400, "<", index)
    if run := runs.get(("million", OWN)):
        wanted["a million documents, peak MB"] = (2_000, "<", run["peak_mb"])
    return wanted


def shown(result: dict[str, Any]) -> str:
    """The figures as tables."""
    parts = [_about(result["input"], result["rounds"]), jobs.table(result["runs"], JOBS)]
    if result["found"] is not None:
        parts.append(_found(result["found"]))
    parts.append(NOTES)
    parts += [printing.aim(name, **aim) for name, aim in result["aims"].items()]
    return "\n\n".join(parts)


def _about(about: dict[str, Any], rounds: int) -> str:
    given = about["documents"]
    origins = ", ".join(f"{name} {n:,}" for name, n in about["origins"].items())
    return (
        f"{given['documents']:,} documents, {given['text_bytes'] / MB:.1f} MB of text, of which "
        f"{about['copies']:,} are planted: {about['made']}.\nReal texts by origin, before "
        f"some are taken: {origins}.\nRounds: {rounds}."
    )


def _found(found: dict[str, Any]) -> str:
    """What there was to be found, and the shares of it that were."""
    kinds = list(found["pairs"])
    rows = [["near-duplicates", *(f"{n:,}" for n in found["pairs"].values()), "", "", ""]]
    rows += [
        [
            f"recall: {name}",
            *(_share(one["recall"][kind]) for kind in kinds),
            f"{one['removed']:,}",
            _share(one["alike"]),
            _share(one["precision"]),
        ]
        for name, one in found["lists"].items()
    ]
    return printing.table(("", *kinds, "removed", "alike", "precision"), rows)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.4f}"


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Do all that the options ask for."""
    result: dict[str, Any] = {
        "bench": "dedup",
        "versions": {name: version(name) for name in ("openmoat", "pyarrow", "numba")},
        "machine": printing.machine(),
        "quick": options.quick,
        "rounds": options.rounds,
    }
    dedup = trove = None
    if not (options.quick or options.no_peers):
        dedup = peers.interpreter(options.dedup, peers.DEDUP)
        result["versions"] |= peers.versions(dedup, peers.DEDUP)
        if "signatures" in options.jobs:
            trove = peers.interpreter(options.peers)
            result["versions"] |= peers.versions(trove)
    with tempfile.TemporaryDirectory(prefix="openmoat-bench-") as folder:
        desk = Path(folder)
        about = result["input"] = _input(desk, options)
        wanted = entries(options.jobs, desk, dedup, trove)
        result["runs"] = jobs.run_all(wanted, desk, about, options.rounds)
        result["found"] = _judged(desk, [e.contender.name for e in wanted if e.job == "whole"])
        if options.million:
            result["runs"] += million(desk, about)
    # A small text and one round are for seeing that it runs; they prove nothing.
    result["aims"] = printing.aims({} if options.quick else aims(result))
    return result


def _input(desk: Path, options: argparse.Namespace) -> dict[str, Any]:
    measuring.note("Making the documents: two minutes, with a million of them ten")
    many = (QUICK_MANY if options.quick else MANY) if options.million else 0
    sizes = map(str, (options.documents, options.some, options.few, many))
    quick = ("quick",) if options.quick else ()
    answer = measuring.in_process("benchmarks.copies", str(desk), *sizes, *quick)
    found: dict[str, Any] = json.loads(answer)
    return found


def _judged(desk: Path, names: list[str]) -> dict[str, Any] | None:
    if not names:
        return None
    measuring.note("Comparing all documents with all: a minute")
    found: dict[str, Any] = json.loads(measuring.in_process("benchmarks.recall", str(desk), *names))
    return found


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = command.parser("dedup", __doc__, rounds="medians count")
    parser.add_argument("--jobs", nargs="+", choices=list(JOBS)[:2], default=list(JOBS)[:2])
    parser.add_argument(
        "--million", action="store_true", help=f"openmoat alone on {MANY:,} documents too"
    )
    parser.add_argument("--documents", type=int, help=f"of the whole process ({DOCUMENTS:,})")
    parser.add_argument("--some", type=int, help=f"for signatures ({SOME:,})")
    parser.add_argument("--few", type=int, help=f"for programs that are slow ({FEW:,})")
    parser.add_argument("--dedup", metavar="PYTHON", help="a Python that has rensa and the like")
    given = command.chosen(parser, arguments)
    given.documents = given.documents or (QUICK_DOCUMENTS if given.quick else DOCUMENTS)
    given.some = given.some or (QUICK_SOME if given.quick else SOME)
    given.few = given.few or (QUICK_FEW if given.quick else FEW)
    return given


def main() -> None:
    """Measure and print what the command line asks for."""
    command.run(options_of(sys.argv[1:]), measure, shown)


if __name__ == "__main__":
    main()
