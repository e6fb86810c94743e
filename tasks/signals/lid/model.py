"""A supervised fastText model (``.bin``, ``.ftz``) as arrays that a kernel can trust.

The format is that of fastText 0.9.2 (``src/fasttext.cc``, ``dictionary.cc``, ``quantmatrix.cc`` and
``productquantizer.cc`` of github.com/facebookresearch/fastText), little-endian throughout:
arguments, dictionary, input matrix, output matrix. Every number in the file is checked before
anything is read, made or indexed by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from tasks.signals.lid.content import Content
from tasks.signals.lid.kept import Memory, in_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC: Final = 793712314
VERSION: Final = 12
SUPERVISED: Final = 3
HIERARCHICAL_SOFTMAX, SOFTMAX = 1, 3
LABEL: Final = b"__label__"
CENTROIDS: Final = 256
MAX_ASCII: Final = 127
MOST_WORDS_OF_A_TREE: Final = 10**15
"""What fastText starts an unfinished node of its tree with."""

LONGEST_GRAM: Final = 100
LARGEST_BUCKET: Final = 2**27
LARGEST_MATRIX: Final = 2**31
"""Bytes. Three bounds on what a small file may ask memory and time for, far above real models."""

LARGEST_WEIGHT: Final = 1e9
"""Far above real models too, and so small that no sum or product of weights overflows."""


class Arrays(NamedTuple):
    """What the kernel reads. A gram is a character or word n-gram, known by its hash alone.

    - ``sizes``: shortest and longest character gram, longest word gram, hash buckets.
    - ``word_bytes``, ``word_ends``: the words, one after the other. ``word_order``: their numbers,
      sorted by the low bits of their hash; ``word_starts``: where each value of those begins there.
    - ``gram_marks``, ``gram_before``: empty where ``gram_rows`` has a row for each bucket. If not,
      for every 32 buckets which of them have a row there (a bit each), and how many have one
      before. Most n-grams have none: apart from the rest, the marks stay in a core's cache.
    - ``output``: a row a label (softmax), or a row an inner node (hierarchical softmax).
    - ``tree``: left and right child of each inner node, empty for softmax; a number below that of
      the labels is a label, and the last node is the root.
    """

    sizes: NDArray[np.int64]
    word_bytes: NDArray[np.uint8]
    word_ends: NDArray[np.int64]
    word_order: NDArray[np.int32]
    word_starts: NDArray[np.int64]
    word_rows: NDArray[np.float32]
    gram_marks: NDArray[np.uint32]
    gram_before: NDArray[np.uint32]
    gram_rows: NDArray[np.float32]
    output: NDArray[np.float32]
    tree: NDArray[np.int32]


@dataclass(frozen=True)
class Model:
    """A model ready for scoring: ``labels`` without fastText's prefix, the arrays, the memory."""

    labels: tuple[str, ...]
    arrays: Arrays
    memory: Memory


class _Arguments(NamedTuple):
    dim: int
    word_grams: int
    loss: int
    bucket: int
    min_gram: int
    max_gram: int

    def hashes(self) -> bool:
        return self.max_gram > 0 or self.word_grams > 1


class _Dictionary(NamedTuple):
    words: list[bytes]
    labels: list[bytes]
    label_counts: list[int]
    pruned: NDArray[np.int32] | None
    """Kept buckets and their rows; None where every bucket has one."""


def read_model(data: bytes, where: str) -> Model:
    """Read a model; ``where`` is what an error calls it.

    Raises :class:`ConfigError` for anything but an intact supervised model with (hierarchical)
    softmax. Quantised matrices are decoded.
    """
    content = Content(data, where)
    arguments = _arguments(content)
    words = _dictionary(content)
    rows = _matrix(content, "input", arguments.dim, quantised=(packed := content.flag("quant")))
    if words.pruned is not None and not packed:
        raise content.wrong("a pruned dictionary with a full matrix", "both quantised")
    output = _matrix(content, "output", arguments.dim, quantised=content.flag("qout"))
    content.end()
    if len(output) != len(words.labels):
        raise content.wrong(f"{len(output)} output rows", f"{len(words.labels)}, one a label")
    marks, before, gram_rows = _grams(content, arguments, words, rows)
    arrays = Arrays(
        np.array([*arguments[4:], arguments.word_grams, arguments.bucket], np.int64),
        *_words(words.words),
        *_by_hash(words.words),
        in_lines(rows[: len(words.words)]),
        marks,
        before,
        gram_rows,
        output,
        _tree(content, words.label_counts) if arguments.loss == HIERARCHICAL_SOFTMAX else NO_TREE,
    )
    return Model(_names(content, words.labels), arrays, Memory(arrays))


