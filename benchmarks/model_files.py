"""Texts and models for the bench of models; the same on every run.

``python -m benchmarks.model_files FOLDER DOCUMENTS FEW LEARNED MB [quick]`` writes texts as
:mod:`benchmarks.documents` does (``rules.jsonl``, ``few.jsonl``, ``small.jsonl``,
``pass1.jsonl.gz`` and its small one), in ``labels.jsonl`` whether each is of the kind that
classifiers look for, and models: ``classifier``, ``ngrams-3`` and ``ngrams-5`` (openmoat's
folders), learned from ``LEARNED`` texts that come after the others; ``two-labels.bin`` (fastText's)
and ``order-3.arpa``, ``order-5.arpa`` (KenLM's), whose numbers are none that anybody learned: speed
does not depend on them. It prints what they hold as one JSON line.
"""

from __future__ import annotations

import json
import struct
import sys
from collections import Counter
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from benchmarks import documents as bench
from benchmarks import texts
from benchmarks.measuring import MB
from tasks.classifier import documents as d
from tasks.classifier import training
from tasks.classifier.training import Settings
from tasks.models import files
from tasks.ngram_lm.training import Counting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ORDERS: Final = (3, 5)
PROSE: Final = (
    *(f"dolma/documents/{name}" for name in ("wiki", "news", "science")),
    *("native/wikinews", "python-readmes"),
)
"""Origins of the kind that is looked for: articles, news and abstracts; readmes where only those
and other texts of packages are there."""
DIM, WORDS, BUCKETS = 100, 100_000, 100_000
LABELS: Final = ("hq", "cc")
BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
BACK_OFF: Final = -0.3
"""Log of the weight of every context of an ARPA file."""


def column(some: Sequence[str]) -> pa.ChunkedArray:
    """Return texts as a column."""
    return pa.chunked_array([pa.array(some, pa.large_string())])


def counted(some: pa.ChunkedArray, positive: Sequence[bool]) -> tuple[d.Documents, d.Documents]:
    """Count the n-grams of texts of both kinds, as a classifier is trained on them."""
    settings, mask = Settings(), np.array(positive)
    both = (some.filter(pa.array(side)) for side in (mask, ~mask))
    one, other = (d.of(t, width=settings.width, buckets=1 << settings.bits) for t in both)
    return one, other


def learn(folder: Path, some: Sequence[str], positive: Sequence[bool]) -> None:
    """Train openmoat's models on texts, and lay them by."""
    settings = Settings(least_documents=10)
    model = training.train(*counted(column(some), positive), settings=settings).model
    made = files.Made(model.settings(), model.arrays(), model.digest, {}, {})
    files.write(str(folder / "classifier"), "classifier", made)
    for order in ORDERS:
        counting = Counting(order)
        counting.add(column(some))
        lm = counting.model()
        made = files.Made(lm.about(), lm.arrays(), lm.digest, {}, {})
        files.write(str(folder / f"ngrams-{order}"), "ngram_lm", made)


def fasttext(file: Path, some: Iterable[str]) -> None:
    """Write a supervised model with the most frequent words of texts, and numbers by seed.

    The format is that of fastText 0.9.2, as :mod:`tasks.signals.lid.model` reads it.
    """
    counts = Counter(word for text in some for word in text.replace("\0", " ").encode().split())
    known = [b"</s>", *(word for word, _ in counts.most_common(WORDS) if word != b"</s>")]
    entries = [(word, 0) for word in known] + [(f"__label__{x}".encode(), 1) for x in LABELS]
    chance = np.random.default_rng(texts.SEED)
    with file.open("wb") as out:
        # Magic and version; dim, window, epochs, least count, negatives, word n-grams, softmax,
        # supervised, buckets, no n-grams of characters (two numbers), rate of updates, t.
        out.write(struct.pack("<ii", 793712314, 12))
        out.write(struct.pack("<12id", DIM, 5, 5, 1, 5, 2, 3, 3, BUCKETS, 0, 0, 100, 1e-4))
        out.write(struct.pack("<iiiqq", len(entries), len(known), len(LABELS), 1_000, -1))
        for text, kind in entries:
            out.write(text + b"\0" + struct.pack("<qb", 1, kind))
        for rows in (len(known) + BUCKETS, len(LABELS)):
            values = chance.normal(size=(rows, DIM)).astype("<f4")
            out.write(b"\0" + struct.pack("<qq", rows, DIM) + values.tobytes())


