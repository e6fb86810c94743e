"""Numbers with a check digit. Import it through :func:`tasks.compiled.load`, as the kernel is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tasks.signals.pii import names
from tasks.signals.pii.characters import ends_with_any, plain, plain_before
from tasks.signals.pii.tables import (
    ALNUM,
    CARD_BEFORE,
    CARD_CUES,
    CARD_SHAPES,
    CARDS,
    DIGIT,
    IBAN_OF,
    IBAN_SHAPES,
    MARKS,
)

INT: Any = np.int64
LONGEST_CARD = 19
CARD_CUE_WINDOW, CARD_LEAST_DIFFERENT = names.CARD_CUE_WINDOW, names.CARD_LEAST_DIFFERENT
SHORTEST_CARD = 13


@njit(cache=True, nogil=True)
def _is_card(digits: Any, n: int) -> bool:
    """Tell whether ``n`` digits have an issuer's prefix and Luhn's check digit."""
    total, different, seen = 0, 0, 0
    for k in range(n):
        digit = digits[n - 1 - k] + 0
        different += not (seen >> digit) & 1
        seen |= 1 << digit
        if k % 2:
            digit *= 2
        total += digit - 9 if digit > 9 else digit
    if total % 10 or different < CARD_LEAST_DIFFERENT:
        return False
    for row in range(len(CARDS)):
        low, high, size, length = CARDS[row]
        if length == n:
            prefix = 0
            for k in range(size):
                prefix = 10 * prefix + digits[k]
            if low <= prefix <= high:
                return True
    return False


@njit(cache=True, nogil=True)
def _may_end(text: Any, at: int) -> bool:
    code, following = plain(text, at)
    if code == 0 or code >= 0x80:
        return True
    if MARKS[code] & ALNUM or code == 95:
        return False
    beyond = following < len(text) and MARKS[text[following]] & DIGIT != 0
    return not (beyond and code in (46, 44, 47, 45))


@njit(cache=True, nogil=True)
def _four_follow(text: Any, at: int) -> bool:
    """Tell whether a space or hyphen and a group of just four digits follow."""
    code, at = plain(text, at)
    if code != 32 and code != 45:
        return False
    n = 0
    while n < 5 and at + n < len(text) and MARKS[text[at + n]] & DIGIT:
        n += 1
    return n == 4


@njit(cache=True, nogil=True)
def card(text: Any, start: int, end: int, digits: Any) -> tuple[int, int]:
    """Return where a number begins and ends whose first digits are ``text[start:end]``, or (0, 0).

    Of several the longest.
    """
    code, place = plain_before(text, start)
    if 0 < code < 0x80 and MARKS[code] & CARD_BEFORE:
        return 0, 0
    if SHORTEST_CARD <= end - start <= LONGEST_CARD:
        for k in range(start, end):
            digits[k - start] = text[k] - 48
        if _may_end(text, end) and _is_card(digits, end - start) and _is_announced(text, start):
            return start, end
        return 0, 0
    if code == 32 and place > 0 and MARKS[text[place - 1]] & DIGIT:
        return 0, 0
    for row in range(len(CARD_SHAPES)):
        last = _shaped(text, start, CARD_SHAPES[row], digits)
        if last > 0:
            return start, last
    return 0, 0


@njit(cache=True, nogil=True)
def _is_announced(text: Any, start: int) -> bool:
    """Tell whether a word about cards stands shortly before."""
    at, characters = start, 0
    while at > 0 and characters < CARD_CUE_WINDOW:
        at -= 1
        characters += text[at] & 0xC0 != 0x80
    for end in range(at + 1, start + 1):
        if ends_with_any(text, at, end, CARD_CUES):
            return True
    return False


@njit(cache=True, nogil=True)
def _shaped(text: Any, start: int, shape: Any, digits: Any) -> int:
    """Return where a number ends whose groups have the sizes of ``shape``, or 0."""
    at, n, divider, group = start, INT(0), 0, 0
    while shape[group]:
        if group:
            code, at = plain(text, at)
            if (code != 32 and code != 45) or (group > 1 and code != divider):
                return 0
            divider = code
        for _ in range(shape[group]):
            if at >= len(text) or not MARKS[text[at]] & DIGIT:
                return 0
            digits[n] = text[at] - 48
            n += 1
            at += 1
        group += 1
    if not _may_end(text, at) or _four_follow(text, at):
        return 0
    return at if _is_card(digits, n) else 0


@njit(cache=True, nogil=True)
def iban(text: Any, start: int, digits: Any) -> tuple[int, int]:
    """Return where a number begins and ends whose two letters are at ``start``, or (0, 0)."""
    row = IBAN_OF[(text[start] - 65) * 26 + text[start + 1] - 65]
    if row < 0:
        return 0, 0
    if start > 0 and (MARKS[text[start - 1]] & ALNUM or text[start - 1] == 95):
        return 0, 0
    shape = IBAN_SHAPES[row]
    for grouped in (False, True):
        end = _matching(text, start, shape, digits, grouped)
        if end > 0:
            return start, end
    return 0, 0


@njit(cache=True, nogil=True)
def _matching(text: Any, start: int, shape: Any, digits: Any, grouped: bool) -> int:
    """Return where a number of this shape ends, with or without its spaces, or 0."""
    at, n = start, 0
    while shape[n]:
        if grouped and n and n % 4 == 0:
            code, at = plain(text, at)
            if code != 32:
                return 0
        if at >= len(text) or not MARKS[text[at]] & shape[n]:
            return 0
        digits[n] = text[at] - 48 if text[at] < 65 else text[at] - 55
        n += 1
        at += 1
    if at < len(text) and (MARKS[text[at]] & ALNUM or text[at] == 95):
        return 0
    rest = 0
    for k in range(n):
        value = digits[(k + 4) % n] + 0
        rest = (rest * (100 if value > 9 else 10) + value) % 97
    check = 10 * digits[2] + digits[3]
    return at if rest == 1 and 2 <= check <= 98 else 0
