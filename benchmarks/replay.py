"""What a replay shard costs: features of a pool's passages, strata and selection."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from benchmarks import command, documents, jobs, measuring, peers, printing
from benchmarks.documents import FOLDERS
from benchmarks.jobs import OWN, Entry
from benchmarks.measuring import Contender
from schemas.errors import OpenmoatError
from tasks import hashing
from tasks.replay import matched, packed, passages, selection
from tasks.replay.selection import Given, Settings
from tasks.replay.sides import Side

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

ORIGINAL: Final = FOLDERS[:6]
"""What the target is of; the pool has the rest of these, and all others."""
PARTS: Final = 5
"""A part in so many of the original's documents is the target."""
CHARS_PER_TOKEN: Final = 4
SHARE: Final = 20
"""The budget is a part in so many of the pool."""
QUICK_DOCUMENTS: Final = 60
LEAST: Final = 10_000
SPEED: Final = "features, projection and selection, passages a CPU second"
COUNTED: Final = ("counts", "strata", "selection")
STEPS: Final = ("cutting", "counts", "fit", "strata", "selection")
NOT_DONE: Final = """\
Documents are in memory, and no tokenizer runs: a token is four characters. The target is a fifth of
the original's documents by seed; the pool is the others, and foreign ones. The aim is for counts,
strata (projection, nearest centre, likeness, weights: of both sides) and selection; directions,
centres and slopes are fitted once, on up to 8,000 passages of each side, however large the pool is
(fit)."""
JOB: Final = "choosing"
TIMES: Final = "choosing, times as fast as data-selection"
LEAST_TIMES: Final = 40
DOCUMENTS, OF_TARGET = 4_000, 400
BESIDE: Final = """\
Beside it, from a file of JSON to what is drawn: documents of about 2.5 kB, a twentieth drawn for
the first 400 of them. Imports, first calls and what is fitted once are start-up. openmoat's `dsir`
is the method that data-selection publishes; `openmoat` is the surrogate."""


def texts(*, quick: bool) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return id and text of the documents of the target, and of the pool."""
    target: list[tuple[str, str]] = []
    pool: list[tuple[str, str]] = []
    for folder in FOLDERS:
        for number, text in enumerate(documents.read(folder)):
            if quick and number == QUICK_DOCUMENTS:
                break
            own = f"{folder}/{number}"
            drawn = hashing.chance(own, seed=0, stage="bench-replay") * PARTS < 1
            (target if drawn and folder in ORIGINAL else pool).append((own, text))
    if not target:
        raise OpenmoatError(
            "OPENMOAT_DATA",
            got="no documents below it",
            wanted=f"the folders {', '.join(ORIGINAL)}",
            way_out="Set OPENMOAT_DATA to the folder of real data.",
        )
    return target, pool


def measured(
    target: list[tuple[str, str]], pool: list[tuple[str, str]], copies: int
) -> tuple[dict[str, Any], dict[str, float]]:
    """Make a shard once; return what it was made of, and CPU seconds of each step."""
    clock = Clock()
    own = _side(target, Clock(), 1)
    side = _side(pool, clock, copies)
    budget = int(side.tokens.sum()) // SHARE
    like = clock.timed("fit", lambda: matched.fit(own, side, seed=0))
    dealt = partial(matched.divided, like, own, side, budget=budget, seed=0)
    given, settings = Given(own, clock.timed("strata", dealt)), Settings(clamp=matched.CLAMP)
    found = clock.timed(
        "selection",
        lambda: selection.select("surrogate", side, given, budget=budget, settings=settings),
    )
    about = {
        "target": own.size,
        "pool": side.size,
        "drawn": found.report.passages,
        "budget_tokens": budget,
        "tokens": found.report.tokens,
        "pool_mb": round(sum(len(t.encode()) for _, t in pool) * copies / measuring.MB, 1),
        "bytes_a_passage": round(_bytes(side) / side.size),
    }
    return about, clock.spent


def _side(some: list[tuple[str, str]], clock: Clock, copies: int) -> Side:
    """Return documents as a side; what comes again is counted again, under new keys."""
    column = pa.array([text for _, text in some], pa.large_string())
    counts, parts = packed.Builder(), []
    for copy in range(copies):
        cut = clock.timed("cutting", partial(passages.cut, column))
        keys = passages.keys([f"{own}/{copy}" for own, _ in some], cut)
        counts.add(clock.timed("counts", partial(packed.of, cut.texts)))
        tokens = (cut.ends - cut.starts + CHARS_PER_TOKEN - 1) // CHARS_PER_TOKEN
        parts.append((keys, cut.documents + copy * len(some), tokens))
    return Side(counts.packed(), *(np.concatenate(column) for column in zip(*parts, strict=True)))


def _bytes(side: Side) -> int:
    """Return the memory of a side, and of the strata of its passages."""
    arrays = (side.keys, side.documents, side.tokens, side.tokens)
    return side.counts.n_bytes + sum(int(array.nbytes) for array in arrays)


class Clock:
    """CPU seconds of each step."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def timed(self, step: str, work: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Do some work; add what it took to a step."""
        began = time.process_time()
        found = work()
        self.spent[step] = self.spent.get(step, 0.0) + time.process_time() - began
        return found


