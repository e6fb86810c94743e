"""Views of a mixture: names under which ``datasets`` reads some columns, or some rows, of a folder.

A data card names them in its ``configs:``. The shards are the same for all of them; a view reads
less of them. What they are for is said by :data:`SAID`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from schemas import columns as c
from schemas.mixture import CHAT_ROW, LEARNED, TEXT_ROW

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from schemas.budgets import RowFormat

    Kinds = Mapping[str, Collection[str]]
    """Kinds of rows (:data:`schemas.mixture.TEXT_ROW` …) that each split has, by its name."""

DEFAULT, FULL, CHAT, TEXT = "default", "full", "chat", "text"
SAID: Final = {
    DEFAULT: "what trainers take, and nothing else",
    FULL: "every column: lineage and weights too",
    CHAT: "conversations only, as their turns",
    TEXT: "plain text only",
}


class View(NamedTuple):
    """Columns (all, where none is named) of the rows of a kind (of every one, where it is None)."""

    name: str
    columns: tuple[str, ...]
    kind: str | None
    splits: tuple[str, ...]
    """Those that have such rows; of the others, ``datasets`` would make an empty split."""


def views(row_format: RowFormat, *, packed: bool, kinds: Kinds) -> tuple[View, ...]:
    """Return the views of a mixture, ``default`` first.

    Conversations of ``messages`` and text are two views, as no trainer takes both from two columns
    of which one is always null: there, ``default`` is the conversations if there are any.
    """
    every = tuple(split for split, found in kinds.items() if found)
    full = View(FULL, (), None, every)
    chat, text = (_of_kind(*what, kinds) for what in ((CHAT, CHAT_ROW), (TEXT, TEXT_ROW)))
    apart = tuple(view for view in (chat, text) if view.splits)
    if row_format == "text":
        return View(DEFAULT, (c.TEXT,), None, every), full
    if row_format == "messages":
        return *(view._replace(name=DEFAULT) for view in apart[:1]), full, *apart
    learned = View(DEFAULT, LEARNED, None, every)
    return (learned, full) if packed else (learned, full, *apart)


def _of_kind(name: str, kind: str, kinds: Kinds) -> View:
    column = c.MESSAGES if kind == CHAT_ROW else c.TEXT
    return View(name, (column,), kind, tuple(s for s, found in kinds.items() if kind in found))
