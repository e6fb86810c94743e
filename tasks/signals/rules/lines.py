"""The rules that speak of lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tasks import characters
from tasks.signals.rules import names
from tasks.signals.rules.fields import (
    C4_LINES,
    C4_SENTENCES,
    COMMENT_LINES,
    COUNTER_LINES,
    DIGIT_LINES,
    ELLIPSIS_LINES,
    FEW_WORD_LINES,
    FLAGGED_WORDS,
    GENERATED_MARKS,
    JAVASCRIPT_LINES,
    L_CHARS,
    L_DIGITS,
    L_FROM,
    L_LAST,
    L_LONG_WORD,
    L_SENTENCES,
    L_SOLID,
    L_TO,
    L_UPPER,
    L_WORD,
    L_WORDS,
    LINE_CHARACTERS,
    LOREM,
    ONE_WORD_LINES,
    P_COMMENT,
    P_COUNTED,
    P_GENERATED,
    P_JAVASCRIPT,
    P_LOREM,
    P_POLICY,
    POLICY_LINES,
    PUNCTUATED_LINES,
    SHORT_LINES,
    TERMINAL_LINES,
    UPPER_LINES,
    W_FROM,
    W_TO,
)
from tasks.signals.rules.scan import lower

TERMINAL, QUOTE = characters.TERMINAL, characters.QUOTE
FEW_WORDS, SHORT_LINE = names.FEW_WORDS, names.SHORT_LINE
GENERATED_WITHIN_LINES = names.GENERATED_WITHIN_LINES
WINDOW = names.WINDOW


@njit(cache=True, nogil=True)
def starts_with(text: Any, at: int, end: int, phrases: Any, first: int, last: int) -> bool:
    """Tell whether ``text[at:end]`` begins with ``phrases[first:last]``."""
    if end - at < last - first:
        return False
    for k in range(last - first):
        if lower(text[at + k]) != phrases[first + k]:
            return False
    return True


@njit(cache=True, nogil=True)
def find(
    text: Any,
    at: int,
    end: int,
    skips: Any,
    phrases: Any,
    phrase_from: Any,
    kind_from: Any,
    hits: Any,
) -> None:
    """Count by kind the phrases in ``text[at:end]``, after Wu and Manber (TR 94-17, Arizona, 1994).

    ``skips`` says of two bytes how far behind them the window, as long as the shortest phrase, may
    end at the earliest if a phrase begins with it.
    """
    k = at + WINDOW - 1
    while k < end:
        skip = skips[(np.int64(text[k - 1]) << 8) | np.int64(text[k])]
        if skip:
            k += skip
            continue
        begin = k - WINDOW + 1
        for kind in range(P_GENERATED + 1):
            for p in range(kind_from[kind], kind_from[kind + 1]):
                hits[kind] += starts_with(
                    text, begin, end, phrases, phrase_from[p], phrase_from[p + 1]
                )
        k += 1


@njit(cache=True, nogil=True)
def is_counter(
    text: Any, line: Any, words: Any, phrases: Any, phrase_from: Any, kind_from: Any
) -> bool:
    """Tell whether a line is a number and what it counts: ``3 likes``, ``1.2K Views``."""
    if line[L_WORDS] != 2:
        return False
    at, end = words[line[L_WORD], W_FROM], words[line[L_WORD], W_TO]
    if not 48 <= text[at] <= 57:
        return False
    suffix = lower(text[end - 1])
    if suffix in (107, 109, 98):  # k m b
        end -= 1
    for k in range(at, end):
        if not (48 <= text[k] <= 57 or text[k] == 44 or text[k] == 46):
            return False
    at, end = words[line[L_WORD] + 1, W_FROM], words[line[L_WORD] + 1, W_TO]
    while end > at and not 97 <= lower(text[end - 1]) <= 122:
        end -= 1
    for p in range(kind_from[P_COUNTED], kind_from[P_COUNTED + 1]):
        if phrase_from[p + 1] - phrase_from[p] == end - at:
            if starts_with(text, at, end, phrases, phrase_from[p], phrase_from[p + 1]):
                return True
    return False


@njit(cache=True, nogil=True)
def judge_lines(
    text: Any,
    lines: Any,
    n_lines: int,
    words: Any,
    phrases: Any,
    phrase_from: Any,
    kind_from: Any,
    skips: Any,
    hits: Any,
    out: Any,
) -> None:
    """Count the lines that each rule speaks of."""
    for n in range(n_lines):
        line = lines[n]
        at, end = line[L_FROM], line[L_TO]
        dotted = (
            end - at >= 3 and text[end - 1] == 46 and text[end - 2] == 46 and text[end - 3] == 46
        )
        ellipsis = dotted or (
            end - at >= 3
            and text[end - 1] == 0xA6
            and text[end - 2] == 0x80
            and text[end - 3] == 0xE2
        )
        punctuated = line[L_LAST] & (TERMINAL | QUOTE) != 0
        terminal = punctuated and not dotted
        for kind in range(P_GENERATED + 1):
            hits[kind] = 0
        find(text, at, end, skips, phrases, phrase_from, kind_from, hits)
        few = line[L_WORDS] < FEW_WORDS
        out[LINE_CHARACTERS] += line[L_CHARS]
        out[ELLIPSIS_LINES] += ellipsis
        out[SHORT_LINES] += line[L_CHARS] <= SHORT_LINE
        out[PUNCTUATED_LINES] += punctuated
        out[TERMINAL_LINES] += terminal
        out[FEW_WORD_LINES] += few
        out[JAVASCRIPT_LINES] += hits[P_JAVASCRIPT] > 0
        out[POLICY_LINES] += hits[P_POLICY] > 0
        out[LOREM] += hits[P_LOREM]
        if n < GENERATED_WITHIN_LINES:
            out[GENERATED_MARKS] += hits[P_GENERATED]
        out_of_c4 = few or hits[P_JAVASCRIPT] > 0 or hits[P_POLICY] > 0 or line[L_LONG_WORD] != 0
        if terminal and not out_of_c4:
            out[C4_LINES] += 1
            out[C4_SENTENCES] += line[L_SENTENCES]
        upper = line[L_UPPER] * 2 > line[L_SOLID]
        digits = line[L_DIGITS] == line[L_SOLID]
        one = line[L_WORDS] == 1
        counter = 48 <= text[at] <= 57 and is_counter(
            text, line, words, phrases, phrase_from, kind_from
        )
        out[UPPER_LINES] += upper
        out[DIGIT_LINES] += digits
        out[ONE_WORD_LINES] += one
        out[COUNTER_LINES] += counter
        if upper or digits or one or counter:
            out[FLAGGED_WORDS] += line[L_WORDS]
        if not 97 <= lower(text[at]) <= 122:  # no mark of a comment begins with a letter
            for p in range(kind_from[P_COMMENT], kind_from[P_COMMENT + 1]):
                if starts_with(text, at, end, phrases, phrase_from[p], phrase_from[p + 1]):
                    out[COMMENT_LINES] += 1
                    break