def beside(options: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Run other programs on the same documents; return what they cost, and their versions."""
    if options.quick or options.no_peers:
        return [], {}
    python = peers.interpreter(options.peers, peers.REPLAY)
    with tempfile.TemporaryDirectory(prefix="openmoat-bench-") as folder:
        measuring.note("Making the documents")
        sizes = map(str, (DOCUMENTS, OF_TARGET, 0.1))
        about = json.loads(measuring.in_process("benchmarks.documents", folder, *sizes))
        target, own = f"{folder}/{about['few']['file']}", "benchmarks.contenders.replay_openmoat"
        other = "benchmarks.contenders.replay_data_selection"
        contenders = (
            Contender(OWN, own, (target, "surrogate")),
            Contender(f"{OWN}, dsir", own, (target, "dsir")),
            Contender("data-selection", other, (target,), python=python),
        )
        entries = [Entry(JOB, one, "rules") for one in contenders]
        runs = jobs.run_all(entries, Path(folder), about, options.rounds)
    return runs, peers.versions(python, peers.REPLAY)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Do all that the options ask for; a first round is for compiling, and does not count."""
    target, pool = texts(quick=options.quick)
    measured(target[:200], pool[:200], 1)
    rounds = []
    for number in range(options.rounds):
        measuring.note(f"round {number + 1} of {options.rounds}")
        about, spent = measured(target, pool, options.copies)
        rounds.append(spent)
    peak = measuring.peak_bytes()
    runs, others = beside(options)
    seconds = {step: statistics.median(one[step] for one in rounds) for step in STEPS}
    speed = about["pool"] / sum(seconds[step] for step in COUNTED)
    return {
        "bench": "replay",
        "versions": {name: version(name) for name in ("openmoat", "pyarrow", "numba")} | others,
        "machine": printing.machine(),
        "quick": options.quick,
        "rounds": options.rounds,
        "input": about,
        "cpu_seconds": {step: round(spent, 3) for step, spent in seconds.items()},
        "passages_per_cpu_second": round(speed),
        "peak_mb": round(peak / measuring.MB),
        "runs": runs,
        "aims": printing.aims({} if options.quick else aims(round(speed), runs)),
    }


def aims(speed: int, runs: list[dict[str, Any]]) -> dict[str, tuple[float, str, float]]:
    """What was aimed at."""
    wanted: dict[str, tuple[float, str, float]] = {SPEED: (LEAST, ">=", speed)}
    for run in runs:
        if run["contender"] == "data-selection":
            wanted[TIMES] = (LEAST_TIMES, ">=", run["times_slower"])
    return wanted


def shown(result: dict[str, Any]) -> str:
    """The figures as tables."""
    about = result["input"]
    lines = [
        (step, f"{spent:.2f}", f"{about['pool'] / max(spent, 1e-9):,.0f}")
        for step, spent in result["cpu_seconds"].items()
    ]
    parts = [
        _about(result),
        printing.table(("", "CPU s", "passages/CPU s"), lines),
        f"{SPEED}: {result['passages_per_cpu_second']:,}",
        NOT_DONE,
    ]
    if result["runs"]:
        parts += [jobs.table(result["runs"], {JOB: JOB}), BESIDE]
    parts += [printing.aim(name, **aim) for name, aim in result["aims"].items()]
    return "\n\n".join(parts)


def _about(result: dict[str, Any]) -> str:
    about = result["input"]
    return (
        f"{about['pool']:,} passages of a pool, {about['pool_mb']:,.1f} MB; {about['target']:,} of "
        f"the target; {about['drawn']:,} drawn for {about['budget_tokens']:,} tokens. "
        f"{about['bytes_a_passage']:,} bytes a passage; at most {result['peak_mb']:,} MB in all."
    )


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = command.parser("replay", __doc__, rounds="medians count")
    parser.add_argument("--copies", type=int, default=1, choices=range(1, 1_000), metavar="N",
                        help="how often the pool comes, under new ids (1)")  # fmt: skip
    return command.chosen(parser, arguments)


def main() -> None:
    """Measure, print."""
    command.run(options_of(sys.argv[1:]), measure, shown)


if __name__ == "__main__":
    main()
