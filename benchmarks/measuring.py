"""What work costs, each contender in a process of its own; the same for every bench.

Peers run in their own environment, so this module needs the standard library only.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import OpenmoatError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Prepare = Callable[[Path, Path], Callable[[], int]]
    """Of an input and a folder to write to: the work to be measured, which returns what it read."""

ROOT = Path(__file__).resolve().parents[1]
MB = 1_000_000
QUIET = {
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_OFFLINE": "1",
    "PYTHONPATH": "",
}
SHOWN = 2_000
"""Characters shown of what a contender that failed has said."""


@dataclass(frozen=True)
class Cost:
    """What a process spent on its work, once it was warm."""

    documents: int
    cpu_seconds: float
    wall_seconds: float
    startup_cpu_seconds: float
    peak_bytes: int
    written_bytes: int


@dataclass(frozen=True)
class Contender:
    """One way to do the work: a module with :func:`contend` in it, and who runs it."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    python: str = sys.executable


def contend(prepare: Prepare) -> None:
    """Measure work in this process; the arguments are its input, a small input and a folder.

    The small input comes first, so that imports and first calls count as start-up.
    """
    given, small, folder = map(Path, sys.argv[1:4])
    prepare(small, folder / "small")()
    work, startup, written = prepare(given, folder / "out"), _cpu_seconds(), folder / "out"
    prepared, began = _cpu_seconds(), time.perf_counter()
    documents = work()
    cost = Cost(
        documents=documents,
        cpu_seconds=_cpu_seconds() - prepared,
        wall_seconds=time.perf_counter() - began,
        startup_cpu_seconds=startup,
        peak_bytes=peak_bytes(),
        written_bytes=sum(f.stat().st_size for f in written.rglob("*") if f.is_file()),
    )
    print(json.dumps(asdict(cost)))


def _cpu_seconds() -> float:
    """User and system time of all threads of this process, and of processes it waited for."""
    both = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


def peak_bytes() -> int:
    """The most memory this process held. (``ru_maxrss`` begins with what its parent held.)."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    except OSError:
        found = None
    if found is not None:
        return int(found[1]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << (0 if _is_mac() else 10)


def _is_mac() -> bool:
    return sys.platform == "darwin"


def measured(contender: Contender, given: Path, *, small: Path, documents: int) -> Cost:
    """Run a contender once; it must have read all documents."""
    with tempfile.TemporaryDirectory(dir=given.parent, prefix="out-") as folder:
        answer = in_process(
            contender.module,
            *map(str, (given, small, folder)),
            *contender.arguments,
            python=contender.python,
        )
    cost = Cost(**json.loads(answer))
    if cost.documents != documents:
        raise OpenmoatError(
            f"{contender.name} on {given.name}",
            got=f"{cost.documents:,} documents",
            wanted=f"{documents:,}",
            way_out="Its figures mean nothing: find out what it left out.",
        )
    return cost


def in_process(module: str, *arguments: str, python: str = sys.executable) -> str:
    """Run a module of this folder in a process of its own; return the last line it printed."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [python, "-m", module, *arguments],
            cwd=ROOT,
            env=os.environ | QUIET | {"HF_HOME": home},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode or not done.stdout.strip():
        raise OpenmoatError(
            f"{python} -m {module}",
            got=f"exit code {done.returncode}: {done.stderr[-SHOWN:].strip() or 'nothing said'}",
            wanted="0 and what it has measured",
            way_out="Run it by hand to see more.",
        )
    return done.stdout.splitlines()[-1]


def rounds(
    contenders: Sequence[Contender], given: Path, *, small: Path, documents: int, times: int
) -> dict[str, list[Cost]]:
    """Run the contenders in turn, A B A B …, so that a busy minute troubles all of them."""
    costs: dict[str, list[Cost]] = {c.name: [] for c in contenders}
    for number in range(times):
        for contender in contenders:
            note(f"{given.name}: {contender.name}, round {number + 1} of {times}")
            cost = measured(contender, given, small=small, documents=documents)
            costs[contender.name].append(cost)
    return costs


def figures(costs: Sequence[Cost], text_bytes: int) -> dict[str, object]:
    """The round that took the least CPU time, as others only add noise; the highest peak of all."""
    best = min(costs, key=lambda c: c.cpu_seconds)
    return {
        "cpu_seconds": round(best.cpu_seconds, 3),
        "cpu_seconds_of_rounds": [round(c.cpu_seconds, 3) for c in costs],
        "wall_seconds": round(best.wall_seconds, 3),
        "startup_cpu_seconds": round(best.startup_cpu_seconds, 3),
        "peak_mb": round(max(c.peak_bytes for c in costs) / MB, 1),
        "written_mb": round(best.written_bytes / MB, 1),
        "mb_per_cpu_second": round(text_bytes / MB / best.cpu_seconds, 1),
    }


def note(text: str) -> None:
    """Say what is being done, beside the results."""
    print(text, file=sys.stderr, flush=True)
