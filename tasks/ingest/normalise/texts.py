"""All that is done to a text, in the order that makes sense, until nothing changes any more."""

from __future__ import annotations

import unicodedata
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from tasks.ingest.normalise.boilerplate import without_lines
from tasks.ingest.normalise.controls import (
    CONTROLS,
    is_plain,
    line_feeds,
    suspects,
    with_returns_folded,
    without_controls,
)
from tasks.ingest.normalise.entities import without_entities
from tasks.ingest.normalise.front_matter import without_front_matter
from tasks.ingest.normalise.invisible import without_zero_width
from tasks.ingest.normalise.lookalikes import without_lookalikes
from tasks.ingest.normalise.marks import with_marks_in_order
from tasks.ingest.normalise.repair import lost, repaired

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from schemas.normalisation import NormaliseConfig

    Step = Callable[[str], tuple[str, int]]

MAX_ROUNDS: Final = 8
NOTHING: Final[frozenset[str]] = frozenset()


class Normalised(NamedTuple):
    """A text, what was changed (characters of the text before, a kind), the front matter taken."""

    text: str
    changes: dict[str, int]
    front_matter: tuple[dict[str, Any], ...] = ()


def normalise(
    text: str, config: NormaliseConfig | None = None, repeated: AbstractSet[str] = NOTHING
) -> Normalised:
    r"""Return the text with ``\n`` as line end, without control characters, in Unicode NFC.

    Beyond that what ``config`` asks for, and without the lines ``repeated``. Line ends are no
    change. Normalising the result again changes nothing: what was asked for is done until nothing
    changes any more, because one step can lay bare what another one is there for. A text that is
    not done after :data:`MAX_ROUNDS` rounds was built to be so, and gets what every text gets.
    """
    changes: dict[str, int] = {}
    if not repeated and not _asks(config):
        return Normalised(_basic(text, changes), changes)
    steps = _steps(config, repeated)
    front = config is not None and config.front_matter
    given, fronts = text, []
    for _ in range(MAX_ROUNDS):
        before, text = text, with_returns_folded(text)
        taken, rest = without_front_matter(text) if front else (None, text)
        if taken is not None:
            fronts.append(taken)
            _count(changes, "front_matter", len(text) - len(rest))
        text = _round(rest, steps, changes)
        if text == before:
            return Normalised(text, changes, tuple(fronts))
    # Not what was reached so far: normalised again, that would go on changing.
    changes = {}
    return Normalised(_basic(given, changes), changes)


class NormalisedTexts(NamedTuple):
    """A batch: columns ``text`` and ``changes`` of documents; front matter by row where any was."""

    text: pa.Array
    changes: pa.Array
    front_matter: dict[int, tuple[dict[str, Any], ...]]


def normalise_texts(
    texts: Sequence[str],
    config: NormaliseConfig | None = None,
    repeated: AbstractSet[str] = NOTHING,
) -> NormalisedTexts:
    """:func:`normalise` for a batch; one look at all of it tells the texts that need nothing."""
    column = pa.array(texts, pa.large_string())
    if not repeated and not _asks(config):
        needed = suspects(column)
        done = {row: _suspected(texts[row], needed[row]) for row in np.flatnonzero(needed).tolist()}
    else:
        done = {row: normalise(text, config, repeated) for row, text in enumerate(texts)}
    if other := {row: found.text for row, found in done.items() if found.text != texts[row]}:
        mask = np.zeros(len(texts), np.bool_)
        mask[list(other)] = True
        new = pa.array(other.values(), pa.large_string())
        column = pc.replace_with_mask(column, pa.array(mask), new)
    changes: list[str | None] = [None] * len(texts)
    for row, found in done.items():
        changes[row] = changes_json(found.changes)
    fronts = {row: found.front_matter for row, found in done.items() if found.front_matter}
    return NormalisedTexts(column, pa.array(changes, pa.string()), fronts)


def _suspected(text: str, needed: int) -> Normalised:
    changes: dict[str, int] = {}
    return Normalised((_basic if needed & CONTROLS else _composed)(text, changes), changes)


def _asks(config: NormaliseConfig | None) -> bool:
    """Whether anything is asked for but boilerplate, which comes as lines."""
    return config is not None and any(on is True for _, on in config)


def changes_json(changes: dict[str, int]) -> str | None:
    """Return what ``documents.changes`` holds: null where nothing was changed."""
    return orjson.dumps(changes, option=orjson.OPT_SORT_KEYS).decode() if changes else None


def _basic(text: str, changes: dict[str, int]) -> str:
    text = with_returns_folded(text)
    if not is_plain(text):
        text, removed = without_controls(line_feeds(text))
        _count(changes, "controls", removed)
    return _composed(text, changes)


def _composed(text: str, changes: dict[str, int]) -> str:
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text
    composed = unicodedata.normalize("NFC", with_marks_in_order(text))
    _count(changes, "nfc", lost(text, composed))
    return composed


def _steps(
    config: NormaliseConfig | None, repeated: AbstractSet[str]
) -> tuple[dict[str, Step], dict[str, Step]]:
    """Return what is done before controls go, as these are what mojibake is made of, and after."""
    before: dict[str, Step] = {"repair": repaired, "entities": without_entities}
    after: dict[str, Step] = {"zero_width": without_zero_width, "lookalikes": without_lookalikes}
    asked = set() if config is None else {kind for kind, on in config if on is True}
    lines: dict[str, Step] = {"boilerplate": partial(without_lines, repeated=repeated)}
    return (
        {kind: step for kind, step in before.items() if kind in asked},
        {kind: step for kind, step in after.items() if kind in asked} | (lines if repeated else {}),
    )


def _round(
    text: str, steps: tuple[dict[str, Step], dict[str, Step]], changes: dict[str, int]
) -> str:
    before, after = steps
    for kind, step in before.items():
        text, changed = step(text)
        _count(changes, kind, changed)
    text = _basic(text, changes)
    for kind, step in after.items():
        text, changed = step(text)
        _count(changes, kind, changed)
    return text


def _count(changes: dict[str, int], kind: str, characters: int) -> None:
    if characters:
        changes[kind] = changes.get(kind, 0) + characters
