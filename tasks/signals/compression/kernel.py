"""Size of a text in LZ4's block format, over UTF-8 bytes. Importing this imports Numba."""
# ruff: noqa: ANN401, PLR2004

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from tasks.characters import swar

SLOT_BITS: Final = 13
"""8,192 places: as many as the cache of a core holds, and as LZ4 has for texts up to 64 kB."""

KNUTH: Final = np.uint64(2654435761)
"""2^32 / golden ratio, a prime (Knuth, The Art of Computer Programming 3, 6.4), as in LZ4."""

LOW_32: Final = np.uint64(0xFFFFFFFF)
FURTHEST: Final = 65_535
SHORTEST: Final = 4
LAST_LITERALS: Final = 5
LAST_START: Final = 12
PATIENCE: Final = 6
"""Behind each 2^6 places without a match, one place more is passed over at each step."""


@njit(cache=True, nogil=True)
def four(data: Any, at: int) -> Any:
    """Return four bytes as a number; four more must stand behind them."""
    return swar.eight(data, at) & LOW_32


@njit(cache=True, nogil=True)
def match_end(data: Any, stop: int, other: int, end: int) -> int:
    """Return up to where, at most ``end``, the bytes from ``stop`` and from ``other`` on agree."""
    while stop + 8 <= end:
        same = swar.alike(swar.eight(data, stop), swar.eight(data, other))
        stop, other = stop + same, other + same
        if same < 8:
            return stop
    while stop < end and data[stop] == data[other]:
        stop, other = stop + 1, other + 1
    return stop


@njit(cache=True, nogil=True)
def more_bytes(length: int) -> int:
    """Return how many bytes a length takes that does not fit into four bits."""
    return 0 if length < 15 else 1 + (length - 15) // 255


@njit(cache=True, nogil=True)
def sizes(data: Any, offsets: Any, out: Any) -> None:
    """Write down how many bytes the block of each text between ``offsets`` has."""
    places = np.full(1 << SLOT_BITS, -1, np.int64)  # those of earlier texts are no candidates
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        at = behind = start
        size = misses = 0
        while at <= end - LAST_START:
            bytes_here = four(data, at)
            slot = ((bytes_here * KNUTH) & LOW_32) >> np.uint64(32 - SLOT_BITS)
            before = places[slot]
            places[slot] = at
            if before < start or at - before > FURTHEST or four(data, before) != bytes_here:
                at += 1 + (misses >> PATIENCE)
                misses += 1
                continue
            stop = match_end(data, at + SHORTEST, before + SHORTEST, end - LAST_LITERALS)
            size += 3 + at - behind + more_bytes(at - behind) + more_bytes(stop - at - SHORTEST)
            at = behind = stop
            misses = 0
        out[row] = size + 1 + end - behind + more_bytes(end - behind)
