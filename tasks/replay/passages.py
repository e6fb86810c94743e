r"""Documents cut into passages: the unit in which a replay shard is drawn.

**Passage**: up to ``most`` code points. Together the passages of a document are the document, in
order, with nothing left out; a document without text has none. As long as more than ``most`` code
points are left, a passage ends within the last quarter of what it may have (the *window*: from
three quarters of ``most``, rounded down, up to ``most``), at the last of the best limits there:

1. **Paragraph**: behind a blank line, which is ``\n``, other white space or nothing, and ``\n``.
2. **Line**: behind ``\n``.
3. **Sentence**: behind white space that follows a mark which ends sentences, with or without
   quotation marks between them; or behind one that none follows (:data:`UNSPACED_TERMINALS`).
4. **White space**: behind it.
5. **None of them**: at the window's end; never within a code point.

What stands before the window does not matter for its limits. Classes of code points are those of
:mod:`tasks.characters`.

Defined here in plain Python (:func:`limits`); :mod:`tasks.replay.passages_kernel` is what runs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from tasks import characters, compiled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Keys = NDArray[np.uint64]

KERNEL: Final = "tasks.replay.passages_kernel"
MOST: Final = 4_000
"""Code points of a passage. The figures that speak for a shard were measured with these."""
LEAST_MOST: Final = 4
UNSPACED_TERMINALS: Final = "\u3002\uff01\uff1f"
"""Of Chinese and Japanese: full stop, exclamation mark and question mark."""
_LIMITS: Final = (r"\n *\n", r"\n", r"[.1]q*[ \n]+|1", r"[ \n]")
"""Patterns of a text's shape (:func:`_shape`) that end at a limit, the best first."""


class Passages(NamedTuple):
    """Passages of documents, those of a document one after the other.

    - ``texts``: of each (large_string). It shares the memory of the documents.
    - ``documents``: the place of its document among those given.
    - ``starts``, ``ends``: its code points in the document, from and up to but without.
    """

    texts: pa.ChunkedArray
    documents: Ints
    starts: Ints
    ends: Ints

    @property
    def size(self) -> int:
        """How many passages there are."""
        return len(self.documents)


def cut(documents: pa.Array | pa.ChunkedArray, *, most: int = MOST) -> Passages:
    """Cut texts (no nulls) into passages of up to ``most`` code points.

    A text's passages are a function of it only. ValueError for nulls, and for fewer than four code
    points.
    """
    _check(most)
    if documents.null_count:
        raise ValueError("a document without a text: wanted texts only")
    kernel, parts, before = compiled.load(KERNEL), [], 0
    texts = []
    for chunk in compiled.chunks(documents):
        data, offsets = compiled.buffers(chunk)
        found = kernel.cut(data, offsets, most, characters.blocks(), _unspaced())
        owners, starts, ends, places = found
        texts.append(_texts(chunk, places))
        parts.append((owners + before, starts, ends))
        before += len(chunk)
    none = np.zeros(0, np.int64)
    columns = [np.concatenate([none, *column]) for column in zip(*parts, strict=True)]
    owners, starts, ends = columns or [none] * 3
    return Passages(pa.chunked_array(texts, pa.large_string()), owners, starts, ends)


def whole(documents: pa.ChunkedArray) -> Passages:
    """Return each text (no nulls) as one passage, however long it is."""
    lengths = pc.utf8_length(documents).to_numpy().astype(np.int64)
    n = len(documents)
    return Passages(documents, np.arange(n), np.zeros(n, np.int64), lengths)


def _texts(chunk: pa.LargeStringArray, places: Ints) -> pa.LargeStringArray:
    """Return passages as texts, without a copy: they tile the memory of the documents."""
    data = chunk.buffers()[2]
    if data is None or len(places) == 1:
        return pa.array([], pa.large_string())
    return pa.LargeStringArray.from_buffers(len(places) - 1, pa.py_buffer(places), data)


def keys(doc_ids: Sequence[str], passages: Passages) -> Keys:
    """Return two numbers (uint64, ``(n, 2)``) for each passage, by its document's id and its start.

    They tell passages apart, and say in which order they are taken, whatever order they come in.
    """
    hashed = b"".join(xxhash.xxh3_128_digest(one.encode()) for one in doc_ids)
    own = np.frombuffer(hashed, ">u8").astype(np.uint64).reshape(-1, 2)[passages.documents]
    own[:, 1] += passages.starts.astype(np.uint64)
    return own


def limits(text: str, most: int = MOST) -> list[int]:
    """Return where the passages of a text end, in code points, by the definition above."""
    _check(most)
    shape, at, found = _shape(text), 0, []
    while len(text) - at > most:
        first = at + most * 3 // 4
        at = first + _limit(shape[first : at + most])
        found.append(at)
    return [*found, len(text)] if text else []


def _limit(window: str) -> int:
    """Return the last of the best limits within a window."""
    for pattern in _LIMITS:
        behind = re.compile(rf"(?:{pattern})\Z")
        ends = [end for end in range(1, len(window) + 1) if behind.search(window[:end])]
        if ends:
            return ends[-1]
    return len(window)


def _shape(text: str) -> str:
    """Return a letter for each code point, by what matters here."""
    return "".join(map(_kind, text, characters.of(text).tolist()))


def _kind(character: str, classes: int) -> str:
    if character == "\n":
        return "\n"
    if character in UNSPACED_TERMINALS:
        return "1"
    kinds = ((characters.SPACE, " "), (characters.TERMINAL, "."), (characters.QUOTE, "q"))
    return next((kind for bit, kind in kinds if classes & bit), "w")


def _unspaced() -> NDArray[Any]:
    return compiled.read_only(np.array([ord(mark) for mark in UNSPACED_TERMINALS], np.int64))


def _check(most: int) -> None:
    if most < LEAST_MOST:
        raise ValueError(f"passages of up to {most} code points: wanted {LEAST_MOST} or more")
