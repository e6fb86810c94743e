"""Secrets. Import it through :func:`tasks.compiled.load`, as the kernel is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tasks.signals.pii import names
from tasks.signals.pii.characters import ends_with_any, is_at, lower
from tasks.signals.pii.tables import (
    ALNUM,
    BASE64,
    CHAINS,
    DIGIT,
    FLAG,
    KEY_RULES,
    KEYS,
    LABEL,
    LOWER,
    MARKS,
    PREFIXES,
    TOKEN,
    UPPER,
    VALUE,
    VALUE_AFTER,
)

LONGEST_REPEAT, LONGEST_NAME = names.LONGEST_REPEAT, names.LONGEST_NAME
TOKEN_LEAST_DIFFERENT = names.TOKEN_LEAST_DIFFERENT
VALUE_LEAST, VALUE_MOST = names.VALUE_LEAST, names.VALUE_MOST
VALUE_DIGITS, VALUE_LETTERS = names.VALUE_DIGITS, names.VALUE_LETTERS
VALUE_DIFFERENT = names.VALUE_DIFFERENT
JWT_HEADER, JWT_PAYLOAD, JWT_SIGNATURE = names.JWT_LEAST
PEM_MOST_BYTES = names.PEM_MOST_BYTES
PEM_LEAST_RUN, PEM_LEAST_LINE = names.PEM_LEAST_RUN, names.PEM_LEAST_LINE
PLACEHOLDER = np.frombuffer(names.PLACEHOLDER.encode(), np.uint8)
BEGIN, END, DASHES, PRIVATE_KEY, BLOCK = (
    np.frombuffer(part, np.uint8)
    for part in (b"-----BEGIN ", b"-----END ", b"-----", b"PRIVATE KEY", b" BLOCK")
)
LONGEST_LABEL = 40
"""Characters before ``PRIVATE KEY`` in the line that begins a key."""


@njit(cache=True, nogil=True)
def _run(text: Any, start: int, flags: Any, most: int) -> int:
    """Return where the bytes with one of these marks end, ``most`` of them at most."""
    end, last = start, min(len(text), start + most)
    while end < last and MARKS[text[end]] & flags:
        end += 1
    return end


@njit(cache=True, nogil=True)
def _is_inside(text: Any, at: int) -> bool:
    """Tell whether the byte before ``at`` is of a key too."""
    return at > 0 and MARKS[text[at - 1]] & TOKEN != 0


@njit(cache=True, nogil=True)
def _is_placeholder(text: Any, start: int, end: int) -> bool:
    repeat = 1
    for k in range(start, end):
        repeat = repeat + 1 if k > start and text[k] == text[k - 1] else 1
        if repeat > LONGEST_REPEAT:
            return True
        if k + len(PLACEHOLDER) <= end:
            n = 0
            while n < len(PLACEHOLDER) and lower(text[k + n]) == PLACEHOLDER[n]:
                n += 1
            if n == len(PLACEHOLDER):
                return True
    return False


@njit(cache=True, nogil=True)
def _different(text: Any, start: int, end: int) -> Any:
    """Count the different characters, which are ASCII."""
    low = high = np.uint64(0)
    for k in range(start, end):
        bit = np.uint64(1) << np.uint64(text[k] & 63)
        if text[k] < 64:
            low |= bit
        else:
            high |= bit
    n: Any = 0
    for k in range(64):
        n += ((low >> np.uint64(k)) & np.uint64(1)) + ((high >> np.uint64(k)) & np.uint64(1))
    return n


@njit(cache=True, nogil=True)
def token(text: Any, anchor: int) -> tuple[int, int]:
    """Return where a key of a known form begins and ends that has ``anchor`` in its prefix."""
    rule = CHAINS[text[anchor]]
    while rule >= 0:
        offset, flags, least, most, n_digits = KEY_RULES[rule]
        prefix = PREFIXES[rule, 1 : 1 + PREFIXES[rule, 0]]
        start = anchor - offset
        rule = CHAINS[256 + rule]
        if not is_at(text, start, prefix) or _is_inside(text, start):
            continue
        body = start + len(prefix)
        end = _run(text, body, FLAG(flags), most + 1)
        if not least <= end - body <= most:
            continue
        if end < len(text) and (MARKS[text[end]] & ALNUM or text[end] == 95):
            continue
        digits = 0
        for k in range(body, end):
            digits += MARKS[text[k]] & DIGIT != 0
        if digits < n_digits or _different(text, body, end) < TOKEN_LEAST_DIFFERENT:
            continue
        if not _is_placeholder(text, body, end):
            return start, end
    return 0, 0


@njit(cache=True, nogil=True)
def _opens_json(text: Any, at: int) -> bool:
    return at + 2 < len(text) and text[at] == 101 and text[at + 1] == 121 and text[at + 2] == 74


@njit(cache=True, nogil=True)
def web_token(text: Any, anchor: int) -> tuple[int, int]:
    """Return where a JSON Web Token begins and ends whose ``eyJ`` has its J at ``anchor``."""
    start = anchor - 2
    if start < 0 or not _opens_json(text, start) or _is_inside(text, start):
        return 0, 0
    header = _run(text, start, TOKEN, len(text))
    if header - start < JWT_HEADER + 3 or header >= len(text) or text[header] != 46:
        return 0, 0
    if not _opens_json(text, header + 1):
        return 0, 0
    payload = _run(text, header + 1, TOKEN, len(text))
    if payload - header - 1 < JWT_PAYLOAD + 3 or payload >= len(text) or text[payload] != 46:
        return 0, 0
    end = _run(text, payload + 1, TOKEN, len(text))
    return (start, end) if end - payload - 1 >= JWT_SIGNATURE else (0, 0)


@njit(cache=True, nogil=True)
def _is_random(text: Any, start: int, end: int) -> bool:
    if not VALUE_LEAST <= end - start <= VALUE_MOST:
        return False
    if text[start] == 47 or text[start] == 45 or text[start] == 126:
        return False
    near = digits = letters = 0
    for k in range(start, end):
        digits += MARKS[text[k]] & DIGIT != 0
        letters += MARKS[text[k]] & (UPPER | LOWER) != 0
        if k > start:
            near += abs((text[k] + 0) - (text[k - 1] + 0)) <= 1
    if digits < VALUE_DIGITS or letters < VALUE_LETTERS or 2 * near > end - start:
        return False
    return _different(text, start, end) >= VALUE_DIFFERENT and not _is_placeholder(text, start, end)


@njit(cache=True, nogil=True)
def _names_secret(text: Any, end: int) -> bool:
    """Tell whether the name of a secret ends here; a quote, spaces and a colon may follow it."""
    if end > 0 and text[end - 1] == 58:
        end -= 1
    for _ in range(2):
        if end > 0 and (text[end - 1] == 32 or text[end - 1] == 9):
            end -= 1
    if end > 0 and (text[end - 1] == 34 or text[end - 1] == 39):
        end -= 1
    start = end
    while start > 0 and MARKS[text[start - 1]] & TOKEN:
        start -= 1
        if end - start > LONGEST_NAME:
            return False
    return ends_with_any(text, start, end, KEYS)


@njit(cache=True, nogil=True)
def assigned(text: Any, sign: int) -> tuple[int, int]:
    """Return where a secret begins and ends that the ``=`` or ``:`` at ``sign`` gives a name."""
    at = sign + 1
    if at < len(text) and text[at] == 62:
        at += 1
    for _ in range(2):
        if at < len(text) and (text[at] == 32 or text[at] == 9):
            at += 1
    quote = 0
    if at < len(text) and (text[at] == 34 or text[at] == 39 or text[at] == 96):
        quote = text[at] + 0
        at += 1
    start = at
    at = _run(text, at, VALUE, VALUE_MOST + 1)
    if at - start > VALUE_MOST or at - start + 2 < VALUE_LEAST:
        return 0, 0
    at = _equals(text, at)
    if quote:
        if at >= len(text) or text[at] != quote:
            return 0, 0
    elif at < len(text) and not MARKS[text[at]] & VALUE_AFTER:
        return 0, 0
    if not _is_random(text, start, at) or not _names_secret(text, sign):
        return 0, 0
    return start, at


@njit(cache=True, nogil=True)
def _equals(text: Any, at: int) -> int:
    """Return where up to two ``=`` end, which fill Base64 up."""
    for _ in range(2):
        if at < len(text) and text[at] == 61:
            at += 1
    return at


@njit(cache=True, nogil=True)
def private_key(text: Any, start: int) -> tuple[int, int]:
    """Return where a private key in PEM begins and ends whose first dash is at ``start``."""
    if not is_at(text, start, BEGIN) or (start > 0 and text[start - 1] == 45):
        return 0, 0
    label = start + len(BEGIN)
    last = _run(text, label, LABEL, LONGEST_LABEL + len(PRIVATE_KEY) + len(BLOCK) + 1)
    name = last - len(BLOCK) if is_at(text, last - len(BLOCK), BLOCK) else last
    name -= len(PRIVATE_KEY)
    if not 0 <= name - label <= LONGEST_LABEL or not is_at(text, name, PRIVATE_KEY):
        return 0, 0
    if not is_at(text, last, DASHES):
        return 0, 0
    body = last + len(DASHES)
    end, run, longest = body, 0, 0
    while end < len(text) and not (text[end] == 45 and is_at(text, end, DASHES)):
        run = run + 1 if MARKS[text[end]] & BASE64 else 0
        longest = max(longest, run)
        end += 1
    if longest >= PEM_LEAST_RUN and end - body <= PEM_MOST_BYTES and is_at(text, end, END):
        closing = end + len(END)
        if is_at(text, closing, text[label:last]) and is_at(text, closing + last - label, DASHES):
            return start, closing + last - label + len(DASHES)
    end = _cut_key(text, body)
    return (start, end) if end > body else (0, 0)


@njit(cache=True, nogil=True)
def _cut_key(text: Any, body: int) -> int:
    """Return where the lines of Base64 end that begin at ``body``: of a key without an end."""
    end, least = body, PEM_LEAST_RUN
    while True:
        at, gaps = end, 0
        while gaps < 4 and at < len(text):
            if text[at] in (32, 9, 13, 10):
                at += 1
            elif text[at] == 92 and at + 1 < len(text) and text[at + 1] in (110, 114):
                at += 2
            else:
                break
            gaps += 1
        line = _run(text, at, BASE64, len(text))
        if gaps == 0 or line - at < least:
            return end
        end, least = _equals(text, line), PEM_LEAST_LINE
