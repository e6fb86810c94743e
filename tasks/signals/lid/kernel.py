"""The score of a text by a fastText model, over UTF-8 bytes. Importing this imports Numba.

A text's **vector** is the mean of the rows of its words and of a closing ``</s>``:

- a **word** is a maximal run of characters that are no white space: neither fastText's (ASCII's and
  zero) nor the rest of what Python takes for it, as in the package fasttext-langdetect; else a run
  of no-break spaces is Slovak. As in fastText, a word ``</s>`` ends the text, and one that begins
  with ``__label__`` is left out;
- its rows: its own if the dictionary has it, then those of its character n-grams, taken from
  ``<word>`` by fastText's hash; and those of the word n-grams that end with it.

Sums are in 32-bit floats, first a word's and then the text's, so that a word's sum can be kept: it
is the same whether it was kept or not. The best label is found as in fastText, from the probability
with its 0.00001 added (at each step of the tree), and is none where that is below 0.00001.
"""
# ruff: noqa: ANN401, C901, PLR0911, PLR0913, PLR0917, PLR2004, PLR1714, SIM110

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numba import njit

from tasks.characters import swar
from tasks.signals.lid.kept import WORD_BITS

FNV_START: Final = np.uint64(2166136261)
FNV_PRIME: Final = np.uint64(16777619)
LOW_32: Final = np.uint64(0xFFFFFFFF)
SIGN: Final = np.uint64(0xFFFFFF00)
HIGH_32: Final = np.uint64(0xFFFFFFFF00000000)
WORD_GRAM: Final = np.uint64(116049371)
MIX: Final = np.uint64(0x9E3779B97F4A7C15)
"""2^64 / golden ratio (Knuth, The Art of Computer Programming 3, 6.4): spreads words over slots."""

TINY: Final = 1e-5
END_MARK: Final = np.frombuffer(b"</s>", np.uint8)
LABEL_MARK: Final = np.frombuffer(b"__label__", np.uint8)
_Function = Callable[..., Any]
_UNCOUNTED: Final[dict[str, Any]] = {"cache": True, "nogil": True, "_nrt": False}
_compiled: Callable[[_Function], _Function] = njit(**_UNCOUNTED)
_inlined: Callable[[_Function], _Function] = njit(inline="always", **_UNCOUNTED)
"""Without counts of references, which cost more than the work: nothing here makes an array. Inlined
is what is called for each word or n-gram, as a call would hand over all arrays of the model."""

KEPT_BYTES: Final = 16
TOP_BITS: Final = np.uint64(64 - WORD_BITS)
MAY_BE_BLANK: Final = np.array([b <= 32 or b == 0xC2 or 0xE1 <= b <= 0xE3 for b in range(256)])
"""First bytes of white space."""


@_compiled
def blank(data: Any, at: int, stop: int) -> int:
    """Return how many bytes of white space begin here, 0 to 3."""
    byte = data[at]
    if byte <= 32:
        return 1 if byte >= 28 or 9 <= byte <= 13 or byte == 0 else 0
    if byte < 0xC2 or byte > 0xE3:
        return 0
    if byte == 0xC2 and at + 1 < stop:  # 85 A0
        return 2 if data[at + 1] == 0x85 or data[at + 1] == 0xA0 else 0
    if byte < 0xE1 or at + 2 >= stop:
        return 0
    tail = (np.int64(data[at + 1]) << 8) | np.int64(data[at + 2])
    if byte == 0xE1:  # 1680
        return 3 if tail == 0x9A80 else 0
    if byte == 0xE3:  # 3000
        return 3 if tail == 0x8080 else 0
    if 0x8080 <= tail <= 0x808A or 0x80A8 <= tail <= 0x80A9:  # 2000-200A 2028-2029
        return 3
    return 3 if tail == 0x80AF or tail == 0x819F else 0  # 202F 205F


@_compiled
def first_end(data: Any, start: int, end: int, first_bytes: int) -> int:
    """Return where the first bytes of a text end: no later than a character does."""
    if end - start <= first_bytes:
        return end
    end = start + first_bytes
    while end > start and data[end] & 0xC0 == 0x80:
        end -= 1
    return end


@_compiled
def _hash_on(value: Any, byte: Any) -> Any:
    """Take one more byte into fastText's hash: FNV-1a, bytes as signed numbers."""
    signed = np.uint64(byte) | (SIGN if byte >= 128 else np.uint64(0))
    return ((value ^ signed) * FNV_PRIME) & LOW_32


@_inlined
def _gram_row(model: Any, bucket: Any) -> Any:
    """Return the row of a bucket, -1 where it has none."""
    if len(model.gram_marks) == 0:
        return np.int64(bucket) if len(model.gram_rows) else -1
    block = np.int64(bucket >> np.uint64(5))
    marks = np.uint64(model.gram_marks[block])
    bit = np.uint64(1) << (bucket & np.uint64(31))
    if marks & bit == 0:
        return -1
    return np.int64(np.uint64(model.gram_before[block]) + swar.ones(marks & (bit - np.uint64(1))))


