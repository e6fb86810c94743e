"""MinHash sketches of word shingles and the band keys that near-duplicates meet in.

Scheme (datasketch 2, ``affine32``): a shingle's xxh32, mixed by MurmurHash3's finaliser, goes
through ``bands x rows`` permutations ``a * h + b mod 2^32``; the sketch keeps the least value of
each.
Band and row numbers are FineWeb's by default (arXiv 2406.17557: word 5-grams, 14 x 8).
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import polars as pl
import xxhash

from schemas import columns as c
from tasks import shingles

if TYPE_CHECKING:
    from datasketch import MinHash

    from schemas.config import SignalsConfig

SHINGLES_AT_ONCE: Final = 1024
"""Bounds memory (a uint32 for each shingle and permutation: 0.5 MB at 112) and fits the cache."""


def minhash(text: pl.Series, config: SignalsConfig) -> pl.DataFrame:
    """Sketch every text: one row a text, both columns null where it has no shingles.

    - ``minhash_bands``: list of uint64, one a band: xxh3_64 of the band's number (uint32) and its
      rows' bytes, so that equal keys mean equal rows of the same band.
    - ``minhash_sketch``: ``minhash_bands * minhash_rows`` uint32 values as little-endian bytes.
    """
    from datasketch import MinHash

    permutations = config.minhash_bands * config.minhash_rows
    # One sketcher for all: making its permutations anew costs more than sketching a short text.
    sketcher = MinHash(
        num_perm=permutations,
        seed=config.minhash_seed,
        hashfunc=xxhash.xxh32_intdigest,
        scheme="affine32",
    )
    # By number, because iterating a series makes Python strings of 25,000 texts at a time.
    sketches = [_sketch(text[row], sketcher, config.shingle_words) for row in range(len(text))]
    keys = [None if sketch is None else band_keys(sketch, config) for sketch in sketches]
    return pl.DataFrame(
        {c.MINHASH_BANDS: keys, c.MINHASH_SKETCH: sketches},
        schema={c.MINHASH_BANDS: pl.List(pl.UInt64), c.MINHASH_SKETCH: pl.Binary},
    )


def _sketch(text: str, sketcher: MinHash, shingle_words: int) -> bytes | None:
    sketcher.clear()
    pieces, empty = shingles.shingles(text, shingle_words), True
    while some := list(islice(pieces, SHINGLES_AT_ONCE)):
        sketcher.update_batch(some)
        empty = False
    return None if empty else sketcher.hashvalues.astype("<u4").tobytes()


def band_keys(sketch: bytes, config: SignalsConfig) -> list[int]:
    """Return the key of each band of ``sketch``."""
    width = config.minhash_rows * 4
    return [
        xxhash.xxh3_64_intdigest(
            band.to_bytes(4, "little") + sketch[band * width : (band + 1) * width]
        )
        for band in range(config.minhash_bands)
    ]
