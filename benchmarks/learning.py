"""What Noisy Student is worth where labels are few: figures of many seeds, told as tables."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any, Final

from benchmarks import documents, measuring, printing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_ROUNDS: Final = 3
ABOUT: Final = """\
Noisy Student, AUC on other documents, mean and standard deviation over seeds; (n): of the n seeds
that came so far. better, worse: seeds in which the model that is chosen beats its teacher, or is
beaten by it. turned: seeds in which the teacher has less than .5, and calls one kind the other."""
HEADS: Final = (
    "labels, noise",
    "teacher",
    *(f"round {n}" for n in range(1, MOST_ROUNDS + 1)),
    *("chosen", "gain", "better", "worse", "turned"),
)
LEFT_OUT: Final = "Noisy Student is left out: there is no folder of real data (OPENMOAT_DATA)."


def measure(seeds: int, *, quick: bool) -> list[dict[str, Any]] | None:
    """Return what came of pairs of kinds; None where there is no real text."""
    if documents.data() is None:
        measuring.note(LEFT_OUT)
        return None
    asked = (str(seeds), *["quick"] * quick)
    pairs = json.loads(measuring.in_process("benchmarks.few_labels", *asked))
    return [one | {"figures": figures(one["trials"])} for one in pairs]


def figures(trials: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return means and spreads over seeds, for each number of labels and setting of noise."""
    own: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for trial in trials:
        own.setdefault((trial["labels"], trial["noise"]), []).append(trial)
    return [
        {"labels": labels, "noise": noise, **_figures(some)}
        for (labels, noise), some in own.items()
    ]


def _figures(trials: Sequence[dict[str, Any]]) -> dict[str, Any]:
    teachers = [trial["aucs"][0] for trial in trials]
    chosen = [trial["aucs"][trial["chosen"]] for trial in trials]
    gains = [one - other for one, other in zip(chosen, teachers, strict=True)]
    rounds = [
        [trial["aucs"][n] for trial in trials if n < len(trial["aucs"])]
        for n in range(1, MOST_ROUNDS + 1)
    ]
    return {
        "teacher": spread(teachers),
        "rounds": [spread(some) for some in rounds],
        "chosen": spread(chosen),
        "gain": spread(gains),
        "better": sum(gain > 0 for gain in gains),
        "worse": sum(gain < 0 for gain in gains),
        "turned": sum(trial["turned"] for trial in trials),
    }


def spread(values: Sequence[float]) -> dict[str, Any] | None:
    """Return mean, standard deviation and number of some values; None of none."""
    if not values:
        return None
    apart = statistics.stdev(values) if len(values) > 1 else 0.0
    return {
        "mean": round(statistics.mean(values), 4),
        "deviation": round(apart, 4),
        "seeds": len(values),
    }


def shown(pairs: list[dict[str, Any]] | None) -> str:
    """The figures as tables, one a pair."""
    if pairs is None:
        return LEFT_OUT
    parts = [ABOUT]
    for pair in pairs:
        seeds = len({trial["seed"] for trial in pair["trials"]})
        positive, negative = pair["judged"]
        about = f"{pair['pair']}: pool {pair['pool']:,}, judged by {positive:,} and {negative:,}"
        rows = [
            (
                f"{one['labels']}, {one['noise']}",
                _told(one["teacher"], seeds),
                *(_told(some, seeds) for some in one["rounds"]),
                _told(one["chosen"], seeds),
                f"{one['gain']['mean']:+.4f}",
                f"{one['better']}",
                f"{one['worse']}",
                f"{one['turned']}",
            )
            for one in pair["figures"]
        ]
        parts.append(f"{about}\n{printing.table(HEADS, rows)}")
    return "\n\n".join(parts)


def _told(some: dict[str, Any] | None, seeds: int) -> str:
    if some is None:
        return "-"
    many = "" if some["seeds"] == seeds else f" ({some['seeds']})"
    return f"{some['mean']:.3f} ±{some['deviation']:.3f}{many}"
