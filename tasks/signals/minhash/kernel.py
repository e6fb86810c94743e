"""Shingles to MinHash, a text at a time. Importing this imports Numba."""
# ruff: noqa: ANN401, PLR0913, PLR0917

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from tasks.shingles.kernel import following, room, start, widely_mixed
from tasks.signals.minhash import permuting

LOW_32: Final = np.uint64(0xFFFFFFFF)
MIX_1: Final = np.uint64(0x85EBCA6B)
MIX_2: Final = np.uint64(0xC2B2AE35)


@njit(cache=True, nogil=True)
def _shorten(numbers: Any, count: int, short: Any) -> None:
    """Put the lower 32 bits of numbers through MurmurHash3's finaliser of 32 bits.

    (github.com/aappleby/smhasher.) The processor does eight at a time.
    """
    for i in range(count):
        value = np.uint32(numbers[i])
        value = np.uint32(np.uint32(value ^ (value >> np.uint32(16))) * MIX_1)
        value = np.uint32(np.uint32(value ^ (value >> np.uint32(13))) * MIX_2)
        short[i] = np.uint32(value ^ (value >> np.uint32(16)))


@njit(cache=True, nogil=True)
def _lessen(hashes: Any, count: Any, permutations: Any, least: Any) -> None:
    """Let shingles take part: of each permutation the least value stays."""
    factors, terms = permutations
    at = 0
    while at + 32 <= len(least):
        permuting.by_32(hashes, count, factors, terms, least, at)
        at += 32
    while at + 8 <= len(least):
        permuting.by_8(hashes, count, factors, terms, least, at)
        at += 8


@njit(cache=True, nogil=True)
def _sketch(
    data: Any, limits: Any, folds: Any, work: Any, short: Any, permutations: Any, least: Any
) -> Any:
    """Sketch a text into ``least``; return whether it has a word."""
    least[:] = LOW_32
    state, last = start(limits[0], work), False
    while not last:
        state, made, last = following(data, limits[1], folds, work, state)
        _shorten(work[3], made, short)
        _lessen(short, made, permutations, least)
    return state[-1] > 0


@njit(cache=True, nogil=True)
def sketch(
    data: Any,
    offsets: Any,
    folds: Any,
    width: int,
    by_character: bool,  # noqa: FBT001
    permutations: Any,
    sketches: Any,
    keys: Any,
    found: Any,
) -> None:
    """Write down the sketch and band keys of each text, and whether it has a word.

    ``width``: words, or characters, of a shingle. ``permutations``: their factors and their terms
    (uint32), as many as ``sketches`` (uint8) has columns and some that fill up eights; each column
    of ``keys`` (uint64) is of equally many of them.
    """
    work = room(offsets, width, by_character)
    least = np.empty(len(permutations[0]), np.uint32)
    short = np.empty(max(len(work[3]), len(least)), np.uint32)
    size, bands = sketches.shape[1], keys.shape[1]
    rows = size // bands
    for i in range(len(offsets) - 1):
        limits = offsets[i], offsets[i + 1]
        found[i] = _sketch(data, limits, folds, work, short, permutations, least)
        for band in range(bands):
            keys[i, band] = widely_mixed(np.uint64(band + 1))
        for k in range(rows):  # bands side by side: none waits for another
            for band in range(bands):
                keys[i, band] = widely_mixed(keys[i, band] ^ np.uint64(least[band * rows + k]))
        _shorten(least, size, short)
        for k in range(size):
            sketches[i, k] = np.uint8(short[k])
