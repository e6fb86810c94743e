"""Training of a linear model, and what it makes of texts. Importing this imports Numba."""
# ruff: noqa: ANN401, PLR0913, PLR0917

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numba import njit

from tasks.ngrams.kernel import hashed, space
from tasks.shingles import FACTOR
from tasks.shingles.kernel import longer, widely_mixed

FACTOR_64: Final = np.uint64(FACTOR)
HALF: Final = np.uint64(32)
ONE: Final = np.uint64(1)
CLOSE: Final = 1e-12
MOST_STEPS: Final = 60


@njit(cache=True, nogil=True)
def _sigmoid(margin: Any) -> Any:
    if margin >= 0:
        return 1.0 / (1.0 + math.exp(-margin))
    share = math.exp(margin)
    return share / (1.0 + share)


@njit(cache=True, nogil=True)
def _settled(others: Any, reach: Any, target: Any) -> Any:
    """Return the margin m for which m = others + reach (target - sigmoid(m)).

    Newton's steps from where the others are; half of the bracket in the place of a step that leaves
    it or is not half as long as the one before, which might go to and fro for ever.
    """
    low, high = others + reach * (target - 1.0), others + reach * target
    margin, before = min(max(others, low), high), high - low
    for _ in range(MOST_STEPS):
        share = _sigmoid(margin)
        off = margin - others - reach * (target - share)
        if off > 0:
            high = margin
        else:
            low = margin
        step = off / (1.0 + reach * share * (1.0 - share))
        if abs(step) < CLOSE * (1.0 + abs(margin)):
            break
        if not low < margin - step < high or 2.0 * abs(step) > before:
            step = margin - 0.5 * (low + high)
        before = abs(step)
        margin -= step
    return margin


@njit(cache=True, nogil=True)
def _left(bucket: Any, own: Any, least: Any) -> Any:
    """Tell whether dropout leaves a bucket of a document for which ``own`` was drawn."""
    return widely_mixed(own + (np.uint64(bucket) + ONE) * FACTOR_64) >> HALF >= least


@njit(cache=True, nogil=True)
def _sum(
    buckets: Any, counts: Any, begin: Any, end: Any, weights: Any, own: Any, least: Any
) -> Any:
    """Return what a document's weights come to, and how many n-grams are left of it."""
    total, many = 0.0, 0.0
    for i in range(begin, end):
        if least and not _left(buckets[i], own, least):
            continue
        count = float(counts[i])
        total += weights[buckets[i]] * math.sqrt(count)
        many += count
    return (total / math.sqrt(many) if many else 0.0), many


@njit(cache=True, nogil=True)
def _add(
    buckets: Any, counts: Any, begin: Any, end: Any, weights: Any, own: Any, least: Any, factor: Any
) -> None:
    for i in range(begin, end):
        if least and not _left(buckets[i], own, least):
            continue
        weights[buckets[i]] += factor * math.sqrt(float(counts[i]))


@njit(cache=True, nogil=True)
def _many(buckets: Any, counts: Any, begin: Any, end: Any, own: Any, least: Any) -> Any:
    many = 0.0
    for i in range(begin, end):
        if not least or _left(buckets[i], own, least):
            many += float(counts[i])
    return many


@njit(cache=True, nogil=True)
def epoch(
    rows: Any, given: Any, targets: Any, strengths: Any, residuals: Any, weights: Any, dropout: Any
) -> Any:
    """Do one epoch of :func:`tasks.classifier.epoch`; return the mean change of a residual.

    ``rows``: the documents to take, in this order, and for each the number of its row. ``given``:
    counts. ``dropout``: each document's own hash, the salts of the epoch before and of this one,
    and the least upper half of a hash that is not left out. Weights end with the bias.
    """
    order, places = rows
    firsts, buckets, counts = given
    hashes, salt_before, salt, least = dropout
    bias, changed = len(weights) - 1, 0.0
    for document in order:
        begin, end = firsts[places[document]], firsts[places[document] + 1]
        before = widely_mixed(hashes[document] ^ salt_before)
        own = widely_mixed(hashes[document] ^ salt)
        strength, residual = strengths[document], residuals[document]
        if least and residual:
            many = _many(buckets, counts, begin, end, before, least)
            if many:
                factor = -strength * residual / math.sqrt(many)
                _add(buckets, counts, begin, end, weights, before, least, factor)
            weights[bias] -= strength * residual
        total, many = _sum(buckets, counts, begin, end, weights, own, least)
        length = 2.0 if many else 1.0
        others = total + weights[bias]
        if not least:  # what it had is still there
            others -= strength * residual * length
        margin = _settled(others, strength * length, targets[document])
        new = targets[document] - _sigmoid(margin)
        more = strength * (new if least else new - residual)
        if many:
            factor = more / math.sqrt(many)
            _add(buckets, counts, begin, end, weights, own, least, factor)
        weights[bias] += more
        residuals[document] = new
        changed += abs(new - residual)
    return changed / max(1, len(order))


@njit(cache=True, nogil=True)
def margins(firsts: Any, buckets: Any, counts: Any, rows: Any, weights: Any, bias: Any) -> Any:
    """Return the margin of some rows of counts; NaN where there is no n-gram."""
    found, none = np.empty(len(rows), np.float64), np.uint64(0)
    for i in range(len(rows)):
        begin, end = firsts[rows[i]], firsts[rows[i] + 1]
        total, many = _sum(buckets, counts, begin, end, weights, none, none)
        found[i] = total + bias if many else np.nan
    return found


@njit(cache=True, nogil=True)
def scored(data: Any, offsets: Any, folds: Any, width: int, weights: Any, bias: Any) -> Any:
    """Return the margin of texts; NaN where there is no word. Nothing is kept of their n-grams."""
    spaces, buckets = space(offsets, width), np.uint64(len(weights))
    found = spaces[2]
    tally = np.zeros(len(weights), np.uint32)
    touched = np.empty(1 << 12, np.uint32)
    margins = np.full(len(offsets) - 1, np.nan)
    for text in range(len(offsets) - 1):
        state, last, different, many = (offsets[text], 0, 0, 0), False, 0, 0
        while not last:
            state, made, last = hashed(
                data, offsets[text + 1], folds, width, buckets, spaces, state
            )
            if different + made > len(touched):
                touched = longer(touched, different + made)
            for bucket in found[:made]:
                touched[different] = bucket
                different += tally[bucket] == 0
                tally[bucket] += np.uint32(1)
            many += made
        total = 0.0
        for bucket in touched[:different]:
            total += weights[bucket] * math.sqrt(float(tally[bucket]))
            tally[bucket] = 0
        if many:
            margins[text] = total / math.sqrt(float(many)) + bias
    return margins
