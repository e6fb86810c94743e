"""What forgetting means, on a page for anybody: the same beginnings, continued by each model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.section import Beside, Excerpt, Section, Table
from tasks.report.experiment import how

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.experiment import Result, Speech, Spoken

TITLE: Final = "What a model forgets"
SHOWN: Final = 2
"""Texts of each domain that are shown whole."""
ENGLISH: Final = "en"
HEAD: Final = ("", "English", "other languages", "code or data", "distinct-1", "distinct-2",
               "distinct-3")  # fmt: skip
OPENING: Final = (
    "A model of {parameters:,} parameters learned old text, and then new text, {new}. Once with "
    "nothing else; once with a part of it replaced by replay from open text, drawn by what is "
    "published of the old data. Below, each goes on with the same beginnings of old texts, which "
    "none of them has seen."
)
MEASURES: Final = (
    "Share of {number} continuations of {length} tokens by language (code and lists of data have "
    "none); distinct-n: how many of their runs of n words are different."
)
LOSSES: Final = "Nats a token on held-out text of each domain: the higher, the more is forgotten."


def sections(
    spoken: Spoken, result: Result, domains: Mapping[str, Mapping[str, float]]
) -> Iterator[Section]:
    """Yield what a page shows. ``domains``: of each model, the loss on each domain."""
    number = len(spoken.real.continuations)
    opening = OPENING.format(parameters=result.parameters, new=" and ".join(result.setting.new))
    measures = MEASURES.format(number=number, length=spoken.length)
    rows = tuple(map(_row, (spoken.real, *spoken.speeches)))
    yield Section("What is forgotten", f"{opening} {measures}", Table(HEAD, rows))
    yield _losses(domains)
    yield Section("Side by side", "Sampled at temperature 1; nothing is picked.",
                  beside=tuple(_beside(spoken)))  # fmt: skip
    yield how(result)


def _losses(domains: Mapping[str, Mapping[str, float]]) -> Section:
    names = list(next(iter(domains.values())))
    rows = tuple(
        (model, *(f"{own[name]:.2f}" for name in names)) for model, own in domains.items()
    )  # fmt: skip
    return Section("Loss by domain", LOSSES, Table(("", *names), rows))


def _row(speech: Speech) -> tuple[str, ...]:
    english, none = (speech.languages.get(lang, 0.0) for lang in (ENGLISH, "und"))
    shares = (english, 1 - english - none, none)
    return (
        speech.model,
        *(f"{abs(share):.0%}" for share in shares),
        *(f"{share:.2f}" for share in speech.distinct),
    )


def _beside(spoken: Spoken) -> Iterator[Beside]:
    seen: dict[str, int] = {}
    for i, real in enumerate(spoken.real.continuations):
        seen[real.source] = seen.get(real.source, 0) + 1
        if seen[real.source] <= SHOWN:
            excerpts = tuple(
                Excerpt(own.model, ((False, own.continuations[i].text),)) for own in spoken.speeches
            )
            yield Beside(real.source, f"{real.prompt} …", excerpts)
