"""Bytes, code points and words, forwards and backwards.

Import it through :func:`tasks.compiled.load`, as the kernel is.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from tasks.signals.pii.tables import ALNUM, MARKS, NOISE

OTHER = 0x80
"""What :func:`plain` and :func:`plain_before` call any character that is not ASCII."""


@njit(cache=True, nogil=True)
def lower(byte: Any) -> Any:
    """ASCII lower case; every other byte stays."""
    return byte + 32 if 65 <= byte <= 90 else byte


@njit(cache=True, nogil=True)
def latin(code: int) -> bool:
    """Tell a Latin letter that is not ASCII, or a mark that is put on letters."""
    if code <= 0x24F:
        return code >= 0xC0 and code != 0xD7 and code != 0xF7
    return 0x300 <= code <= 0x36F or 0x1E00 <= code <= 0x1EFF


@njit(cache=True, nogil=True)
def after(text: Any, at: int) -> tuple[int, int]:
    """Return the code point at ``at``, which is inside the text, and where the next one begins."""
    code = text[at] + 0
    if code < 0xC0:
        return code, at + 1
    width = 2 if code < 0xE0 else 3 if code < 0xF0 else 4
    if at + width > len(text):  # cannot be in UTF-8; the column may come from anywhere
        return 0xFFFD, at + 1
    code &= 0x7F >> width
    for k in range(at + 1, at + width):
        code = (code << 6) | (text[k] & 0x3F)
    return code, at + width


@njit(cache=True, nogil=True)
def before(text: Any, at: int) -> tuple[int, int]:
    """Return the code point that ends at ``at``, which is not 0, and where it begins."""
    start = at - 1
    if text[start] < 0x80:
        return text[start] + 0, start
    while start > 0 and at - start < 4 and text[start] & 0xC0 == 0x80:
        start -= 1
    code, end = after(text, start)
    return (code, start) if end == at else (0xFFFD, at - 1)


@njit(cache=True, nogil=True)
def _stands_for(code: int) -> int:
    """Return the ASCII character that a space, hyphen or colon stands for in numbers."""
    if code < 0x80:
        return code
    if code == 0xA0 or code == 0x202F or code == 0x2009:
        return 32
    if 0x2010 <= code <= 0x2013:
        return 45
    return 58 if code == 0xFF1A else OTHER


@njit(cache=True, nogil=True)
def plain(text: Any, at: int) -> tuple[int, int]:
    """Return the character at ``at`` as ASCII has it, 0 at the end, and where the next begins."""
    if at >= len(text):
        return 0, at
    if text[at] < 0x80:
        return text[at] + 0, at + 1
    code, end = after(text, at)
    return _stands_for(code), end


@njit(cache=True, nogil=True)
def plain_before(text: Any, at: int) -> tuple[int, int]:
    """Return the character that ends at ``at`` as ASCII has it, 0 at the start, and its place."""
    if at <= 0:
        return 0, 0
    if text[at - 1] < 0x80:
        return text[at - 1] + 0, at - 1
    code, start = before(text, at)
    return _stands_for(code), start


@njit(cache=True, nogil=True)
def is_at(text: Any, start: int, what: Any) -> bool:
    """Tell whether the bytes ``what`` stand at ``start``."""
    if start < 0 or start + len(what) > len(text):
        return False
    for k in range(len(what)):
        if text[start + k] != what[k]:
            return False
    return True


@njit(cache=True, nogil=True)
def ends(text: Any, end: int, words: Any, word: int) -> Any:
    """Return where a word begins that ends at ``end``, in any ASCII case, or -1."""
    size = words[word, 0] + 0
    start = end - size
    if start < 0:
        return -1
    for k in range(size):
        if lower(text[start + k]) != words[word, k + 1]:
            return -1
    return start


@njit(cache=True, nogil=True)
def ends_with_any(text: Any, start: int, end: int, words: Any) -> bool:
    """Tell whether ``text[start:end]`` ends with one of some words, in any ASCII case."""
    for word in range(len(words)):
        if ends(text, end, words, word) >= start:
            return True
    return False


@njit(cache=True, nogil=True)
def is_any(text: Any, start: int, end: int, words: Any) -> bool:
    """Tell whether ``text[start:end]`` is one of some words, in any ASCII case."""
    for word in range(len(words)):
        if ends(text, end, words, word) == start:
            return True
    return False


@njit(cache=True, nogil=True)
def last_word(text: Any, end: int, words: Any) -> Any:
    """Return where one of some words begins that ends at ``end``, and is whole; else -1.

    What begins with no small ASCII letter need not be whole: it may belong to a script without
    spaces.
    """
    for word in range(len(words)):
        start = ends(text, end, words, word)
        if start < 0:
            continue
        first = words[word, 1]
        if start == 0 or not 97 <= first <= 122:
            return start
        code, _ = before(text, start)
        known = code < 0x80 and (MARKS[code] & ALNUM != 0 or code == 95)
        if not known and not latin(code):
            return start
    return -1


@njit(cache=True, nogil=True)
def without_noise(text: Any, end: int) -> int:
    """Return where up to four characters begin that may stand between a word and a number."""
    for _ in range(4):
        code, start = plain_before(text, end)
        if end == 0 or code >= 0x80 or not MARKS[code] & NOISE:
            break
        end = start
    return end
