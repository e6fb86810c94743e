"""A training run as sections: what was trained, and its curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.section import Lines, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from schemas.training import Trained

POINTS: Final = 300
"""Points of a line, about: means of neighbouring steps where there are more."""
LOSS: Final = "Nats a learned token of each step's rows, before the step, weights apart."
RATE: Final = "Learning rate of each step."
NORM: Final = "Length of the gradient of each step, before it was cut."


def sections(trained: Trained, curve: pa.Table) -> Iterator[Section]:
    """Yield what a page shows of a run and its curve (:data:`schemas.training.CURVE`)."""
    yield Section("Training", _opening(trained), _table(trained))
    columns = {name: curve.column(name).to_pylist() for name in curve.column_names}
    steps = columns["step"]
    names = (("new rows", "new_loss"), ("replay rows", "replay_loss"))
    series = tuple((name, smooth(steps, columns[key])) for name, key in names)
    yield _plot("Loss", LOSS, tuple(one for one in series if one[1]), "nats a token")
    yield _plot("Learning rate", RATE, (("rate", smooth(steps, columns["rate"])),), "rate")
    yield _plot("Gradient", NORM, (("length", smooth(steps, columns["grad_norm"])),), "length")


def smooth(steps: Sequence[int], values: Sequence[float | None]) -> tuple[tuple[float, float], ...]:
    """Return points of a line, means of as many neighbours as make it :data:`POINTS` at most."""
    there = [(s, v) for s, v in zip(steps, values, strict=True) if v is not None]
    width = -(-len(there) // POINTS) or 1
    parts = [there[i : i + width] for i in range(0, len(there), width)]
    return tuple(
        (sum(s for s, _ in part) / len(part), sum(v for _, v in part) / len(part))
        for part in parts
    )  # fmt: skip


def _plot(
    title: str, text: str, series: tuple[tuple[str, tuple[tuple[float, float], ...]], ...], up: str
) -> Section:
    said = f"{title} by step: " + ", ".join(
        f"{name} from {points[0][1]:.4g} to {points[-1][1]:.4g}" for name, points in series
    )
    return Section(title, text, lines=Lines(series, "step", up, said))


def _opening(trained: Trained) -> str:
    config = trained.config
    what = f"adapters of rank {config.lora.rank}" if config.lora else "all of it"
    more = f", noise {config.neftune_alpha:g} (NEFTune)" if config.neftune_alpha else ""
    return (
        f"{trained.base} on {trained.mixture}: {what}, in {config.precision} on {trained.device}"
        f"{more}. Schedule {config.rates.schedule}, peak {config.rates.peak:g}. The model lies in "
        f"{trained.model}."
    )


def _table(trained: Trained) -> Table:
    last = trained.last
    rows = [
        ("steps", f"{trained.steps:,}"),
        ("rows", f"{trained.rows:,}"),
        ("tokens", f"{trained.tokens:,}"),
        ("parameters", f"{trained.parameters:,}"),
        ("of these trained", f"{trained.trained_parameters:,}"),
        ("tokens a trained parameter", f"{trained.tokens / trained.trained_parameters:,.2g}"),
        ("loss of the last step", "" if last["loss"] is None else f"{last['loss']:.3f}"),
        ("seconds", f"{last['seconds']:,.0f}"),
    ]
    if trained.resumed_at:
        rows.append(("gone on with from step", f"{trained.resumed_at:,}"))
    return Table(("", "value"), tuple(rows))