NO_TREE: Final = np.zeros((0, 2), np.int32)


def _arguments(content: Content) -> _Arguments:
    magic, version = content.numbers("<ii", "magic number and version")
    if magic != MAGIC:
        raise content.wrong(f"a file that begins with {magic}", f"fastText's magic number {MAGIC}")
    if version != VERSION:
        raise content.wrong(f"version {version} of the format", f"version {VERSION}")
    read = content.numbers("<12id", "arguments")
    dim, _, _, _, _, word_grams, loss, model, bucket, low, high = map(int, read[:11])
    content.between("dim", dim, 1, LARGEST_MATRIX)
    content.between("wordNgrams", word_grams, 0, LONGEST_GRAM)
    content.between("minn", low, 0, LONGEST_GRAM)
    content.between("maxn", high, 0, LONGEST_GRAM)
    if model != SUPERVISED:
        raise content.wrong(f"model type {model} (word vectors)", f"a classifier ({SUPERVISED})")
    if loss not in (HIERARCHICAL_SOFTMAX, SOFTMAX):
        raise content.wrong(f"loss {loss}", "hierarchical softmax (1) or softmax (3)")
    arguments = _Arguments(dim, word_grams, loss, bucket, low, high)
    content.between("bucket", bucket, int(arguments.hashes()), LARGEST_BUCKET)
    return arguments


