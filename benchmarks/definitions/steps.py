"""From our definition of a filter to another program's, one step at a time.

A filter's steps each put one definition of theirs in the place of ours. Before the first step the
verdict is ours; after the last it has to be theirs. Where the two differ, the step after which the
verdict stays theirs is the cause. What no step explains is counted as unexplained.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from benchmarks.definitions import ours

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

UNEXPLAINED = "unexplained"
Value = float | None


@dataclass
class Document:
    """A text, what we measured of it, and what the other program says and splits it into."""

    text: str
    values: Mapping[str, Value]
    """Our signals by column."""
    theirs: Mapping[str, Any]
    limits: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    """Least and most that is kept, by column."""

    @cached_property
    def words(self) -> ours.Words:
        """Our words."""
        return ours.words_of(self.text)

    @cached_property
    def tokens(self) -> ours.Words:
        """The other program's words."""
        return tuple(self.theirs["words"])

    @cached_property
    def lines(self) -> list[str]:
        """Our lines."""
        return ours.lines_of(self.text)


@dataclass
class State:
    """What a verdict is made of, on the way from our definitions to theirs."""

    values: dict[str, Value]
    limits: dict[str, tuple[float | None, float | None]]

    def broken(self) -> list[str]:
        """Columns that break a rule; a null breaks none."""
        return [
            column
            for column, (least, most) in self.limits.items()
            if (value := self.values.get(column)) is not None
            and ((least is not None and value < least) or (most is not None and value > most))
        ]


@dataclass(frozen=True)
class Step:
    """A definition of theirs, and how it changes what the verdict is made of."""

    cause: str
    apply: Callable[[Document, State], None]


@dataclass(frozen=True)
class Finding:
    """Both verdicts on a document, and why they differ."""

    we_drop: bool
    they_drop: bool
    cause: str | None = None
    rule: str | None = None
    """The first column by which the one that drops it does so."""


def compare(document: Document, steps: Sequence[Step], *, they_drop: bool) -> Finding:
    """Walk the steps; name the last one that changes the verdict."""
    state = State(dict(document.values), dict(document.limits))
    broken = state.broken()
    we_drop, cause, rule = bool(broken), None, None
    for step in steps:
        step.apply(document, state)
        before, broken = broken, state.broken()
        if bool(before) != bool(broken):
            cause, rule = step.cause, (before or broken)[0]
    if bool(broken) != they_drop:
        return Finding(we_drop, they_drop, UNEXPLAINED)
    if we_drop == they_drop:
        return Finding(we_drop, they_drop)
    return Finding(we_drop, they_drop, cause, rule)
