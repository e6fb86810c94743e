"""Personal data and secrets in one pass over the bytes. See the package for the definitions.

Import it through :func:`tasks.compiled.load`, which says where the machine code lies.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from schemas.masking import KINDS
from tasks.signals.pii.addresses import email, ipv4, ipv6
from tasks.signals.pii.characters import plain
from tasks.signals.pii.checked import card, iban
from tasks.signals.pii.keys import assigned, private_key, token, web_token
from tasks.signals.pii.phones import FIELDS, american, cued, french, international
from tasks.signals.pii.tables import (
    ANCHORS,
    ASSIGN,
    AT,
    COLON,
    DASHES,
    DIGIT,
    KEY,
    MARKS,
    PLUS,
    RUN,
    UPPER,
    WEB_TOKEN,
)

# Of a plain number that is passed on, Numba compiles a version for each.
INT: Any = np.int64
ZERO = INT(0)
SECRET, IBAN, CARD, IP, EMAIL, PHONE = (INT(kind) for kind in range(len(KINDS)))
START, END, KIND = range(3)
SCRATCH = 64
"""Digits of one number, and more than any has."""


@njit(cache=True, nogil=True)
def find(data: Any, offsets: Any, counts: Any) -> Any:
    """Return start and end in code points, and kind, of all finds; ``counts`` of each text."""
    spans, total = np.empty((64, 3), np.int32), ZERO
    finds = np.empty((64, 3), np.int64)
    digits, found = np.zeros(SCRATCH, np.int64), np.zeros(FIELDS, np.int64)
    for row in range(len(offsets) - 1):
        text = data[offsets[row] : offsets[row + 1]]
        n, finds = _scan(text, finds, digits, found)
        n = _settle(finds, n)
        if total + n > len(spans):
            spans = _grown(spans, 2 * (total + n))
        _count_characters(text, finds, n, spans, total)
        counts[row] = n
        total += n
    return spans[:total]


@njit(cache=True, nogil=True)
def _grown(rows: Any, size: int) -> Any:
    larger = np.empty((size, rows.shape[1]), rows.dtype)
    for k in range(len(rows)):  # a copy of slices takes long to compile
        for field in range(rows.shape[1]):
            larger[k, field] = rows[k, field]
    return larger


@njit(cache=True, nogil=True)
def _add(finds: Any, n: int, span: tuple[int, int], kind: int) -> int:
    """Write a find down, if it is one; return how many there are."""
    if span[1] <= span[0]:
        return n
    finds[n, START], finds[n, END], finds[n, KIND] = span[0], span[1], kind
    return n + 1


@njit(cache=True, nogil=True)
def _scan(text: Any, finds: Any, digits: Any, found: Any) -> Any:
    """Find everything in a text, in about its order; return how much, and where it stands."""
    end, at, n = len(text), ZERO, ZERO
    while at < end:
        while at < end and ANCHORS[text[at]] == 0:  # nearly all of a text
            at += 1
        if at == end:
            break
        what = ANCHORS[text[at]]
        if n + 16 > len(finds):
            finds = _grown(finds, 2 * len(finds))
        if what & RUN:
            last = at + 1
            while last < end and ANCHORS[text[last]] & RUN:
                last += 1
            n = _number(text, at, last, finds, n, digits, found)
            at = last
            continue
        if what & AT:
            n = _add(finds, n, email(text, at), EMAIL)
        if what & PLUS:
            n = _add(finds, n, international(text, at, digits, found), PHONE)
        if what & COLON:
            n = _add(finds, n, ipv6(text, at), IP)
        if what & ASSIGN:
            n = _add(finds, n, assigned(text, at), SECRET)
        if what & DASHES:
            n = _add(finds, n, private_key(text, at), SECRET)
        if what & KEY:
            n = _add(finds, n, token(text, at), SECRET)
        if what & WEB_TOKEN:
            n = _add(finds, n, web_token(text, at), SECRET)
        at += 1
    return n, finds


@njit(cache=True, nogil=True)
def _number(text: Any, start: int, end: int, finds: Any, n: int, digits: Any, found: Any) -> int:
    """Look at what the digits ``text[start:end]`` begin; return how many finds there are."""
    size = end - start
    if start >= 2 and size >= 2:
        if MARKS[text[start - 1]] & UPPER and MARKS[text[start - 2]] & UPPER:
            n = _add(finds, n, iban(text, start - 2, digits), IBAN)
    code, following = plain(text, end)
    more = following < len(text) and (MARKS[text[following]] & DIGIT or text[following] == 40)
    if size <= 3 and code == 46:
        n = _add(finds, n, ipv4(text, start), IP)
    if 13 <= size <= 19 or (size == 4 and more):
        n = _add(finds, n, card(text, start, end, digits), CARD)
    opened = start > 0 and text[start - 1] == 40
    if (size == 3 and (code == 45 or code == 46)) or (size == 1 and text[start] == 49 and more):
        n = _add(finds, n, american(text, start, digits), PHONE)
    elif size == 2 and text[start] == 48 and more:
        n = _add(finds, n, french(text, start), PHONE)
    elif size == 3 and opened and code == 41:
        n = _add(finds, n, american(text, start - 1, digits), PHONE)
    if more or code == 40 or code == 41 or size >= 7:
        n = _add(finds, n, cued(text, start, digits, found), PHONE)
        if opened:
            n = _add(finds, n, cued(text, start - 1, digits, found), PHONE)
    return n


@njit(cache=True, nogil=True)
def _settle(finds: Any, n: int) -> Any:
    """Sort finds by their start and make one of those that overlap; return how many are left."""
    for i in range(1, n):  # they are nearly sorted
        k = i
        start, end, kind = finds[i, START], finds[i, END], finds[i, KIND]
        while k > 0 and finds[k - 1, START] > start:
            for field in (START, END, KIND):
                finds[k, field] = finds[k - 1, field]
            k -= 1
        finds[k, START], finds[k, END], finds[k, KIND] = start, end, kind
    left, longest = ZERO, ZERO
    for i in range(n):
        start, end, kind = finds[i, START], finds[i, END], finds[i, KIND]
        if left == 0 or start >= finds[left - 1, END]:
            finds[left, START], finds[left, END], finds[left, KIND] = start, end, kind
            left, longest = left + 1, end - start
            continue
        finds[left - 1, END] = max(finds[left - 1, END], end)
        size = end - start
        if size > longest or (size == longest and kind < finds[left - 1, KIND]):
            longest, finds[left - 1, KIND] = size, kind
    return left


@njit(cache=True, nogil=True)
def _count_characters(text: Any, finds: Any, n: int, spans: Any, first: int) -> None:
    """Write finds down with their places in code points instead of bytes."""
    characters = at = 0
    for k in range(n):
        for edge in (START, END):
            while at < finds[k, edge]:
                characters += text[at] & 0xC0 != 0x80
                at += 1
            spans[first + k, edge] = characters
        spans[first + k, KIND] = finds[k, KIND]
