"""Texts as sets of shingles, and their exact Jaccard similarity."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tasks import characters, compiled, shingles

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

KERNEL: Final = "tasks.shingles.kernel"


def jaccard(
    texts: pa.Array,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    *,
    width: int,
    by_character: bool = False,
) -> NDArray[np.float64]:
    """Return the Jaccard similarity, 0 to 1, of pairs of texts, by their places in ``texts``.

    Shingles are of ``width`` words (or characters), and told apart by 64 bits of hash. Two texts
    without a word have nothing in common: 0.
    """
    found, ends = sets(texts, width=width, by_character=by_character)
    kernel = compiled.load(KERNEL)
    similar: NDArray[np.float64] = kernel.jaccard(found, ends, left, right)
    return similar


def sets(
    texts: pa.Array, *, width: int, by_character: bool = False
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the different shingles of each text, by 64 bits of hash, and where each text's begin.

    Row i is ``found[ends[i]:ends[i + 1]]``, in order.
    """
    (chunk,) = compiled.chunks(texts)
    kernel = compiled.load(KERNEL)
    found, ends = kernel.sets(*compiled.buffers(chunk), folds(), width, by_character)
    return found, ends


@cache
def folds() -> tuple[NDArray[Any], NDArray[Any]]:
    """Return how far from each code point the one in lower case is (modulo 2^24), and its kind.

    By block; the kind stands from bit 24 on.
    """
    lowered = characters.lowered()
    kinds = shingles.kinds()[lowered]
    own = np.arange(len(lowered), dtype=np.uint32)
    distance = np.bitwise_and(lowered - own, np.uint32(0xFFFFFF))
    folded = np.bitwise_or(distance, kinds.astype(np.uint32) << np.uint32(24))
    return characters.in_blocks(folded)