def _dictionary(content: Content) -> _Dictionary:
    size, n_words, n_labels, _, n_pruned = content.numbers("<iiiqq", "sizes of the dictionary")
    content.between("nwords", n_words, 0, content.left() // 10)
    content.between("nlabels", n_labels, 1, content.left() // 10)
    if size != n_words + n_labels:
        raise content.wrong(f"a dictionary of {size} entries", f"{n_words} + {n_labels}")
    entries = [content.entry() for _ in range(int(size))]
    kinds = [kind for _, _, kind in entries]
    if kinds != [0] * int(n_words) + [1] * int(n_labels):
        raise content.wrong("words and labels in disorder", "all words (0), then all labels (1)")
    texts = [text for text, _, _ in entries]
    if len(set(texts)) != len(texts):
        raise content.wrong("a word or label twice", "each of them once")
    pruned = None
    if n_pruned >= 0:
        pruned = content.array("<i4", int(n_pruned) * 2, "pruned n-grams").reshape(-1, 2)
    counts = [count for _, count, _ in entries[int(n_words) :]]
    return _Dictionary(texts[: int(n_words)], texts[int(n_words) :], counts, pruned)


def _matrix(content: Content, name: str, dim: int, *, quantised: bool) -> NDArray[np.float32]:
    if quantised:
        values = _quantised(content, name, dim)
    else:
        height, width = content.numbers("<qq", f"size of the {name} matrix")
        content.same(f"columns of the {name} matrix", width, dim)
        content.between(f"rows of the {name} matrix", height, 0, content.left() // (4 * dim))
        values = content.array("<f4", int(height) * dim, f"{name} matrix").reshape(-1, dim)
    if values.size and not max(values.max(), -values.min()) <= LARGEST_WEIGHT:  # not a number: too
        raise content.wrong(f"an absurd weight in the {name} matrix", f"{LARGEST_WEIGHT:g} at most")
    return values


def _quantised(content: Content, name: str, dim: int) -> NDArray[np.float32]:
    """Decode product quantisation: each row is a centroid a part, times its norm if it has one."""
    with_norms = content.flag("qnorm")
    height, width, size = content.numbers("<qqi", f"size of the {name} matrix")
    content.same(f"columns of the {name} matrix", width, dim)
    most = min(content.left(), LARGEST_MATRIX // (4 * dim))
    content.between(f"rows of the {name} matrix", height, 0, most)
    content.between(f"codes of the {name} matrix", size, 0, content.left())
    codes = content.array("u1", int(size), f"codes of the {name} matrix")
    parts = _centroids(content, name, dim)
    content.same(f"codes of the {name} matrix", size, height * len(parts))
    # One part after the other, because taking all at once doubles the memory.
    values = np.empty((int(height), dim), np.float32)
    at = 0
    for part, column in zip(parts, codes.reshape(-1, len(parts)).T, strict=True):
        values[:, at : at + part.shape[1]] = part[column]
        at += part.shape[1]
    if with_norms:
        norm_codes = content.array("u1", int(height), f"norms of the {name} matrix")
        values *= _centroids(content, f"{name} norm", 1)[0][norm_codes]
    return values


def _centroids(content: Content, name: str, dim: int) -> list[NDArray[np.float32]]:
    """Return the 256 centroids of each part of a row; only the last part may be narrower."""
    width, count, part, last = map(int, content.numbers("<4i", f"{name} quantiser"))
    content.same(f"width of the {name} quantiser", width, dim)
    content.between(f"parts of the {name} quantiser", count, 1, dim)
    content.between(f"last part of the {name} quantiser", last, 1, part)
    content.same(f"parts of the {name} quantiser together", (count - 1) * part + last, dim)
    values = content.array("<f4", dim * CENTROIDS, f"{name} quantiser")
    starts = [i * CENTROIDS * part for i in range(1, count)]
    return [piece.reshape(CENTROIDS, -1) for piece in np.split(values, starts)]


def _words(words: list[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    ends = np.cumsum([len(word) for word in words], dtype=np.int64)
    return np.frombuffer(b"".join(words), np.uint8).copy(), ends


def _by_hash(words: list[bytes]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Sort words by the low bits of their hash, with about one word a value."""
    size = 1 << max(len(words) - 1, 0).bit_length()
    low = np.array([fnv(word) & (size - 1) for word in words], np.int64)
    order = np.argsort(low, kind="stable")
    starts = np.searchsorted(low[order], np.arange(size + 1))
    return order.astype(np.int32), starts.astype(np.int64)


def fnv(text: bytes) -> int:
    """Return fastText's hash: FNV-1a in 32 bits, with bytes taken as signed numbers."""
    value = 2166136261
    for byte in text:
        value = (value ^ (byte | (0xFFFFFF00 if byte > MAX_ASCII else 0))) * 16777619 & 0xFFFFFFFF
    return value


def _grams(
    content: Content, arguments: _Arguments, words: _Dictionary, rows: NDArray[np.float32]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.float32]]:
    grams = rows[len(words.words) :]
    if len(rows) < len(words.words):
        raise content.wrong(f"{len(rows)} input rows", f"{len(words.words)} or more, one a word")
    no_marks = np.zeros(0, np.uint32)
    nothing = no_marks, no_marks, np.zeros((0, arguments.dim), np.float32)
    if not arguments.hashes():
        return nothing
    if words.pruned is None:
        content.between("n-grams' rows", len(grams), arguments.bucket, 2**63 - 1)
        return no_marks, no_marks, in_lines(grams[: arguments.bucket])
    if not len(words.pruned):
        return nothing
    kept = words.pruned[np.argsort(words.pruned[:, 0], kind="stable")]
    content.between("kept n-grams", int(kept[0, 0]), 0, arguments.bucket - 1)
    content.between("kept n-grams", int(kept[-1, 0]), 0, arguments.bucket - 1)
    if (kept[1:, 0] == kept[:-1, 0]).any():
        raise content.wrong("an n-gram that is kept twice", "each of them once")
    for row in (int(kept[:, 1].min()), int(kept[:, 1].max())):
        content.between("n-gram's row", row, 0, len(grams) - 1)
    return *_ranks(kept[:, 0], arguments.bucket), in_lines(grams[kept[:, 1]])


def _ranks(kept: NDArray[np.int32], bucket: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Index sorted numbers below ``bucket``: a bit for each, and before 32 bits their count."""
    marks = np.zeros(-(-bucket // 32) * 32, np.uint8)
    marks[kept] = 1
    bits = np.packbits(marks, bitorder="little").view("<u4")
    counts = marks.reshape(-1, 32).sum(axis=1, dtype=np.uint32)
    return bits.astype(np.uint32), np.cumsum(counts, dtype=np.uint32) - counts


def _tree(content: Content, counts: list[int]) -> NDArray[np.int32]:
    """Return fastText's Huffman tree of the labels: children of each inner node, the root last.

    Leaves are taken from the last label on, the rarest; of equals an inner node goes first.
    """
    if min(counts) < 0 or sum(counts) >= MOST_WORDS_OF_A_TREE:
        raise content.wrong("a label's count that cannot be", f"0 to {MOST_WORDS_OF_A_TREE} in all")
    total, leaf, node = len(counts), len(counts) - 1, len(counts)
    weights = [*counts, *([MOST_WORDS_OF_A_TREE] * (total - 1))]
    children = np.empty((total - 1, 2), np.int32)
    for inner in range(total, 2 * total - 1):
        for side in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                children[inner - total, side], leaf = leaf, leaf - 1
            else:
                children[inner - total, side], node = node, node + 1
        weights[inner] = sum(weights[child] for child in children[inner - total])
    return children


def _names(content: Content, labels: list[bytes]) -> tuple[str, ...]:
    try:
        return tuple(label.removeprefix(LABEL).decode() for label in labels)
    except UnicodeDecodeError as error:
        raise content.wrong("a label that is no UTF-8", "UTF-8") from error
