"""Licences of a mixture and the lists that it was freed by: for the report, and for its card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schemas.section import Section, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_STATED: Final = "not stated"
DIGITS: Final = 12
"""Of a digest that are shown."""


def section(rights: Mapping[str, Any]) -> Section:
    """Return documents and tokens by licence; ``rights``: what :func:`tasks.rights.told` gives."""
    rows = tuple(
        (source, one["license"] or NOT_STATED, one["documents"], one["tokens"])
        for source, some in rights["licenses"].items()
        for one in some
    )
    header = ("source", "licence", "documents", "tokens")
    text = f"Of both splits, by SPDX name where a licence is recognised. {opt_out(rights)}"
    return Section("Licences of the mixture", text, Table(header, rows))


def opt_out(rights: Mapping[str, Any]) -> str:
    """Return which lists documents were held against: a sentence for the card, too."""
    lists = rights["opt_out"]
    if not lists:
        return "No opt-out list was given; records that say so themselves were left out."
    told = (
        f"{kind} ({one['entries']:,} entries, digest {one['digest'][:DIGITS]})"
        for kind, one in lists.items()
    )
    return f"Held against opt-out lists of {', '.join(told)}."
