"""The same by datasketch, one text after the other: what the kernel is compared with."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from tasks import shingles

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from datasketch import MinHash
    from numpy.typing import NDArray

    from schemas.config import SignalsConfig

SHINGLES_AT_ONCE: Final = 1024
"""Bounds memory (a uint32 for each shingle and permutation: 0.5 MB at 112) and fits the cache."""
LOW_32: Final = (1 << 32) - 1


def sketcher(size: int, seed: int) -> MinHash:
    """Return an empty sketch of ``size`` permutations."""
    from datasketch import MinHash

    return MinHash(num_perm=size, seed=seed, hashfunc=int, scheme="affine32")


def sketch(
    texts: pa.LargeStringArray,
    config: SignalsConfig,
    sketches: NDArray[np.uint8],
    keys: NDArray[np.uint64],
    found: NDArray[np.bool_],
) -> None:
    """Write down the sketch and band keys of each text, and whether it has a word."""
    # One for all: making its permutations anew costs more than sketching a short text.
    own = sketcher(sketches.shape[1], config.minhash_seed)
    for row, text in enumerate(texts):
        own.clear()
        pieces = iter(hashes(text.as_py(), config))
        while some := list(islice(pieces, SHINGLES_AT_ONCE)):
            own.update_batch(some)
            found[row] = True
        values = own.hashvalues.tolist()
        keys[row] = band_keys(values, config.minhash_rows)
        sketches[row] = bytearray(compact(values))


def hashes(text: str, config: SignalsConfig) -> list[int]:
    """Return the hash of each shingle of a text."""
    if config.shingle_characters is not None:
        return shingles.hashes(shingles.characters_of(text), config.shingle_characters)
    return shingles.hashes(shingles.words(text), config.shingle_words)


def band_keys(values: list[int], rows: int) -> list[int]:
    """Return the key of each band of a sketch."""
    found = []
    for band in range(len(values) // rows):
        key = shingles.mixed(band + 1)
        for value in values[band * rows : (band + 1) * rows]:
            key = shingles.mixed(key ^ value)
        found.append(key)
    return found


def compact(values: list[int]) -> bytes:
    """Return what is kept of a sketch: the low byte of each value, mixed."""
    return bytes(_mixed_32(value) & 0xFF for value in values)


def _mixed_32(value: int) -> int:
    """Return MurmurHash3's finaliser of 32 bits."""
    value = ((value ^ (value >> 16)) * 0x85EBCA6B) & LOW_32
    value = ((value ^ (value >> 13)) * 0xC2B2AE35) & LOW_32
    return value ^ (value >> 16)
