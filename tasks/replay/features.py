r"""Passages as points: texts that share words which few texts have lie near each other.

**Weight** of a bucket (:mod:`tasks.replay.packed`) in a passage: ``root(count) idf``, where ``idf =
log((n + 1) / (df + 1))``, for ``df`` of ``n`` passages that have the bucket. A passage is the
vector of its weights, of length 1.

**Directions**: an orthonormal basis of the space that the first 128 right singular vectors of such
vectors span (truncated SVD), those of the target and of a seeded sample of the pool, some thousand
of each. It is found by orthogonal iteration: from seeded Gaussian numbers, times the matrix and its
transpose a few times, made orthonormal in between. The basis settles the directions up to a
rotation, which distances do not see; signs are fixed so that the largest part is positive.

**Point**: the projection of a passage, of length 1. One without words is all zeros.

:func:`weights` and :func:`point` are the definition in plain Python;
:mod:`tasks.replay.features_kernel` is what runs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from tasks import compiled
from tasks.replay import order
from tasks.replay.packed import BUCKETS, KERNEL, Packed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ints = NDArray[np.int64]

DIRECTIONS: Final = 128
MOST_FITTED: Final = 8_000
"""Passages of the target, and of the pool, that directions are fitted on."""
ITERATIONS: Final = 5
BATCH: Final = 8_192
"""Passages that are points at a time: half a kilobyte each."""


class Space(NamedTuple):
    """Directions of length 1, ``(buckets, directions)``, and the weight of each bucket."""

    basis: Floats
    idf: Floats


def fit(parts: Sequence[tuple[Packed, Ints]], *, seed: int, directions: int = DIRECTIONS) -> Space:
    """Return the space of passages: some rows of each of several packed ones.

    In another order of rows the last digits differ: :func:`sample` gives one. ValueError where
    there is no passage.
    """
    if not sum(len(rows) for _, rows in parts):
        raise ValueError("no passages: wanted some of the target or the pool")
    kernel = compiled.load(KERNEL)
    df = sum(kernel.frequencies(*packed, rows, BUCKETS) for packed, rows in parts)
    n = sum(len(rows) for _, rows in parts)
    idf = np.log((n + 1) / (df + 1)).astype(np.float32)
    lengths = [kernel.lengths(*packed, rows, idf) for packed, rows in parts]
    basis = np.random.default_rng(seed).standard_normal((directions, BUCKETS))
    for _ in range(ITERATIONS):
        basis *= idf
        weighted = np.ascontiguousarray(basis.T, np.float32)
        total = np.zeros((BUCKETS, directions), np.float64)
        for (packed, rows), length in zip(parts, lengths, strict=True):
            points = kernel.projected(*packed, rows, weighted)
            points *= (1 / length**2).astype(np.float32)[:, None]  # both factors are of length 1
            total += kernel.gathered(*packed, rows, points, BUCKETS)
        basis = np.ascontiguousarray(total.T) * idf
        kernel.orthonormal(basis)
    return Space(_signed(basis), idf)


def _signed(basis: NDArray[np.float64]) -> Floats:
    largest = np.abs(basis).argmax(axis=1)
    signs = np.where(basis[np.arange(len(basis)), largest] < 0, -1.0, 1.0)
    return np.ascontiguousarray((basis * signs[:, None]).T, np.float32)


def project(space: Space, packed: Packed, rows: Ints) -> Floats:
    """Return the points of some passages, ``(rows, directions)``: 512 bytes each."""
    kernel = compiled.load(KERNEL)
    # The length of what is projected does not matter: the point is made of length 1.
    found: Floats = kernel.projected(*packed, rows, space.basis * space.idf[:, None])
    kernel.unit(found)
    return found


def batches(space: Space, packed: Packed) -> Iterator[Floats]:
    """Yield the points of all passages, some thousand at a time."""
    for start in range(0, packed.size, BATCH):
        yield project(space, packed, np.arange(start, min(start + BATCH, packed.size)))


def sample(keys: NDArray[np.uint64], *, seed: int, most: int = MOST_FITTED) -> Ints:
    """Return the places of up to ``most`` passages, drawn and ordered by seed and key."""
    return order.order(keys, seed=seed, use=order.FIT)[:most]


def weights(row: Mapping[int, int], idf: Sequence[float]) -> dict[int, float]:
    """Return the vector of a passage, of length 1, by the definition above."""
    own = {bucket: math.sqrt(count) * idf[bucket] for bucket, count in row.items()}
    length = math.hypot(*own.values())
    return {bucket: weight / length for bucket, weight in own.items() if length}


def point(row: Mapping[int, int], space: Space) -> Any:  # noqa: ANN401  (an array of float64)
    """Return the point of a passage, by the definition above."""
    own, none = weights(row, space.idf.tolist()), np.zeros(space.basis.shape[1])
    found = sum((w * space.basis[b].astype(np.float64) for b, w in own.items()), none)
    length = math.hypot(*found.tolist())
    return found / length if length else found
