"""The command ``openmoat advise``: how much replay. It reads, and does not start Prefect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Optional

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.advice import Advice, Curve
    from schemas.section import Section
    from tasks.replay.advice import Question

SHARES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5)
Files = Annotated[
    Optional[list[str]],  # noqa: UP045  (Typer evaluates it)
    typer.Option(help="A file, a folder or a glob; again for more.", show_default=False),
]
Number = Optional[int]  # noqa: UP045  (as above)


def advise(
    new: Files = None,
    replay: Files = None,
    shift: Annotated[
        Optional[Literal["weak", "domain", "language"]],  # noqa: UP045  (as above)
        typer.Option(help="How far new data is from old, where you know.", show_default="measured"),
    ] = None,
    pilots: Annotated[
        Optional[str],  # noqa: UP045  (as above)
        typer.Option(
            help="Losses of short runs (.csv, .toml, .json): replay_share, old_loss, new_loss.",
            show_default=False,
        ),
    ] = None,
    tolerance: Annotated[
        Optional[float],  # noqa: UP045  (as above)
        typer.Option(help="Rise of the old loss that will do, nats a token.", show_default=False),
    ] = None,
    *,
    old_loss: Annotated[
        Optional[float],  # noqa: UP045  (as above)
        typer.Option(help="The base's old loss before training.", show_default=False),
    ] = None,
    new_tokens: Annotated[
        Number, typer.Option(min=1, help="Tokens of new data.", show_default=False)
    ] = None,
    replay_tokens: Annotated[
        Number, typer.Option(min=1, help="Unique tokens of replay.", show_default=False)
    ] = None,
    max_epochs: Annotated[
        float, typer.Option(help="Times that a token of replay may be seen.")
    ] = 4.0,
    allow_many_epochs: Annotated[
        bool, typer.Option("--allow-many-epochs", help="Let --max-epochs be above 16.")
    ] = False,
    new_field: Annotated[str, typer.Option(help="Field of the text of new data.")] = "text",
    replay_field: Annotated[str, typer.Option(help="Field of the text of replay.")] = "text",
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object as the last line.")
    ] = False,
) -> None:
    """Advise how much replay: by the shift, by published curves, or by pilots of your own."""
    from flows import terminal
    from schemas.advice import Shift
    from schemas.errors import ConfigError
    from tasks import advising
    from tasks.replay.advice import Question, advise

    if bool(new) != bool(replay):
        raise ConfigError(
            "--replay" if new else "--new",
            got="nothing",
            wanted="both new data and replay, or neither",
            way_out="Name both, or say how far they are apart with --shift.",
        )
    sides = advising.Sides(new or (), replay or (), new_field, replay_field)
    asked = Question(
        shift=None if shift is None else Shift(shift),
        measured=advising.distance(sides) if new else None,
        tolerance=tolerance,
        new_tokens=new_tokens,
        replay_tokens=replay_tokens,
        pilots=advising.pilots(pilots) if pilots is not None else (),
        base_loss=old_loss,
        epochs=max_epochs,
        many_epochs=allow_many_epochs,
    )
    found = advise(asked)
    if json:
        terminal.print_json(found.model_dump(mode="json"))
    else:
        terminal.show_sections(_sections(found, asked))


def _sections(found: Advice, asked: Question) -> Iterator[Section]:
    from schemas.section import Section, Table

    said = "none" if found.share is None else f"{found.share:.2%}"
    yield Section(f"Share of replay: {said}", found.because)
    if found.measured is not None:
        one = found.measured
        rows = (
            ("words and pairs, a side", one.features),
            ("documents of new data, of replay", f"{one.documents[0]:,}, {one.documents[1]:,}"),
            ("divergence, bits", f"{one.js:.4f}"),
            ("of replay with itself", f"{one.floor:.4f}"),
            ("languages differ by", f"{one.language_tv:.1%}"),
        )
        title = f"Shift: {found.shift.value if found.shift else 'not told'}"
        yield Section(title, f"Measured: {one.rule}.", Table(("fact", "figure"), rows))
    header = ("rise of the old loss by", *(f"{share:.0%}" for share in SHARES), "f0", "k", "c",
              "off by", "new loss pays")  # fmt: skip
    yield Section(
        "Curves",
        "f0 / (1 + (r / k)^c), nats a token; the new loss pays -q log(1 - r), shown at 10 %.",
        Table(header, tuple(_row(curve) for curve in found.curves)),
    )
    if found.repetition is not None:
        again = found.repetition
        yield Section(
            "Repetition",
            f"{again.wanted:,} tokens of replay are wanted and {again.unique:,} are there: each is "
            f"seen {again.epochs:.2f} times, and worth {again.worth:.0%} of a fresh one. "
            f"{asked.epochs:g} times are reached at a share of {again.cap:.2%}.",
        )
    yield Section("To mind", "\n".join(f"- {warning}" for warning in found.warnings))


def _row(curve: Curve) -> tuple[str, ...]:
    from math import log

    paid = "-" if curve.cost is None else f"{-curve.cost * log(0.9):.3f}"
    error = "-" if curve.error is None else f"{curve.error:.3f}"
    rises = (f"{curve.rise(share):.3f}" for share in SHARES)
    numbers = (f"{curve.f0:.3g}", f"{curve.k:.2%}", f"{curve.c:.2f}")
    return (curve.name, *rises, *numbers, error, paid)
