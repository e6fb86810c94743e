"""What decontamination costs in the first pass, and what it finds of what was planted."""

from __future__ import annotations

import json
import sys
import tempfile
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import command, jobs, leaks, measuring, peers, planting, printing
from benchmarks.jobs import OWN, Entry
from benchmarks.leaks import BINS
from benchmarks.measuring import MB, Contender

if TYPE_CHECKING:
    import argparse

AT: Final = "benchmarks.contenders"
JOBS: Final = {"evals": "decontamination's own share of the first pass"}
TROVE: Final = "datatrove, n-grams"
DOCUMENTS, FEW, ITEMS, EACH = 40_000, 2_000, 10_000, 100
QUICK_DOCUMENTS, QUICK_FEW, QUICK_EACH = 1_000, 100, 5
LEAST_MB: Final = 20
SPEED: Final = "decontamination in the first pass, MB a CPU second"
NOT_DONE: Final = """\
The items are those of the sets, filled up by edits of them by seed (5, 10, 20 and 40 % of the
words); the texts are in memory, and the items are indexed before. datatrove, which is slow, sees
the first texts only; it looks for rows of 12 words, stops at the first, and tells no items apart.
Planted items are put between paragraphs of real documents that have none: the run is openmoat's,
with a recipe that reports. Natural: hits of the documents as they are. Others: planted documents
with an item that theirs does not have itself. More: documents in which nothing was planted, without
a hit before. With common: what it would be if rows of words that are common in a source counted.
"humaneval, licensed" is made for this bench: HumanEval's prompts below the notice of the Apache
licence; none is planted."""


