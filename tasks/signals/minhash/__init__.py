"""MinHash sketches of word shingles and the band keys that near-duplicates meet in.

Scheme (datasketch 2, ``affine32``): a shingle's hash of 32 bits, mixed by MurmurHash3's finaliser,
goes through ``bands x rows`` permutations ``a * h + b mod 2^32``; of each the least value counts.
Words, shingles and their hashes are those of :mod:`tasks.shingles`.

A **band key** is a number of 64 bits for the least values of one band, made of MurmurHash3's
finaliser *m*: ``m(... m(m(m(band + 1) ^ row_1) ^ row_2) ...)``, with bands counted from 0.

The **sketch** keeps one byte of each least value, the lowest after MurmurHash3's finaliser of 32
bits: a quarter of the memory for an estimate that is as good (b-bit minwise hashing, Li and König,
arXiv:0910.3349; :mod:`tasks.sketches` has the formula).

By default word 5-grams, as FineWeb's (arXiv 2406.17557), and 18 bands of 6.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from tasks import compiled
from tasks.shingles.sets import folds
from tasks.signals.minhash import library

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from schemas.config import SignalsConfig

KERNEL: Final = "tasks.signals.minhash.kernel"
VERSION: Final = "minhash-1"
"""Names the scheme: sketches and keys of another one must not be compared with these."""


def minhash(texts: pa.Array | pa.ChunkedArray, config: SignalsConfig) -> pl.DataFrame:
    """Sketch every text: one row a text, both columns null where it has no words.

    - ``minhash_bands``: list of uint64, the key of each band.
    - ``minhash_sketch``: ``minhash_bands * minhash_rows`` bytes.
    """
    size = config.minhash_bands * config.minhash_rows
    sketches = np.zeros((len(texts), size), np.uint8)
    keys = np.zeros((len(texts), config.minhash_bands), np.uint64)
    found = np.zeros(len(texts), np.bool_)
    work = library.sketch if config.minhash_engine == "datasketch" else _compiled
    at = 0
    for chunk in compiled.chunks(texts):
        rows = slice(at, at + len(chunk))
        work(chunk, config, sketches[rows], keys[rows], found[rows])
        at = rows.stop
    return _frame(sketches, keys, found)


def _compiled(
    texts: pa.LargeStringArray,
    config: SignalsConfig,
    sketches: NDArray[np.uint8],
    keys: NDArray[np.uint64],
    found: NDArray[np.bool_],
) -> None:
    permutations = _permutations(sketches.shape[1], config.minhash_seed)
    compiled.load(KERNEL).sketch(
        *compiled.buffers(texts),
        folds(),
        config.shingle_characters or config.shingle_words,
        config.shingle_characters is not None,
        permutations,
        sketches,
        keys,
        found,
    )


@cache
def _permutations(size: int, seed: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return factors, which are odd, and terms: datasketch's, without the second it takes to load.

    They come from NumPy's first generator, whose numbers no version changes. Zeros follow up to a
    multiple of eight.
    """
    chance = np.random.RandomState(seed)
    both = np.zeros((2, -(-size // 8) * 8), np.uint32)
    both[0, :size] = 2 * chance.randint(0, 1 << 31, size, dtype=np.uint32) + np.uint32(1)
    both[1, :size] = chance.randint(0, 1 << 32, size, dtype=np.uint32)
    return compiled.read_only(both[0]), compiled.read_only(both[1])


def _frame(
    sketches: NDArray[np.uint8], keys: NDArray[np.uint64], found: NDArray[np.bool_]
) -> pl.DataFrame:
    rows, bands = keys.shape
    kind = pa.binary(sketches.shape[1])
    body = pa.py_buffer(sketches)
    limits = pa.array(np.arange(rows + 1) * bands, pa.int64())
    missing = pa.array(~found)
    lists = pa.LargeListArray.from_arrays(limits, pa.array(keys.reshape(-1)), mask=missing)
    valid = pa.array(found).buffers()[1] if rows else None
    fixed = pa.FixedSizeBinaryArray.from_buffers(kind, rows, [valid, body])
    binary = fixed.cast(pa.large_binary())
    return pl.DataFrame(pa.table({c.MINHASH_BANDS: lists, c.MINHASH_SKETCH: binary}))
