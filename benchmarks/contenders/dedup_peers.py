"""Signatures by other programs, of texts in memory: 112 permutations of shingles of five words.

The last argument names the program. Each makes its signatures as it does before it looks for
duplicates, from its own idea of a word; rensa and datasketch want shingles made by their caller.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from benchmarks.measuring import contend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Sketch = Callable[[list[str]], int]
    """Of texts: makes their signatures, and returns how many texts it read."""

WORDS, BANDS, ROWS = 5, 14, 8
SEED = 42


def shingled(text: str) -> list[str]:
    """Return a text's shingles; of a text with fewer words the one that all of them make."""
    words = text.lower().split()
    parts = zip(*(words[first:] for first in range(WORDS)), strict=False)
    return [" ".join(some) for some in parts] or [" ".join(words)]


def rensa(_: Path) -> Sketch:
    """Prepare its call for many sets."""
    from rensa import RMinHash

    made = partial(RMinHash.from_token_sets, num_perm=BANDS * ROWS, seed=SEED)
    return lambda texts: len(made(map(shingled, texts)))


def gaoya(_: Path) -> Sketch:
    """Prepare the index, which splits words and makes shingles itself."""
    from gaoya.minhash import MinHashStringIndex

    index = MinHashStringIndex(
        num_bands=BANDS, band_size=ROWS, lowercase=True, ngram_range=(WORDS, WORDS)
    )
    return lambda texts: len(index.minhash_index.bulk_hash_docs(texts))


def datasketch(_: Path) -> Sketch:
    """Prepare its call for many sets."""
    from datasketch import MinHash

    def sketch(texts: list[str]) -> int:
        sets = ([shingle.encode() for shingle in shingled(text)] for text in texts)
        return sum(1 for _ in MinHash.generator(sets, num_perm=BANDS * ROWS, seed=SEED))

    return sketch


def text_dedup(_: Path) -> Sketch:
    """Prepare its function for one text, with what its command gives that by default."""
    import numpy as np
    from text_dedup import minhash
    from text_dedup.utils import sha1_hash

    prime, size = np.uint64((1 << 61) - 1), BANDS * ROWS
    drawn = [minhash.RNG.randint(least, prime, size=size, dtype=np.uint64) for least in (1, 0)]
    made = partial(
        minhash.embed_func,
        num_perm=size,
        ngram_size=WORDS,
        min_length=WORDS,
        hashranges=[(band * ROWS, (band + 1) * ROWS) for band in range(BANDS)],
        permutations=drawn,
        hash_func=sha1_hash,
        dtype=np.uint64,
        max_hash=np.uint32((1 << 32) - 1),
        modulo_prime=prime,
    )
    return lambda texts: sum(1 for row, text in enumerate(texts) if made(text, row))


def datatrove(folder: Path) -> Sketch:
    """Prepare its first step; writing and sorting of what it makes are left out."""
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature

    config = MinhashConfig(n_grams=WORDS, num_buckets=BANDS, hashes_per_bucket=ROWS)
    step: Any = MinhashDedupSignature(str(folder), config)

    def sketch(texts: list[str]) -> int:
        for text in texts:
            if (shingles := step.get_shingles(text)).size:
                step.get_signature(shingles)
        return len(texts)

    return sketch


PROGRAMS = {
    "rensa": rensa,
    "gaoya": gaoya,
    "datasketch": datasketch,
    "text-dedup": text_dedup,
    "datatrove": datatrove,
}


def prepare(given: Path, folder: Path, *, program: str) -> Callable[[], int]:
    """Read the texts; what is left is to sketch them."""
    return partial(PROGRAMS[program](folder), pq.read_table(given)["text"].to_pylist())


if __name__ == "__main__":
    contend(partial(prepare, program=sys.argv[4]))