def speed(
    desk: Path, options: argparse.Namespace, trove: str | None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Measure the signal on texts in memory; datatrove too, where there is a Python for it."""
    quick = ("quick",) if options.quick else ()
    sizes = [str(options.documents), str(options.few), "0.1"]
    about = json.loads(measuring.in_process("benchmarks.documents", str(desk), *sizes, *quick))
    root = leaks.root()
    licensed = planting.licensed(root, desk / "licensed.jsonl")
    sets = leaks.config(leaks.sources(root), root, licensed).signals
    known = planting.items(sets, desk / "scratch")
    own = [item.text for item in known if item.eval_set != planting.NOTICED]
    with (desk / "items.jsonl").open("w", encoding="utf-8") as out:
        for text in planting.filled_up(own, options.items):
            out.write(json.dumps(text, ensure_ascii=False) + "\n")
    about["items"] = {"of_sets": len(own), "all": options.items}
    entries = [Entry("evals", Contender(OWN, f"{AT}.evals_openmoat"), "rules")]
    if trove is not None:
        one = Contender(TROVE, f"{AT}.evals_datatrove", (), trove)
        entries.append(Entry("evals", one, "few"))
    return about, jobs.run_all(entries, desk, about, options.rounds)


def found(desk: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run openmoat on real documents as they are, and with items planted."""
    measuring.note("Two runs over real documents, with items planted in the second: minutes")
    asked = (str(options.each), *["quick"] * options.quick)
    answer: dict[str, Any] = json.loads(measuring.in_process("benchmarks.leaks", str(desk), *asked))
    return answer


def shown(result: dict[str, Any]) -> str:
    """The figures as tables."""
    found_ = result["found"]
    parts = [
        _about(result),
        jobs.table(result["runs"], JOBS),
        _recall(found_["recall"]),
        _lengths(found_["recall"]),
        _leaks(found_["leaks"]),
        _hits(found_["hits"]),
        NOT_DONE,
    ]
    parts += [printing.aim(name, **aim) for name, aim in result["aims"].items()]
    return "\n\n".join(parts)


def _about(result: dict[str, Any]) -> str:
    found_, items = result["found"], result["input"]["items"]
    return (
        f"Speed: {result['runs'][0]['documents']:,} texts; {items['all']:,} items, "
        f"{items['of_sets']:,} of them of the sets. Rounds: {result['rounds']}.\n"
        f"Leaks: {found_['documents']:,} documents, {found_['text_bytes'] / MB:.1f} MB of text; "
        f"{sum(found_['items'].values()):,} items, {found_['too_short']:,} of them too short to be "
        f"looked for; {found_['planted']:,} planted."
    )


def _share(rows: list[dict[str, Any]]) -> str:
    planted = sum(row["planted"] for row in rows)
    return f"{sum(row['found'] for row in rows) / planted:.3f} of {planted:,}" if planted else "-"


def _recall(rows: list[dict[str, Any]]) -> str:
    sets = list(dict.fromkeys(row["set"] for row in rows))
    lines = [
        (kind, *(_share([r for r in rows if (r["set"], r["kind"]) == (s, kind)]) for s in sets))
        for kind in planting.KINDS
    ]
    return printing.table(("recall of planted items", *sets), lines)


def _lengths(rows: list[dict[str, Any]]) -> str:
    """Of what is not found as it is the length says most."""
    ends = [*(f"{a}-{b - 1}" for a, b in pairwise(BINS)), f"{BINS[-1]} or more"]
    lines = []
    for kind in ("apart", "changed"):
        own = [row for row in rows if row["kind"] == kind]
        lines.append((kind, *(_share([r for r in own if r["words_from"] == b]) for b in BINS)))
    return printing.table(("recall by words of the item", *ends), lines)


def _leaks(rows: list[dict[str, Any]]) -> str:
    names = ("documents", "items", "documents_with_common", "items_with_common")
    lines = [
        (f"{row['eval_set']} in {row['source']}", *(f"{row[name]:,}" for name in names))
        for row in rows
    ]
    heads = ("leaks", "documents", "items", "documents, with common", "items, with common")
    return printing.table(heads, lines)


def _hits(hits: dict[str, int]) -> str:
    lines = [
        (name, f"{hits[name]:,}", f"{hits[f'{name}_with_common']:,}")
        for name in ("natural", "others", "more")
    ]
    return printing.table(("documents with hits not planted", "", "with common"), lines)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Do all that the options ask for."""
    leaks.root()
    result: dict[str, Any] = {
        "bench": "evals",
        "versions": {name: version(name) for name in ("openmoat", "pyarrow", "numba")},
        "machine": printing.machine(),
        "quick": options.quick,
        "rounds": options.rounds,
    }
    trove = None
    if not (options.quick or options.no_peers):
        trove = peers.interpreter(options.peers)
        result["versions"] |= peers.versions(trove)
    with tempfile.TemporaryDirectory(prefix="openmoat-bench-") as folder:
        measuring.note("Making texts and items")
        result["input"], result["runs"] = speed(Path(folder), options, trove)
        result["found"] = found(Path(folder), options)
    got = result["runs"][0]["mb_per_cpu_second"]
    # A small text and one round are for seeing that it runs; they prove nothing.
    result["aims"] = printing.aims({} if options.quick else {SPEED: (LEAST_MB, ">=", got)})
    return result


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = command.parser("evals", __doc__, rounds="medians count")
    parser.add_argument("--documents", type=int, help=f"texts in memory ({DOCUMENTS:,})")
    parser.add_argument("--few", type=int, help=f"for datatrove ({FEW:,})")
    parser.add_argument("--items", type=int, default=ITEMS, help=f"items ({ITEMS:,})")
    parser.add_argument("--each", type=int, help=f"planted of each set and kind ({EACH:,})")
    given = command.chosen(parser, arguments)
    given.documents = given.documents or (QUICK_DOCUMENTS if given.quick else DOCUMENTS)
    given.few = given.few or (QUICK_FEW if given.quick else FEW)
    given.each = given.each or (QUICK_EACH if given.quick else EACH)
    return given


def main() -> None:
    """Measure and print what the command line asks for."""
    command.run(options_of(sys.argv[1:]), measure, shown)


if __name__ == "__main__":
    main()
