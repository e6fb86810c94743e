"""The experiment on forgetting as sections: the table, the plane of losses, what was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.section import Lines, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from schemas.experiment import Figures, Mean, Result

TITLE: Final = "Forgetting"
DRAWN: Final = ("none", "true 5 %", "true 25 %", "random 5 %", "surrogate: card 5 %",
                "surrogate: card 25 %", "surrogate: sample 5 %", "old control")  # fmt: skip
"""Arms that are drawn, as far as they are there; all of them are in the table."""
HEAD: Final = ("arm", "knows", "old", "new", "average", "removed", "recovery", "gap to true",
               "worst domain", "overfit")  # fmt: skip
COLUMNS: Final = (
    "Old and new: nats a token on held-out text, with 95 % by Student's t where there are seeds. "
    "Average: of both. Removed: what of the forgetting without replay is gone. Recovery: of true "
    "replay's benefit at the same share; empty where that is under five seed standard deviations. "
    "Gap: nats over true replay. Worst: the old domain that rose most over the base. Overfit: by "
    "how much new rows that were trained on gained more than held-out ones. Arms that know a "
    "sample or the old data are upper bounds."
)
SEEDS: Final = (
    "In brackets: old loss less that of the other arm, with 95 % by Student's t over the seeds. In "
    "the mean: seeds differ by more."
)
TINY: Final = (
    "A model this small, trained on {ratio:.1f} tokens a parameter, forgets more than a large one, "
    "and replay looks better on it. The order of arms is what to take from it, not the numbers."
)


def about(result: Result) -> str:
    """Return what stands below the title."""
    return f"Setting {result.setting.name}, {result.preset}"


def sections(result: Result, courses: pa.Table) -> Iterator[Section]:
    """Yield what a page and the terminal show. ``courses``: losses of each arm along its way."""
    yield Section("Forgetting", _opening(result), _table(result.arms))
    tiny = TINY.format(ratio=result.tokens_per_parameter)
    yield Section("How to read it", f"{COLUMNS} {tiny}")
    if result.says:
        said = tuple(tuple(one.split(": ", 1)) for one in result.says)
        yield Section("What it was to show", SEEDS, Table(("", "what"), said))
    lines = _lines(courses)
    if lines.series:
        text = (
            "Each line is a training, from the base on: to the left is learning, up is forgetting. "
            "Validation text, the first seed."
        )
        yield Section("Old loss against new loss", text, lines=lines)
    yield Section("What the pipelines were given", _given(result), _gate(result))
    yield how(result)


def _opening(result: Result) -> str:
    by_name = {one.arm.name: one for one in result.arms}
    sizes, old = result.sizes, ", ".join(f"{n} {s:.0%}" for n, s in result.setting.old.items())
    head = "; ".join(map(_headline, [by_name[name] for name in result.headline.values()]))
    about = (
        f"{result.parameters:,} parameters learned {old} ({sizes.first_steps:,} steps of "
        f"{sizes.batch_rows * sizes.row_tokens:,} tokens, {result.tokens_per_parameter:.1f} "
        f"tokens a parameter, {result.first_epochs:.1f} epochs, peak {sizes.first_peak:g}), "
        f"then {' and '.join(result.setting.new)} ({sizes.steps:,} steps, peak "
        f"{sizes.peak:g}, the optimizer anew). Before that: old {result.base_old.mean:.3f}, "
        f"new {result.base_new.mean:.3f}. Seeds: {len(result.seeds)}."
    )
    return f"{about} Best of those that know no old text: {head}." if head else about


def _headline(found: Figures) -> str:
    told = "not printed" if found.recovery is None else _number(found.recovery)
    return f"{found.arm.name}, recovery {told}"


def _table(every: Sequence[Figures]) -> Table:
    return Table(HEAD, tuple(_row(one) for one in every))


def _row(one: Figures) -> tuple[str, ...]:
    return (
        one.arm.name,
        one.arm.knows,
        _number(one.old),
        _number(one.new),
        f"{one.average:.3f}",
        "" if one.removed is None else f"{one.removed.mean:.0%}",
        _number(one.recovery),
        _number(one.gap, sign="+"),
        f"{one.worst} {one.worst_rise:+.2f}",
        f"{one.overfit:+.3f}",
    )


def _number(found: Mean | None, sign: str = "") -> str:
    if found is None:
        return ""
    middle = f"{found.mean:{sign}.3f}"
    return middle if found.high is None else f"{middle} ± {found.high - found.mean:.3f}"


def _lines(courses: pa.Table) -> Lines:
    every = courses.to_pylist()
    first = min((row["seed"] for row in every), default=0)
    points: dict[str, list[tuple[float, float]]] = {}
    for row in sorted(every, key=lambda row: (row["arm"], row["step"])):
        if row["seed"] == first and row["arm"] in DRAWN:
            points.setdefault(row["arm"], []).append((row["new"], row["old"]))
    series = tuple((name, tuple(points[name])) for name in DRAWN if name in points)
    ends = ", ".join(f"{n} old {p[-1][1]:.2f} new {p[-1][0]:.2f}" for n, p in series)
    return Lines(series, "new loss, nats a token", "old loss", f"Losses: {ends}", marked=True)


def how(result: Result) -> Section:
    """Return the command, what it took and the versions."""
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    took = f"{result.cpu_seconds / 60:,.0f} CPU-minutes in all processes ({result.device})"
    return Section("How it was run", f"`{result.command}`: {took}. {versions}.")


def _given(result: Result) -> str:
    told = [f"{kind}: {', '.join(files)}." for kind, files in sorted(result.given.items())]
    told += [f"Refused, {name}: {why}" for name, why in sorted(result.refused.items())]
    told += [f"{name}: {note}." for name, note in sorted(result.notes.items())]
    below = (
        "Below: documents dealt to each part, and those left out because one of an earlier "
        "part is like them (Jaccard similarity of .8 or more)."
    )
    return " ".join(
        [
            "Each pipeline is a process whose folder holds these files and no others.",
            *told,
            below,
        ]
    )


def _gate(result: Result) -> Table:
    rows = tuple(
        (part, gate.documents, sum(gate.left_out.values()), gate.kept, gate.passages)
        for part, gate in result.gate.items()
    )
    return Table(("part", "documents", "left out", "kept", "passages"), rows)
