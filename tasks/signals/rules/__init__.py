"""Signals of the published rule sets, from one compiled pass over the text; no thresholds.

What each column is, and where from, stands in :mod:`schemas.signals`. Beyond that:

- a paragraph's characters are those of its lines; two paragraphs are equal if they are so with the
  white space between their lines;
- a sentence ends with a word whose last character is Sentence_Terminal (of any script), other
  punctuation after it aside;
- the phrases and marks that lines are searched for are in :mod:`tasks.signals.rules.names`, the
  stop words in :mod:`tasks.signals.rules.stop_words`.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks import characters, compiled
from tasks.signals.rules import names
from tasks.signals.rules.columns import columns
from tasks.signals.rules.stop_words import ELSE, STOP_WORDS, WORDS

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

MAX_BYTES: Final = 2**31 - 1
"""The kernel counts bytes of one text in 32 bits."""
NO_LIST: Final = len(STOP_WORDS)
"""Number of the list that no word is in."""


def rules(texts: pa.ChunkedArray, languages: pl.Series) -> pl.DataFrame:
    """Measure every rule of ``texts`` (large_string, no nulls), in ``languages``: one row a text.

    A language is an ISO 639 code or ``und``; it decides about stop words only.
    """
    known, numbers = _lists()
    index = pc.index_in(languages.to_arrow(), value_set=known).fill_null(len(known))
    lists = numbers[index.to_numpy()]
    return columns(counts(texts, compiled.read_only(lists)), unlisted=lists == NO_LIST)


def counts(texts: pa.ChunkedArray, lists: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what :data:`names.COUNTS` names of each text: a row a text.

    ``lists`` holds the number of each text's list of stop words, or :data:`NO_LIST`.
    """
    found = np.zeros((len(texts), len(names.COUNTS)), dtype=np.int64)
    tables, row = _tables(), 0
    measure = compiled.load("tasks.signals.rules.kernel").measure
    for chunk in compiled.chunks(texts):
        data, offsets = compiled.buffers(chunk)
        if (longest := int(np.diff(offsets).max(initial=0))) > MAX_BYTES:
            raise ValueError(f"a text of {longest} bytes; wanted at most {MAX_BYTES}: split it")
        rows = slice(row, row + len(chunk))
        measure(data, offsets, lists[rows], *tables, found[rows])
        row += len(chunk)
    return found


@cache
def _lists() -> tuple[pa.Array, NDArray[np.int64]]:
    """Return the languages that have stop words, the number of each one's list, and no list."""
    places = {code: place for place, code in enumerate(STOP_WORDS)}
    places |= {code: places[other] for code, other in ELSE.items()}
    return pa.array(places), np.array([*places.values(), NO_LIST], dtype=np.int64)


@cache
def _tables() -> tuple[np.ndarray[Any, Any], ...]:
    """Return what the kernel looks things up in."""
    kinds = (*names.ANYWHERE, names.COUNTED, names.COMMENT_MARKS)
    phrases = [phrase.encode() for some in kinds for phrase in some]
    ascii_classes = np.zeros(256, dtype=np.uint16)
    ascii_classes[:128] = characters.classes()[:128]
    return (
        *characters.blocks(),
        ascii_classes,
        np.array([ord(bullet) for bullet in names.BULLETS], dtype=np.int64),
        _packed_stop_words(),
        np.frombuffer(b"".join(phrases), np.uint8),
        np.cumsum([0, *map(len, phrases)], dtype=np.int64),
        np.cumsum([0, *map(len, kinds)], dtype=np.int64),
        _skips(),
    )


def _packed_stop_words() -> NDArray[np.int64]:
    """Return the lists, a row each: a word's bytes and a 1 as one number, the first byte lowest."""
    lists = [
        [int.from_bytes(w.encode() + b"\1", "little") for w in some] for some in STOP_WORDS.values()
    ]
    return np.array([*lists, [0] * WORDS], dtype=np.int64)


def _skips() -> NDArray[np.uint8]:
    """Return of every two bytes (the first times 256) how far behind them a window may end."""
    found = np.full(1 << 16, names.WINDOW - 1, dtype=np.uint8)
    for phrase in (phrase for some in names.ANYWHERE for phrase in some):
        for k in range(1, names.WINDOW):
            for pair in product(*({one, one.upper()} for one in phrase[k - 1 : k + 1])):
                first, second = "".join(pair).encode()
                place = first << 8 | second
                found[place] = min(found[place], names.WINDOW - 1 - k)
    return found