@_compiled
def _clear(total: Any) -> None:
    for k in range(len(total)):
        total[k] = 0


@_inlined
def _add(total: Any, row: Any) -> None:
    for k in range(len(total)):
        total[k] += row[k]


@_compiled
def _hash(text: Any, start: int, end: int) -> Any:
    value = FNV_START
    for k in range(start, end):
        value = _hash_on(value, text[k])
    return value


@_inlined
def _word(model: Any, text: Any, start: int, end: int, value: Any) -> Any:
    """Return the number of a word with this hash in the dictionary, or -1."""
    at = np.int64(value & np.uint64(len(model.word_starts) - 2))
    for i in range(model.word_starts[at], model.word_starts[at + 1]):
        word = model.word_order[i]
        first = model.word_ends[word - 1] if word else 0
        if model.word_ends[word] - first != end - start:
            continue
        k = 0
        while k < end - start and model.word_bytes[first + k] == text[start + k]:
            k += 1
        if k == end - start:
            return np.int64(word)
    return -1


@_inlined
def _add_grams(model: Any, marked: Any, size: int, total: Any) -> int:
    """Add the rows of the character n-grams of ``marked``, a word between ``<`` and ``>``."""
    low, high, bucket = model.sizes[0], model.sizes[1], np.uint64(model.sizes[3])
    found = 0
    for start in range(size):
        if marked[start] & 0xC0 == 0x80:
            continue
        value, at = FNV_START, start
        for n in range(1, high + 1):
            if at >= size:
                break
            value = _hash_on(value, marked[at])
            at += 1
            while at < size and marked[at] & 0xC0 == 0x80:
                value = _hash_on(value, marked[at])
                at += 1
            if n >= low and not (n == 1 and (start == 0 or at == size)):
                row = _gram_row(model, value % bucket)
                if row >= 0:
                    _add(total, model.gram_rows[row])
                    found += 1
    return found


@_inlined
def _add_word(
    model: Any, text: Any, start: int, end: int, value: Any, marked: Any, total: Any
) -> int:
    """Sum a word's rows into ``total``; return how many there are."""
    _clear(total)
    found = 0
    word = _word(model, text, start, end, value)
    if word >= 0:
        _add(total, model.word_rows[word])
        found = 1
    if model.sizes[1] > 0:
        size = end - start + 2
        marked[0] = 60  # <
        for k in range(start, end):
            marked[k - start + 1] = text[k]
        marked[size - 1] = 62  # >
        found += _add_grams(model, marked, size, total)
    return found


@_compiled
def _add_word_grams(model: Any, open_grams: Any, count: int, value: Any, total: Any) -> int:
    """Add the rows of word n-grams that end with the word of hash ``value``, the longest first.

    ``open_grams`` are the hashes of ``count`` runs of words up to here; this one joins them.
    """
    bucket = np.uint64(model.sizes[3])
    # fastText keeps hashes as signed 32-bit numbers and widens them.
    wide = value | (HIGH_32 if value >= np.uint64(1 << 31) else np.uint64(0))
    found = 0
    for i in range(count):
        open_grams[i] = open_grams[i] * WORD_GRAM + wide
        row = _gram_row(model, open_grams[i] % bucket)
        if row >= 0:
            _add(total, model.gram_rows[row])
            found += 1
    if count == len(open_grams):
        count -= 1
        for i in range(count):
            open_grams[i] = open_grams[i + 1]
    open_grams[count] = wide
    return found


@_compiled
def _dot(row: Any, vector: Any) -> Any:
    total = np.float32(0)
    for k in range(len(vector)):
        total += row[k] * vector[k]
    return total


@_compiled
def _best_of_tree(model: Any, vector: Any, nodes: Any, scores: Any) -> tuple[int, float]:
    """Return the leaf of the greatest product along its path, looking at likelier sides first.

    Of equal ones it is the first that is found so.
    """
    labels = len(model.output)
    nodes[0], scores[0] = 2 * labels - 2, 1.0
    open_nodes, best, score = 1, -1, TINY
    while open_nodes:
        open_nodes -= 1
        node, here = nodes[open_nodes], scores[open_nodes]
        if here <= score:
            continue
        if node < labels:
            best, score = node, here
            continue
        right = 1.0 / (1.0 + math.exp(-np.float64(_dot(model.output[node - labels], vector))))
        first = 0 if right > 0.5 else 1  # pushed first, looked at last
        for side in (first, 1 - first):
            nodes[open_nodes] = model.tree[node - labels, side]
            scores[open_nodes] = here * ((right if side else 1.0 - right) + TINY)
            open_nodes += 1
    return best, score