def tokens(text: str) -> list[str]:
    """Return what KenLM is given: words between white space, in lower case."""
    own = (BEGIN, END, UNKNOWN)
    return [word for word in text.lower().replace("\0", " ").split() if word not in own]


def arpa(file: Path, some: Sequence[str], order: int) -> None:
    """Write an ARPA file of plain counts of n-grams: shares of their contexts, undiscounted."""
    rows = [[BEGIN, *tokens(text), END] for text in some]
    parts, sizes = [], []
    before: Counter[str] = Counter()
    for n in range(1, order + 1):
        counts = Counter(" ".join(r[i : i + n]) for r in rows for i in range(len(r) - n + 1))
        if n == 1:
            counts[UNKNOWN] = 1
            before[""] = counts.total()
        parts.append("".join([f"\n\\{n}-grams:\n", *_grams(counts, before, last=n == order)]))
        sizes.append(f"ngram {n}={len(counts)}\n")
        before = counts
    with file.open("w", encoding="utf-8") as out:
        out.writelines(["\\data\\\n", *sizes, *parts, "\n\\end\\\n"])


def _grams(counts: Counter[str], before: Counter[str], *, last: bool) -> Iterator[str]:
    weight = "" if last else f"\t{BACK_OFF}"
    for gram, count in counts.items():
        log = log10(count / before[gram.rpartition(" ")[0]])
        yield f"{min(log, -1e-6):.6f}\t{gram}{weight}\n"


def main(folder: Path, sizes: Sequence[int], mb: float, *, quick: bool) -> dict[str, Any]:
    """Write the files; return what they hold. ``sizes``: documents, few, learned."""
    origins = bench.origins_of(quick=quick)
    every, (many, few, learned) = list(origins), sizes
    some = every[many : many + learned] or every[:learned]
    flags = [origins[text] in PROSE for text in every]
    with (folder / "labels.jsonl").open("w", encoding="utf-8") as out:
        out.writelines(f"{json.dumps(flag)}\n" for flag in flags[:many])
    learn(folder, some, [origins[text] in PROSE for text in some])
    fasttext(folder / "two-labels.bin", every[:many])
    for order in ORDERS:
        arpa(folder / f"order-{order}.arpa", some, order)
    rows = list(texts.records(every, mb * MB))
    return {
        "made": bench.MADE,
        "origins": dict(sorted(Counter(origins.values()).items())),
        "rules": bench.lines(folder / "rules.jsonl", every[:many]),
        "few": bench.lines(folder / "few.jsonl", every[:few]),
        "small": bench.lines(folder / "small.jsonl", every[: texts.SMALL]),
        "pass1": bench.packed(folder / "pass1.jsonl.gz", rows, len(every)),
        "small_records": bench.packed(folder / "small.jsonl.gz", rows[: texts.SMALL], len(every)),
        "positive": sum(flags[:many]),
        "learned": {"documents": len(some), "text_bytes": sum(len(t.encode()) for t in some)},
        "fasttext_mb": round((folder / "two-labels.bin").stat().st_size / MB, 1),
    }


if __name__ == "__main__":
    sizes_ = [int(size) for size in sys.argv[2:5]]
    quick_ = bool(sys.argv[6:])
    print(json.dumps(main(Path(sys.argv[1]), sizes_, float(sys.argv[5]), quick=quick_)))
