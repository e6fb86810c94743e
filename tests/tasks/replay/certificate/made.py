"""Sides of real documents for the tests of certificates: five kinds, dealt three ways."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tasks.replay.certificate import Texts
from tests.real_data import real_data, real_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

KINDS = ("code", "docs", "legal", "news", "science")
CHARS = 1_800
EACH = 132
"""Documents of a kind in each part."""
SHARD, REFERENCE, POOL = range(3)


@cache
def documents() -> dict[str, list[str]]:
    """Return the beginnings of documents of each kind, each text once."""
    found = {}
    for kind in KINDS:
        files = sorted((real_data() / "dolma" / "documents" / kind).glob("*.jsonl.gz"))
        every = [t for file in files for t in real_texts(f"dolma/documents/{kind}/{file.name}")]
        long = dict.fromkeys(text[:CHARS] for text in every if len(text) > 600)
        found[kind] = list(long)
    return found


def texts(part: int, kinds: Iterable[str] = KINDS, each: int = EACH) -> Texts:
    """Return a part: other documents than those of the other parts."""
    rows = [(t, kind) for kind in kinds for t in documents()[kind][part::3][:each]]
    return of([text for text, _ in rows], [kind for _, kind in rows])


def of(some: list[str], sources: list[str] | None = None) -> Texts:
    """Return texts, each a document."""
    column = pa.chunked_array([pa.array(some, pa.large_string())])
    return Texts(column, np.arange(len(some)), None, sources)


def turned(some: Texts, seed: int) -> Texts:
    """Return the same in another order, and in several chunks."""
    order: Any = np.random.default_rng(seed).permutation(len(some.texts))
    column = some.texts.take(pa.array(order))
    chunks = [column.slice(0, 7).combine_chunks(), column.slice(7).combine_chunks()]
    sources = None if some.sources is None else [some.sources[i] for i in order]
    langs = None if some.langs is None else [some.langs[i] for i in order]
    return Texts(pa.chunked_array(chunks), some.documents[order], langs, sources)