@_compiled
def _along(model: Any, vector: Any, path: Any) -> float:
    """Return the product along a path of the tree: rows of inner node, and side that is taken."""
    score = 1.0
    for k in range(len(path)):
        right = 1.0 / (1.0 + math.exp(-np.float64(_dot(model.output[path[k, 0]], vector))))
        score *= (right if path[k, 1] else 1.0 - right) + TINY
    return score


@_compiled
def _of_all(model: Any, vector: Any, scores: Any, asked: int) -> tuple[int, float]:
    """Return a label and its softmax: the one asked for, or else (-1) the first of the greatest."""
    best = 0
    for i in range(len(model.output)):
        scores[i] = _dot(model.output[i], vector)
        if scores[i] > scores[best]:
            best = i
    total = 0.0
    for i in range(len(model.output)):
        total += math.exp(scores[i] - scores[best])
    label = best if asked < 0 else asked
    return label, math.exp(scores[label] - scores[best]) / total + TINY


@_compiled
def _is(text: Any, start: int, end: int, what: Any) -> bool:
    if end - start < len(what):
        return False
    for k in range(len(what)):
        if text[start + k] != what[k]:
            return False
    return True


@_compiled
def _next_word(data: Any, at: int, stop: int) -> tuple[int, int]:
    """Return where the next word begins and ends: both at ``stop`` where there is none."""
    width = 1
    while at < stop and width:
        width = blank(data, at, stop) if MAY_BE_BLANK[data[at]] else 0
        at += width
    start = at
    while at < stop:
        at = swar.past_visible(data, at, stop)
        if at == stop or (MAY_BE_BLANK[data[at]] and blank(data, at, stop)):
            break
        at += 1
    return start, at


@_compiled
def _label(model: Any, kept: Any, found: int, asked: int, path: Any) -> tuple[int, float]:
    """Return a label for the sum of ``found`` rows, and its probability."""
    if found == 0:
        return -1, 0.0
    part = np.float32(1.0 / found)
    for k in range(len(kept.vector)):
        kept.vector[k] *= part
    label, probability = asked, 1.0
    if not len(model.tree):
        label, probability = _of_all(model, kept.vector, kept.scores, asked)
    elif asked < 0:
        label, probability = _best_of_tree(model, kept.vector, kept.nodes, kept.scores)
    else:
        probability = _along(model, kept.vector, path)
    return label, min(probability, 1.0)


@_compiled
def score(
    model: Any,
    kept: Any,
    marked: Any,
    data: Any,
    offsets: Any,
    wanted: Any,
    first_bytes: int,
    asked: int,
    path: Any,
    labels: Any,
    probabilities: Any,
) -> None:
    """Score the wanted texts between ``offsets``, each by its first bytes up to a character.

    Writes the number of the label (-1: none) and its probability: of the label ``asked`` for, which
    ``path`` leads to where there is a tree, or else (-1) of the likeliest. ``kept`` is what one
    thread keeps of one model's words, and room to work in; ``marked`` is room for a text and two
    bytes more.
    """
    vector = kept.vector
    rest = len(kept.words) - 1  # the last place is for words that are too long to be kept
    with_word_grams = model.sizes[2] > 1
    end_hash = _hash(END_MARK, 0, len(END_MARK))
    end_word = _word(model, END_MARK, 0, len(END_MARK), end_hash)

    for i in range(len(offsets) - 1):
        labels[i], probabilities[i] = -1, 0.0
        if not wanted[i]:
            continue
        at, stop = offsets[i], offsets[i + 1]
        stop = first_end(data, at, stop, first_bytes)
        _clear(vector)
        found, open_count = 0, 0
        while True:
            start, at = _next_word(data, at, stop)
            if start == at:
                break
            if data[start] == 60 and at - start == 4 and _is(data, start, at, END_MARK):
                break
            if data[start] == 95 and _is(data, start, at, LABEL_MARK):
                continue
            short = at - start <= KEPT_BYTES
            slot: Any = rest
            low = high = np.uint64(0)
            if short:
                low = swar.load(data, start, at - start)
                if at - start > 8:
                    high = swar.load(data, start + 8, at - start - 8)
                slot = np.int64(((low ^ (high * MIX)) * MIX) >> TOP_BITS)
            if not short or kept.words[slot, 0] != low or kept.words[slot, 1] != high:
                value = _hash(data, start, at)
                kept.words[slot, 0], kept.words[slot, 1], kept.hashes[slot] = low, high, value
                kept.rows[slot] = _add_word(model, data, start, at, value, marked, kept.sums[slot])
            _add(vector, kept.sums[slot])
            found += kept.rows[slot]
            if with_word_grams:
                found += _add_word_grams(
                    model, kept.open_grams, open_count, kept.hashes[slot], vector
                )
                open_count = min(open_count + 1, len(kept.open_grams))
        if end_word >= 0:
            _add(vector, model.word_rows[end_word])
            found += 1
        if with_word_grams:
            found += _add_word_grams(model, kept.open_grams, open_count, end_hash, vector)
        labels[i], probabilities[i] = _label(model, kept, found, asked, path)
