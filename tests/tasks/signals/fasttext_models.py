"""Small fastText models of every kind that is read, written byte by byte."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

WORDS = (b"</s>", b"the", b"der", "été".encode(), "漢字".encode(), b"a-word-of-eighteen", b"x")


@dataclass(frozen=True)
class Small:
    """What a small model is made of; its weights are drawn from ``seed``."""

    dim: int = 5
    words: tuple[bytes, ...] = WORDS
    counts: tuple[int, ...] = (50, 20, 20, 5, 1)
    min_gram: int = 2
    max_gram: int = 4
    word_grams: int = 1
    bucket: int = 50
    loss: int = 1
    kept: tuple[int, ...] | None = None
    quantised: bool = False
    with_norms: bool = True
    output_quantised: bool = False
    part: int = 2
    seed: int = 0

    def labels(self) -> list[bytes]:
        """Return the labels as the file has them."""
        return [b"__label__l%d" % i for i in range(len(self.counts))]

    def content(self) -> bytes:
        """Return the file."""
        rng = np.random.default_rng(self.seed)
        head = struct.pack("<ii", 793712314, 12)
        numbers = (self.dim, 5, 5, 1, 5, self.word_grams, self.loss, 3, self.bucket)
        head += struct.pack("<12id", *numbers, self.min_gram, self.max_gram, 100, 1e-4)
        grams = self.bucket if self.kept is None else len(self.kept)
        rows = len(self.words) + grams
        return b"".join(
            (
                head,
                self.dictionary(rng),
                bytes([self.quantised]),
                self.matrix(rng, rows, quantised=self.quantised),
                bytes([self.output_quantised]),
                self.matrix(rng, len(self.counts), quantised=self.output_quantised),
            )
        )

    def dictionary(self, rng: np.random.Generator) -> bytes:
        """Return words, labels and which n-grams are kept, in which rows."""
        pruned = -1 if self.kept is None else len(self.kept)
        sizes = (len(self.words) + len(self.counts), len(self.words), len(self.counts))
        entries = [(word, 1, 0) for word in self.words]
        entries += [(label, n, 1) for label, n in zip(self.labels(), self.counts, strict=True)]
        written = [text + b"\0" + struct.pack("<qb", n, kind) for text, n, kind in entries]
        kept = () if self.kept is None else self.kept
        places = zip(kept, rng.permutation(len(kept)), strict=True)
        pairs = [struct.pack("<ii", gram, row) for gram, row in places]
        return struct.pack("<iiiqq", *sizes, 1000, pruned) + b"".join((*written, *pairs))

    def matrix(self, rng: np.random.Generator, rows: int, *, quantised: bool) -> bytes:
        """Return a matrix of this many rows."""
        if not quantised:
            values = rng.normal(size=(rows, self.dim)).astype("<f4")
            return struct.pack("<qq", rows, self.dim) + values.tobytes()
        parts = -(-self.dim // self.part)
        codes = rng.integers(0, 256, rows * parts, np.uint8)
        size = struct.pack("<?qqi", self.with_norms, rows, self.dim, len(codes))
        written = size + codes.tobytes() + quantiser(rng, self.dim, parts, self.part)
        if self.with_norms:
            norms = rng.integers(0, 256, rows, np.uint8).tobytes()
            written += norms + quantiser(rng, 1, 1, 1)
        return written


def quantiser(rng: np.random.Generator, dim: int, parts: int, part: int) -> bytes:
    """Return a quantiser with centroids that are drawn."""
    last = dim - (parts - 1) * part
    centroids = rng.normal(size=dim * 256).astype("<f4")
    return struct.pack("<4i", dim, parts, part, last) + centroids.tobytes()


@st.composite
def smalls(draw: st.DrawFn) -> Small:
    """Models of every kind: full and pruned, quantised and not, word n-grams or none."""
    low = draw(st.integers(0, 3))
    model = Small(
        dim=draw(st.integers(1, 6)),
        words=draw(st.sampled_from([WORDS, WORDS[1:], WORDS[:1], ()])),
        counts=tuple(draw(st.lists(st.integers(0, 30), min_size=1, max_size=6))),
        min_gram=low,
        max_gram=draw(st.sampled_from([0, low, low + 2])),
        word_grams=draw(st.integers(1, 4)),
        bucket=draw(st.sampled_from([1, 7, 32, 100])),
        loss=draw(st.sampled_from([1, 3])),
        quantised=draw(st.booleans()),
        with_norms=draw(st.booleans()),
        part=draw(st.integers(1, 3)),
        seed=draw(st.integers(0, 99)),
    )
    if not model.quantised:
        return model
    kept = st.none() | st.sets(st.integers(0, model.bucket - 1)).map(lambda s: (*s,))
    return replace(model, kept=draw(kept), output_quantised=draw(st.booleans()))
