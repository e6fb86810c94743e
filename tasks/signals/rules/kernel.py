"""The rules as one compiled pass over the bytes of each text. See the package for the definitions.

Import it through :func:`tasks.compiled.load`, which says where the machine code lies.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tasks.signals.rules.fields import (
    LINE_FIELDS,
    P_GENERATED,
    ROOM,
    WORD_FIELDS,
)
from tasks.signals.rules.lines import judge_lines
from tasks.signals.rules.repetition import repeat_lines, repeat_words, table_mask
from tasks.signals.rules.scan import scan, units


@njit(cache=True, nogil=True)
def measure(
    data: Any,
    offsets: Any,
    lists: Any,
    starts: Any,
    content: Any,
    ascii_classes: Any,
    bullets: Any,
    stop_words: Any,
    phrases: Any,
    phrase_from: Any,
    kind_from: Any,
    skips: Any,
    counts: Any,
) -> None:
    """Fill ``counts``, a row a text, with what ``names.COUNTS`` names.

    ``lists`` says of each text which row of ``stop_words`` is of its language.
    """
    n_words = n_lines = 1
    for row in range(len(offsets) - 1):
        some_words = some_lines = (offsets[row + 1] - offsets[row]) // 2 + 1
        if some_words > ROOM:  # worth a look at the text
            some_words, some_lines = units(data[offsets[row] : offsets[row + 1]])
        n_words, n_lines = max(n_words, some_words), max(n_lines, some_lines)
    words = np.empty((n_words + 1, WORD_FIELDS), np.int32)
    lines = np.empty((n_lines + 1, LINE_FIELDS), np.int32)
    most = max(n_words, n_lines)
    size = table_mask(most) + 1
    slots, keys = np.empty(size, np.int32), np.empty(size, np.int64)
    ids, times = np.empty(most + 1, np.int32), np.empty(most + 1, np.int32)
    places = np.empty(most + 1, np.int32)
    until = np.empty(n_words + 1, np.int32)
    pairs = np.empty(n_words + 1, np.int64)
    hits = np.zeros(P_GENERATED + 1, np.int32)
    for row in range(len(offsets) - 1):
        text, out = data[offsets[row] : offsets[row + 1]], counts[row]
        out[:] = 0
        own = stop_words[lists[row]]
        n_words, n_lines = scan(
            text, starts, content, ascii_classes, bullets, own, words, lines, out
        )
        judge_lines(text, lines, n_lines, words, phrases, phrase_from, kind_from, skips, hits, out)
        repeat_words(text, words, n_words, slots, keys, ids, times, places, until, pairs, out)
        repeat_lines(text, lines, n_lines, slots, keys, ids, times, out)
