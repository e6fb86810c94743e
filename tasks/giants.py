"""Documents of more tokens than a mixture takes in one piece, cut at paragraphs.

Passages are the document, in order, with nothing left out. Each ends at the best limit within the
last quarter of the text that its tokens reach, as those of :mod:`tasks.replay.passages` do: a
paragraph, else a line, a sentence, white space, else anywhere between two code points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from tasks.replay import passages

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.tokens import Tokenizer


class Passage(NamedTuple):
    """A part of a text, in code points, and its ids as a text of its own."""

    start: int
    end: int
    ids: NDArray[np.int32]


def cut(text: str, tokenizer: Tokenizer, *, most: int) -> list[Passage]:
    """Return the passages of a text, each of at most ``most`` tokens; white space may have none."""
    starts = tokenizer.places(text)
    found, at = list[Passage](), 0
    while at < len(text):
        passage = _next(text, at, tokenizer, most=most, reach=_reach(starts, at, most, len(text)))
        found.append(passage)
        at = passage.end
    return found


def _reach(starts: NDArray[np.int64], at: int, most: int, end: int) -> int:
    """Return up to where ``most`` tokens of the whole text go, from a place on."""
    last = int(np.searchsorted(starts, at)) + most
    return int(starts[last]) if last < len(starts) else end


def _next(text: str, at: int, tokenizer: Tokenizer, *, most: int, reach: int) -> Passage:
    """Return the passage that begins at a place.

    Its tokens are counted in it alone, which at its limits may be more than they were in the whole:
    then it is cut shorter.
    """
    room = max(1, reach - at)
    while True:
        end = at + _limit(text[at : at + room + 1], room)
        ids = tokenizer.encoded([text[at:end]]).values
        if len(ids) <= most or end == at + 1:
            return Passage(at, end, ids)
        room = max(1, min(end - at - 1, (end - at) * most // len(ids)))


def _limit(text: str, room: int) -> int:
    """Return where a text that has no more room than this ends, in code points."""
    if len(text) <= room:
        return len(text)
    if room < passages.LEAST_MOST:
        return room
    found = passages.cut(pa.array([text], pa.large_string()), most=room)
    return int(found.ends[0])
