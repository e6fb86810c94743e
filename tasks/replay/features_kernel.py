"""Packed counts: how they are made, summed, and projected. Importing this imports Numba.

Sums are taken in one order and are not shuffled for speed: loops run along rows of a matrix, so
that the processor does many columns at a time, and the result is the same on every machine.
"""
# ruff: noqa: ANN401

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from tasks.replay.packed import FAR, OFTEN, VERY_OFTEN

ROOTS: Final = 1_024
"""Counts of which the root is kept ready."""


@njit(cache=True, nogil=True)
def packed(firsts: Any, buckets: Any, counts: Any) -> Any:
    """Pack rows of counts; return where each begins, and the bytes."""
    limits, body = np.zeros(len(firsts), np.int64), np.empty(8 * len(buckets), np.uint8)
    made = 0
    for i in range(len(firsts) - 1):
        before: Any = np.int64(-1)
        for k in range(firsts[i], firsts[i + 1]):
            bucket: Any = np.int64(buckets[k])
            often: Any = np.int64(counts[k]) - 1
            distance = bucket - before - 1
            low: Any = min(distance, FAR)
            high: Any = min(often, OFTEN)
            body[made] = low | (high << 6)
            made += 1
            if distance >= FAR:
                body[made], body[made + 1] = distance & 0xFF, distance >> 8
                made += 2
            if often >= OFTEN:
                body[made] = min(often, VERY_OFTEN)
                made += 1
            if often >= VERY_OFTEN:
                for byte in range(4):
                    body[made + byte] = (often >> (8 * byte)) & 0xFF
                made += 4
            before = bucket
        limits[i + 1] = made
    return limits, body[:made].copy()


@njit(cache=True, nogil=True)
def entry(body: Any, at: Any, before: Any) -> Any:
    """Return the bucket and count of the entry at a place, and where the next one begins."""
    first = np.int64(body[at])
    distance, often = first & FAR, first >> 6
    at += 1
    if distance == FAR:
        distance = np.int64(body[at]) | (np.int64(body[at + 1]) << 8)
        at += 2
    if often == OFTEN:
        often = np.int64(body[at])
        at += 1
    if often == VERY_OFTEN:
        often = np.int64(0)
        for byte in range(4):
            often |= np.int64(body[at + byte]) << (8 * byte)
        at += 4
    return before + distance + 1, often + 1, at


@njit(cache=True, nogil=True)
def sizes(firsts: Any, body: Any) -> Any:
    """Return the sum of each row."""
    found = np.zeros(len(firsts) - 1, np.int64)
    for i in range(len(found)):
        at, bucket = firsts[i], np.int64(-1)
        while at < firsts[i + 1]:
            bucket, count, at = entry(body, at, bucket)
            found[i] += count
    return found


@njit(cache=True, nogil=True)
def sums(firsts: Any, body: Any, rows: Any, weights: Any, buckets: int) -> Any:
    """Return the sum of some rows, each times its weight."""
    found = np.zeros(buckets, np.float64)
    for i in range(len(rows)):
        at, bucket = firsts[rows[i]], np.int64(-1)
        while at < firsts[rows[i] + 1]:
            bucket, count, at = entry(body, at, bucket)
            found[bucket] += weights[i] * count
    return found


@njit(cache=True, nogil=True)
def frequencies(firsts: Any, body: Any, rows: Any, buckets: int) -> Any:
    """Return of each bucket in how many of some rows it is."""
    found = np.zeros(buckets, np.int64)
    for row in rows:
        at, bucket = firsts[row], np.int64(-1)
        while at < firsts[row + 1]:
            bucket, _, at = entry(body, at, bucket)
            found[bucket] += 1
    return found


@njit(cache=True, nogil=True)
def dotted(firsts: Any, body: Any, rows: Any, weights: Any) -> Any:
    """Return the sum of ``weights[bucket] * count`` of some rows."""
    found = np.zeros(len(rows), np.float64)
    for i in range(len(rows)):
        at, bucket = firsts[rows[i]], np.int64(-1)
        while at < firsts[rows[i] + 1]:
            bucket, count, at = entry(body, at, bucket)
            found[i] += weights[bucket] * count
    return found


@njit(cache=True, nogil=True)
def _roots() -> Any:
    return np.sqrt(np.arange(ROOTS).astype(np.float64)).astype(np.float32)


@njit(cache=True, nogil=True)
def _root(roots: Any, count: Any) -> Any:
    return roots[count] if count < ROOTS else np.float32(np.sqrt(np.float64(count)))


@njit(cache=True, nogil=True)
def lengths(firsts: Any, body: Any, rows: Any, idf: Any) -> Any:
    """Return the length of each row's vector of ``root(count) idf[bucket]``, 1 if it is 0."""
    found = np.zeros(len(rows), np.float64)
    for i in range(len(rows)):
        at, bucket, total = firsts[rows[i]], np.int64(-1), 0.0
        while at < firsts[rows[i] + 1]:
            bucket, count, at = entry(body, at, bucket)
            total += count * np.float64(idf[bucket]) * np.float64(idf[bucket])
        found[i] = np.sqrt(total) if total > 0 else 1.0
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def projected(firsts: Any, body: Any, rows: Any, basis: Any) -> Any:
    """Return rows of ``sum root(count) basis[bucket]``; the basis holds the weight of buckets."""
    width, roots = basis.shape[1], _roots()
    found = np.zeros((len(rows), width), np.float32)
    for i in range(len(rows)):
        at, bucket, own = firsts[rows[i]], np.int64(-1), found[i]
        while at < firsts[rows[i] + 1]:
            bucket, count, at = entry(body, at, bucket)
            factor, direction = _root(roots, count), basis[bucket]
            for k in range(width):
                own[k] += factor * direction[k]
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def gathered(firsts: Any, body: Any, rows: Any, points: Any, buckets: int) -> Any:
    """Return of each bucket ``sum root(count) point``: the other way round, a row a bucket."""
    width, roots = points.shape[1], _roots()
    found = np.zeros((buckets, width), np.float32)
    for i in range(len(rows)):
        at, bucket, point = firsts[rows[i]], np.int64(-1), points[i]
        while at < firsts[rows[i] + 1]:
            bucket, count, at = entry(body, at, bucket)
            factor, own = _root(roots, count), found[bucket]
            for k in range(width):
                own[k] += factor * point[k]
    return found


@njit(cache=True, nogil=True)
def unit(points: Any) -> None:
    """Make rows of length 1, in place; a row of zeros stays one."""
    for i in range(len(points)):
        total = 0.0
        for k in range(points.shape[1]):
            total += np.float64(points[i, k]) * np.float64(points[i, k])
        if total > 0:
            factor = np.float32(1 / np.sqrt(total))
            for k in range(points.shape[1]):
                points[i, k] *= factor


@njit(cache=True, nogil=True)
def orthonormal(directions: Any) -> None:
    """Make rows orthogonal and of length 1, in place (modified Gram-Schmidt, twice over).

    A row that the rows before it leave nothing of becomes zeros.
    """
    for _ in range(2):
        for i in range(len(directions)):
            row = directions[i]
            before = 0.0
            for x in row:
                before += x * x
            for j in range(i):
                other, dot = directions[j], 0.0
                for k in range(len(row)):
                    dot += row[k] * other[k]
                for k in range(len(row)):
                    row[k] -= dot * other[k]
            total = 0.0
            for x in row:
                total += x * x
            factor = 1 / np.sqrt(total) if total > 1e-20 * before else 0.0
            for k in range(len(row)):
                row[k] *= factor
