"""Telephone numbers. Import it through :func:`tasks.compiled.load`, as the kernel is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tasks.signals.pii import names
from tasks.signals.pii.characters import last_word, plain, plain_before, without_noise
from tasks.signals.pii.tables import (
    ALNUM,
    CALLING_CODES,
    CUES,
    DIGIT,
    HEX,
    HOPS,
    MARKS,
    NUMBER_BEFORE,
    PLUS_BEFORE,
)

INT: Any = np.int64
LEAST_DIGITS, MOST_DIGITS = names.LEAST_DIGITS, names.MOST_DIGITS
LEAST_UNBROKEN, MOST_NATIONAL = names.LEAST_UNBROKEN, INT(names.MOST_NATIONAL)
ZERO = INT(0)

# What `groups` says of a number: where it ends, digits, groups after the first, digits of the
# first group, what divides it from the second, whether all later ones are three digits after a
# space or a dot, and whether a digit stands in brackets.
END, DIGITS, LATER, FIRST, DIVIDER, THOUSANDS, BRACKETS = range(7)
FIELDS = 7
MOST_READ = 16
"""Digits of one group that are looked at: no number has as many."""


@njit(cache=True, nogil=True)
def _digits(text: Any, at: int, written: Any, have: int) -> tuple[int, int]:
    """Write digits down from ``at`` on; return where they end and how many there are."""
    n = 0
    while at < len(text) and n < MOST_READ and MARKS[text[at]] & DIGIT:
        if have + n < len(written):
            written[have + n] = text[at] - 48
        n += 1
        at += 1
    return at, n


@njit(cache=True, nogil=True)
def _bracketed(text: Any, at: int, written: Any, have: int) -> tuple[int, int]:
    """Read ``(030) 123`` from its bracket on; return where it ends and its digits, or (-1, 0)."""
    at, inside = _digits(text, at + 1, written, have)
    if not 1 <= inside <= 5 or at >= len(text) or text[at] != 41:
        return -1, 0
    code, following = plain(text, at + 1)
    at = following if code == 32 or code == 45 else at + 1
    at, outside = _digits(text, at, written, have + inside)
    return (at, inside + outside) if outside else (-1, 0)


@njit(cache=True, nogil=True)
def _unit(text: Any, at: int, written: Any, have: int) -> tuple[int, int, int, int]:
    """Read a divider and digits: where they end (-1: none), how many, the divider, those outside.

    The divider is a space, hyphen, dot or slash, or a bracket for digits in brackets without one.
    """
    code, following = plain(text, at)
    if code == 40 or (code == 32 and following < len(text) and text[following] == 40):
        opening = at if code == 40 else following
        end, n = _bracketed(text, opening, written, have)
        if end < 0:
            return -1, 0, 0, 0
        outside = 0
        while MARKS[text[end - 1 - outside]] & DIGIT:
            outside += 1
        return end, n, code, outside
    if code not in (32, 45, 46, 47):
        return -1, 0, 0, 0
    end, n = _digits(text, following, written, have)
    return (end, n, code, n) if n else (-1, 0, 0, 0)


@njit(cache=True, nogil=True)
def _groups(text: Any, start: int, most: int, written: Any, found: Any) -> bool:
    """Read groups of at most so many digits from ``start`` on; tell whether they are a number.

    What goes beyond is another number if a space parts it, else this is no telephone number.
    """
    found[BRACKETS] = text[start] == 40
    if found[BRACKETS]:
        at, total = _bracketed(text, start, written, ZERO)
    else:
        at, total = _digits(text, start, written, ZERO)
    if at < 0 or total == 0 or total > most:
        return False
    found[FIRST], found[LATER], found[DIVIDER], found[THOUSANDS] = total, 0, 0, True
    while True:
        end, n, divider, outside = _unit(text, at, written, total)
        if end < 0:
            break
        lonely = found[LATER] > 0 and outside == 1
        if lonely and divider == 45 and total + n <= most:
            # A hyphen and one digit may end a number: an extension.
            lonely = _unit(text, end, written, len(written))[0] >= 0
        if lonely or total + n > most:
            if divider != 32:
                return False
            break
        if found[LATER] == 0:
            found[DIVIDER] = divider
        brackets = divider == 40 or n != outside
        found[BRACKETS] |= brackets
        found[THOUSANDS] &= n == 3 and not brackets and (divider == 32 or divider == 46)
        found[LATER] += 1
        at, total = end, total + n
    found[END], found[DIGITS] = at, total
    return True


@njit(cache=True, nogil=True)
def _may_end(text: Any, at: int) -> bool:
    """Tell whether a number may end here; an extension may follow (``x123``)."""
    code, following = plain(text, at)
    if code == 0 or code >= 0x80:
        return True
    beyond = following < len(text) and MARKS[text[following]] & DIGIT != 0
    if code == 88 or code == 120:
        return beyond
    if MARKS[code] & ALNUM or code in (95, 64, 37):
        return False
    return not (beyond and code in (46, 47, 45, 44))


@njit(cache=True, nogil=True)
def _is_american(digits: Any, start: int) -> bool:
    """North American Numbering Plan, without the numbers of fiction (555-0100 to 555-0199)."""
    for k in (start, start + 3):
        if digits[k] < 2 or (digits[k + 1] == 1 and digits[k + 2] == 1):
            return False
    return not _is_fiction(digits, start)


@njit(cache=True, nogil=True)
def _is_fiction(digits: Any, start: int) -> Any:
    five = digits[start + 3] == 5 and digits[start + 4] == 5 and digits[start + 5] == 5
    return five and digits[start + 6] == 0 and digits[start + 7] == 1


@njit(cache=True, nogil=True)
def _zeros(digits: Any, total: int, n: int) -> bool:
    for k in range(total - n, total):
        if digits[k] != 0:
            return False
    return True


@njit(cache=True, nogil=True)
def _is_a_sum(digits: Any, found: Any) -> bool:
    """Tell a number from a telephone number: short, a decimal, or round thousands."""
    total = found[DIGITS]
    if total < LEAST_DIGITS:
        return True
    if found[LATER] == 0:
        return total < LEAST_UNBROKEN or _zeros(digits, total, ZERO + 4)
    if found[LATER] == 1 and found[DIVIDER] == 46 and not found[BRACKETS]:
        return True
    return found[THOUSANDS] != 0 and _zeros(digits, total, ZERO + 3)


@njit(cache=True, nogil=True)
def international(text: Any, plus: int, digits: Any, found: Any) -> tuple[int, int]:
    """Return where a number begins and ends whose ``+`` is at ``plus``, or (0, 0)."""
    if plus + 1 >= len(text) or not 49 <= text[plus + 1] <= 57:
        return 0, 0
    if plus > 0 and MARKS[text[plus - 1]] & PLUS_BEFORE:
        return 0, 0
    first = text[plus + 1] - 48
    most = 11 if first == 1 or first == 7 else MOST_DIGITS
    if not _groups(text, plus + 1, most, digits, found):
        return 0, 0
    end, total = found[END], found[DIGITS]
    if total < 3 or not _may_end(text, end):
        return 0, 0
    two = 10 * first + digits[1]
    if not (CALLING_CODES[first] or CALLING_CODES[two] or CALLING_CODES[10 * two + digits[2]]):
        return 0, 0
    if first == 1:
        return (plus, end) if total == 11 and _is_american(digits, ZERO + 1) else (0, 0)
    if _is_a_sum(digits, found) or (first == 7 and total != 11):
        return 0, 0
    return plus, end


@njit(cache=True, nogil=True)
def american(text: Any, start: int, digits: Any) -> tuple[int, int]:
    """Return where a number like ``(212) 555-1234`` begins and ends, or (0, 0)."""
    at = start
    code, _ = plain_before(text, start)
    if 0 < code < 0x80 and MARKS[code] & NUMBER_BEFORE:
        return 0, 0
    if text[at] == 49:
        code, at = plain(text, at + 1)
        if code not in (45, 46, 32) or at >= len(text):
            return 0, 0
    divider = 0
    if text[at] == 40:
        at, n = _digits(text, at + 1, digits, ZERO)
        if n != 3 or at >= len(text) or text[at] != 41:
            return 0, 0
        code, following = plain(text, at + 1)
        at = following if code == 32 else at + 1
    else:
        at, n = _digits(text, at, digits, ZERO)
        divider, at = plain(text, at)
        if n != 3 or (divider != 45 and divider != 46):
            return 0, 0
    at, n = _digits(text, at, digits, ZERO + 3)
    code, at = plain(text, at)
    if n != 3 or (code != divider if divider else code not in (45, 46, 32)):
        return 0, 0
    at, n = _digits(text, at, digits, ZERO + 6)
    if n != 4 or not _is_american(digits, ZERO) or not _may_end(text, at):
        return 0, 0
    return start, at


@njit(cache=True, nogil=True)
def french(text: Any, start: int) -> tuple[int, int]:
    """Return where a number like ``01 23 45 67 89`` begins and ends, or (0, 0)."""
    code, place = plain_before(text, start)
    if 0 < code < 0x80 and MARKS[code] & NUMBER_BEFORE:
        return 0, 0
    if code == 32 and place > 1 and MARKS[text[place - 1]] & MARKS[text[place - 2]] & DIGIT:
        return 0, 0
    at, divider, previous, step, even, largest = start, 0, 0, 0, True, 0
    for n in range(5):
        if n:
            code, at = plain(text, at)
            if code not in (32, 45, 46) or (n > 1 and code != divider):
                return 0, 0
            divider = code
        if at + 2 > len(text) or not MARKS[text[at]] & MARKS[text[at + 1]] & DIGIT:
            return 0, 0
        pair = 10 * (text[at] - 48) + text[at + 1] - 48
        if n == 0:
            if not 1 <= pair <= 9:
                return 0, 0
        else:
            step = pair - previous if n == 1 else step
            even &= pair - previous == step
            largest = max(largest, pair)
        previous, at = pair, at + 2
    if largest <= 31 or (even and (step == 0 or step == 1)) or not _may_end(text, at):
        return 0, 0
    code, following = plain(text, at)
    if code == divider and following + 1 < len(text):
        if MARKS[text[following]] & MARKS[text[following + 1]] & HEX:
            return 0, 0
    return start, at


@njit(cache=True, nogil=True)
def _is_national(digits: Any, found: Any) -> Any:
    total = found[DIGITS]
    if (total == 10 or total == 11) and _is_fiction(digits, total - 10):
        return False
    if total >= 9:
        return True
    if total < 7:
        return False
    if digits[0] == 0:
        return True
    if found[LATER] != 1 or found[BRACKETS] or digits[0] < 2:
        return False
    divider = found[DIVIDER]
    if total == 7:
        return found[FIRST] == 3 and (divider == 45 or divider == 46)
    if found[FIRST] != 4 or (divider != 32 and divider != 45):
        return False
    later = 10 * digits[4] + digits[5]
    return not (digits[0] == 2 and digits[1] == 0 and 18 <= later <= 20)


@njit(cache=True, nogil=True)
def _follows_cue(text: Any, start: int) -> Any:
    end = without_noise(text, start)
    hop = last_word(text, end, HOPS)
    if hop >= 0:
        end = without_noise(text, hop)
    return last_word(text, end, CUES) >= 0


@njit(cache=True, nogil=True)
def cued(text: Any, start: int, digits: Any, found: Any) -> tuple[int, int]:
    """Return where a number begins and ends that stands after a word for telephone, or (0, 0)."""
    if not _groups(text, start, MOST_NATIONAL, digits, found):
        return 0, 0
    end = found[END]
    if not _is_national(digits, found) or not _may_end(text, end):
        return 0, 0
    return (start, end) if _follows_cue(text, start) else (0, 0)
