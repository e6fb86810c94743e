"""What a target profile says of a distribution, and how each part of it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.section import Bars, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.profile import Lengths, NGrams, Part, Profile, Quantiles, Share, Shares

TEXT: Final = (
    "What the replay shard is to be like, part by part. Published: its makers print it. Sampled: "
    "counted in a sample of it; intervals go by the effective number of documents. Inferred: "
    "concluded from something else. Unknown: nobody says."
)
NAMES: Final = {"sources": "Target: sources", "languages": "Target: languages"}
SHOWN: Final = 30
"""Rows of a table of shares, at most."""


def sections(told: Profile) -> list[Section]:
    """Return a section of the parts, and one for each that has something to show."""
    rows = tuple((name, *_part(part), _has(part)) for name, part in told.parts().items())
    header = ("part", "how it is known", "from", "effective documents", "what there is")
    notes = "".join(f" {note}" for note in told.notes)
    text = f"{told.title} ({told.kind}). {TEXT}{notes}"
    found = [Section("Target profile", text, Table(header, rows))]
    found += [
        _shares(title, told.parts()[name])
        for name, title in NAMES.items()
        if getattr(told.parts()[name], "shares", None)
    ]
    if told.lengths.levels:
        found.append(_lengths(told.lengths))
    return found


def _part(part: Part) -> tuple[str, str, float | None]:
    return part.provenance, part.basis, None if part.n_eff is None else round(part.n_eff)


def _has(part: Part) -> str:
    """Say in a few words what there is of a part."""
    from schemas.profile import Lengths, NGrams, Shares

    match part:
        case Shares():
            return f"{len(part.shares):,} shares of {part.unit}" if part.shares else "nothing"
        case Lengths():
            return f"quantiles of {part.rows} lengths" if part.levels else "nothing"
        case NGrams():
            return _ngrams(part)
    return "nothing"


def _ngrams(part: NGrams) -> str:
    if part.mean is None:
        return "nothing"
    return f"{part.counted:,} n-grams of up to {part.width} words in {part.buckets:,} buckets"


def _shares(title: str, part: Part) -> Section:
    from schemas.profile import Shares

    assert isinstance(part, Shares)  # noqa: S101  (only these are named)
    every = list(_rows(part))
    left = len(every) - SHOWN
    text = f"Shares of {part.unit}, {part.provenance}: {part.basis}."
    text += f" Intervals of {part.level:.0%}." if part.level is not None else " Without intervals."
    text += f" {left:,} more are in replay/target.json." if left > 0 else ""
    header = ("name", "share", "from", "up to")
    chart = Bars("percent", ("share",), tuple((n, (100 * s,)) for n, s, *_ in every[:SHOWN]))
    rows = tuple((n, *map(_percent, ends)) for n, *ends in every[:SHOWN])
    return Section(title, text, Table(header, rows), chart)


def _rows(part: Shares) -> Iterator[tuple[str, float, float | None, float | None]]:
    every: dict[str, Share] = dict(part.shares)
    if part.other is not None:
        every["(other)"] = part.other
    for name, one in every.items():
        yield name, one.share, one.low, one.high


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.2%}"


def _lengths(part: Lengths) -> Section:
    text = f"Of 100 rows ({part.rows}), so many are up to this long; {part.provenance}."
    if part.cut:
        text += (
            f" {part.cut:.0%} of them end because they were stopped there: these are no lengths "
            "of whole texts."
        )
    measures = {"tokens": part.tokens, "characters": part.characters}
    known = {name: some for name, some in measures.items() if some is not None}
    header = ("of 100 rows", *known, *(f"{name}, interval" for name in known))
    rows = tuple(
        (
            round(100 * level),
            *(some.values[i] for some in known.values()),
            *(_ends(some, i) for some in known.values()),
        )
        for i, level in enumerate(part.levels)
    )
    return Section("Target: lengths", text, Table(header, rows))


def _ends(some: Quantiles, i: int) -> str | None:
    if some.low is None or some.high is None:
        return None
    return f"{some.low[i]:,.0f} to {some.high[i]:,.0f}"
