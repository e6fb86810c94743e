"""E-mail and internet addresses.

Import it through :func:`tasks.compiled.load`, as the kernel is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tasks.signals.pii import names
from tasks.signals.pii.characters import (
    after,
    before,
    is_any,
    last_word,
    latin,
    lower,
    without_noise,
)
from tasks.signals.pii.tables import (
    ALNUM,
    DIGIT,
    DOMAIN,
    HEX,
    IPV4,
    IPV6,
    LOCAL,
    LOWER,
    MARKS,
    NOBODYS,
    SERVICES,
    TLDS,
    UPPER,
    VERSION_WORDS,
)

INT: Any = np.int64
MAX_LOCAL, MAX_DOMAIN, MAX_LABEL = names.MAX_LOCAL, names.MAX_DOMAIN, names.MAX_LABEL
SMALL_OCTET, LARGE_OCTETS = names.SMALL_OCTET, names.LARGE_OCTETS
IPV6_LEAST_GROUPS = names.IPV6_LEAST_GROUPS


@njit(cache=True, nogil=True)
def _compare(words: Any, word: int, text: Any, start: int, end: int) -> Any:
    """Compare one of some sorted words with ``text[start:end]``: negative, 0 or positive."""
    size = words[word, 0] + 0
    for k in range(min(size, end - start)):
        difference = (words[word, k + 1] + 0) - (lower(text[start + k]) + 0)
        if difference != 0:
            return difference
    return size - (end - start)


@njit(cache=True, nogil=True)
def _top_level(text: Any, start: int, end: int) -> int:
    """Return where the top-level domain ends that a label begins with, up to a hyphen; or -1."""
    if end - start > 3 and lower(text[start]) == 120 and lower(text[start + 1]) == 110:
        if text[start + 2] == 45 and text[start + 3] == 45:  # xn--
            return end
    last = start
    while last < end and text[last] != 45:
        last += 1
    low, high = 0, len(TLDS)
    while low < high:
        middle = (low + high) // 2
        order = _compare(TLDS, middle, text, start, last)
        if order == 0:
            return last
        if order < 0:
            low = middle + 1
        else:
            high = middle
    return -1


@njit(cache=True, nogil=True)
def _last_label(text: Any, start: int, end: int) -> int:
    """Return where the last label of a domain begins."""
    while end > start and text[end - 1] != 46:
        end -= 1
    return end


@njit(cache=True, nogil=True)
def _are_labels(text: Any, start: int, end: int) -> bool:
    """Tell whether labels divided by dots are neither empty nor too long, nor end with a hyphen."""
    size, last = 0, 45
    for k in range(start, end + 1):
        byte = 46 if k == end else text[k] + 0
        if byte == 46:
            if size == 0 or size > MAX_LABEL or last == 45:
                return False
            size = 0
        elif byte & 0xC0 != 0x80:
            if size == 0 and byte == 45:
                return False
            size += 1
        last = byte
    return True


@njit(cache=True, nogil=True)
def _domain_end(text: Any, start: int) -> int:
    """Return where a domain ends that begins at ``start``, or -1."""
    end, size, walked = start, 0, 0
    while end < len(text) and walked < MAX_DOMAIN + 2:
        code, following = after(text, end)
        if code == 46 and end > start and text[end - 1] == 46:
            end, size = end - 1, size - 1
            break
        if not (MARKS[code] & DOMAIN if code < 0x80 else latin(code)):
            break
        end, size, walked = following, size + 1, walked + 1
    if size > MAX_DOMAIN:
        return -1
    while end > start and (text[end - 1] == 45 or text[end - 1] == 46):
        end -= 1
    last = _last_label(text, start, end)
    if last == start:
        return -1
    top = _top_level(text, last, end)
    if top < 0:
        if not MARKS[text[last]] & UPPER:  # a sentence that begins without a space
            return -1
        end = last - 1
        last = _last_label(text, start, end)
        if last == start:
            return -1
        top = _top_level(text, last, end)
        if top < 0:
            return -1
    if not _are_labels(text, start, top):
        return -1
    second = _last_label(text, start, last - 1)
    return -1 if is_any(text, second, top, NOBODYS) else top


@njit(cache=True, nogil=True)
def _is_letter(code: int) -> bool:
    return MARKS[code] & (UPPER | LOWER) != 0 if code < 0x80 else latin(code)


@njit(cache=True, nogil=True)
def _local_start(text: Any, at: int, quoted: bool) -> int:
    """Return where the part before an ``@`` begins; there itself if there is none."""
    start, walked = at, 0
    while start > 0 and walked < MAX_LOCAL + 2:
        code, place = before(text, start)
        if code == 46 and start < at and text[start] == 46:
            start += 1
            break
        if code == 92:  # a hyphen as typesetting writes it
            fits = start < at and text[start] == 45
        else:
            fits = MARKS[code] & LOCAL != 0 if code < 0x80 else latin(code)
        if not fits:
            break
        start, walked = place, walked + 1
    for k in range(at - 1, start - 1, -1):
        if text[k] != 39:
            continue
        inside = False
        if start < k < at - 1:
            left, _ = before(text, k)
            right, _ = after(text, k + 1)
            inside = _is_letter(left) and _is_letter(right)
        if quoted or not inside:
            start = k + 1
            break
    if start > 0 and text[start - 1] == 92 and start + 1 < at and text[start] == 102:
        if MARKS[text[start + 1]] & UPPER:  # \fI, a change of font
            start += 2
    while start < at:
        if text[start] == 46 or text[start] == 43 or text[start] == 45:
            start += 1
        elif text[start] == 92 and start + 1 < at and text[start + 1] == 45:
            start += 2
        else:
            break
    return start


@njit(cache=True, nogil=True)
def email(text: Any, at: int) -> tuple[int, int]:
    """Return where an address around the ``@`` at ``at`` begins and ends, or (0, 0)."""
    if at == 0 or at + 1 == len(text):
        return 0, 0
    end = _domain_end(text, at + 1)
    if end < 0:
        return 0, 0
    following = text[end] if end < len(text) else 0
    if following == 40 or following == 64:
        return 0, 0
    if following == 95 and end + 1 < len(text) and MARKS[text[end + 1]] & ALNUM:
        return 0, 0
    start = _local_start(text, at, following == 39)
    size = 0
    for k in range(start, at):
        size += text[k] & 0xC0 != 0x80
    if size == 0 or size > MAX_LOCAL or text[at - 1] == 46:
        return 0, 0
    if (start > 0 and text[start - 1] == 64) or is_any(text, start, at, SERVICES):
        return 0, 0
    return start, end


@njit(cache=True, nogil=True)
def _is_special(top: int, networks: Any) -> bool:
    for k in range(len(networks)):
        if top & networks[k, 1] == networks[k, 0]:
            return True
    return False


@njit(cache=True, nogil=True)
def ipv4(text: Any, start: int) -> tuple[int, int]:
    """Return where an address begins and ends whose first digit is at ``start``, or (0, 0)."""
    at = start
    address, octet, large = INT(0), 0, 0
    for n in range(4):
        first, octet = at, 0
        while at < len(text) and at < first + 4 and MARKS[text[at]] & DIGIT:
            octet = 10 * octet + text[at] - 48
            at += 1
        if at == first or octet > 255 or (text[first] == 48 and at > first + 1):
            return 0, 0
        if n < 3:
            if at >= len(text) or text[at] != 46:
                return 0, 0
            at += 1
        address = (address << 8) | octet
        large += octet >= SMALL_OCTET
    if octet == 0 or octet == 255 or large < LARGE_OCTETS or _is_special(address, IPV4):
        return 0, 0
    if at < len(text):
        following = text[at]
        beyond = MARKS[text[at + 1]] if at + 1 < len(text) else 0
        if MARKS[following] & ALNUM or following == 95:
            return 0, 0
        if (following == 46 and beyond & ALNUM) or (following == 45 and beyond & (UPPER | LOWER)):
            return 0, 0
    if start > 0:
        previous = text[start - 1]
        earlier = text[start - 2] if start > 1 else 0
        if MARKS[previous] & ALNUM or previous == 95 or previous == 46:
            return 0, 0
        if (previous == 45 or previous == 47) and MARKS[earlier] & (UPPER | LOWER):
            return 0, 0
        if previous == 61 and (60 <= earlier <= 62 or earlier in (33, 94, 126)):  # ==, >=, ~= ...
            return 0, 0
    end = without_noise(text, start)
    if last_word(text, end, VERSION_WORDS) >= 0:
        return 0, 0
    return start, at


@njit(cache=True, nogil=True)
def ipv6(text: Any, colon: int) -> tuple[int, int]:
    """Return where an address begins and ends whose first colon is at ``colon``, or (0, 0)."""
    start = colon - 4
    if start < 0 or (text[start] != 50 and text[start] != 51):
        return 0, 0
    if start > 0:
        previous = text[start - 1]
        if MARKS[previous] & ALNUM or previous in (95, 58, 46):
            return 0, 0
    end, groups, size, group, top, shortened = start, 0, 0, 0, INT(0), False
    while end < len(text) and (MARKS[text[end]] & HEX or text[end] == 58):
        if end - start == 40:
            return 0, 0
        end += 1
    if end < len(text):
        if MARKS[text[end]] & ALNUM or text[end] == 95:
            return 0, 0
        if text[end] == 46 and end + 1 < len(text) and MARKS[text[end + 1]] & DIGIT:
            return 0, 0
    if text[end - 1] == 58:
        end -= 1
    if text[end - 1] == 58:  # a network's
        return 0, 0
    for k in range(start, end + 1):
        if k == end or text[k] == 58:
            if size > 4 or (size == 0 and shortened):
                return 0, 0
            if size == 0:
                shortened = True
                if groups == 1:
                    top <<= 16
                continue
            if groups < 2 and not (groups == 1 and shortened):
                top = (top << 16) | group
            groups, size, group = groups + 1, 0, 0
        else:
            value = lower(text[k]) + 0
            group = (group << 4) | (value - 48 if value < 58 else value - 87)
            size += 1
    if groups > 7 if shortened else groups != 8:
        return 0, 0
    if (shortened and groups < IPV6_LEAST_GROUPS) or _is_special(top, IPV6):
        return 0, 0
    return start, end
