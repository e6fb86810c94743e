"""What was forgotten, as sections: losses by domain, their means, accuracies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.section import Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.forgetting import Domain, Evals, Forgetting, Loss, Means

LOSSES: Final = (
    "Held-out text under both models: nats a token, each scored once, special ones not counted. "
    "Rise: after less before, with 95 % of resamples of the documents."
)
BYTES: Final = (
    "The same as bits a byte, which tokenizers of other models can be compared by; share of tokens "
    "that come first; the base's predictions under the tuned model (arXiv 2401.05605) over the "
    "base's entropy, which is 0 where nothing changed."
)
MEANS: Final = (
    "Means over domains, each counted once, and the average of old and new loss, as arXiv "
    "2403.08763 prints it."
)
FG: Final = "FG of arXiv 2308.08747: the mean over tasks of (before - after) / before is {}."


def sections(report: Forgetting) -> Iterator[Section]:
    """Yield what a page and the terminal show of it."""
    if report.domains:
        yield Section("Forgetting", _opening(report), _losses(report.domains))
        yield Section("Forgetting: averages", MEANS, _means(report))
        yield Section("Forgetting: bytes and predictions", BYTES, _bytes(report.domains))
    if report.evals is not None:
        yield _evals(report.evals)


def _opening(report: Forgetting) -> str:
    worst = next((one for one in report.domains if one.name == report.worst), None)
    told = []
    if worst is not None:
        told = [f"Worst of old domains: {worst.name}, {_signed(worst.rise_in_bits)} bits a byte."]
    how = (
        f"{report.before} before, {report.after} after; up to {report.most_tokens:,} tokens a "
        f"domain by seed {report.seed}, windows of {report.window:,} by {report.stride:,}."
    )
    return " ".join([*told, LOSSES, how])


def _losses(domains: tuple[Domain, ...]) -> Table:
    header = ("domain", "side", "before", "after", "rise", "95 %", "tokens", "documents", "of")
    rows = [
        (
            one.name,
            one.side,
            _number(one.before.nats_per_token),
            _number(one.after.nats_per_token),
            _signed(one.rise),
            _interval(one),
            one.tokens,
            one.documents,
            one.of_documents,
        )
        for one in domains
    ]
    return Table(header, tuple(rows))


def _bytes(domains: tuple[Domain, ...]) -> Table:
    header = ("domain", "bits/byte before", "after", "rise", "accuracy before", "after",
              "predictions, nats")  # fmt: skip
    rows = [
        (
            one.name,
            _number(one.before.bits_per_byte),
            _number(one.after.bits_per_byte),
            _signed(one.rise_in_bits),
            f"{one.before.accuracy:.1%}",
            f"{one.after.accuracy:.1%}",
            _number(one.cross_entropy - one.entropy),
        )
        for one in domains
    ]
    return Table(header, tuple(rows))


def _means(report: Forgetting) -> Table:
    header = ("", "old", "new", "average", "old, bits/byte", "new", "average")
    both = (("before", report.means_before), ("after", report.means_after))
    return Table(header, tuple((name, *_of_means(means)) for name, means in both))


def _of_means(means: Means) -> tuple[str, ...]:
    def each(loss: Loss | None, name: str) -> str:
        return "" if loss is None else _number(getattr(loss, name))

    some = ("nats_per_token", means.average), ("bits_per_byte", means.average_bits)
    return tuple(
        cell
        for name, average in some
        for cell in (
            each(means.old, name),
            each(means.new, name),
            "" if average is None else _number(average),
        )
    )


def _evals(evals: Evals) -> Section:
    rows = tuple(
        (one.task, one.metric, _number(one.before), _number(one.after), f"{one.forgotten:+.1%}")
        for one in evals.tasks
    )
    text = FG.format(f"{evals.forgotten:.1%}")
    if evals.left_out:
        text += (
            " Left out, without an accuracy in both, with 0 or less before, or measured otherwise: "
            f"{', '.join(evals.left_out)}."
        )
    return Section(
        "Forgetting: evals", text, Table(("task", "metric", "before", "after", "forgotten"), rows)
    )


def _interval(one: Domain) -> str:
    return (
        "" if one.low is None or one.high is None else f"{_signed(one.low)} to {_signed(one.high)}"
    )


def _number(value: float) -> str:
    return f"{value:,.3f}"


def _signed(value: float) -> str:
    return f"{round(value, 3) + 0.0:+,.3f}"  # no -0.000
