"""Narrow tables made up by hypothesis: signals of documents, and documents under a budget."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import strategies as st

from schemas import columns as c
from schemas.config import SignalsConfig
from tasks.budget import PRIORITY
from tasks.signals.minhash.library import band_keys, compact

SMALL_SKETCHES = SignalsConfig(minhash_bands=3, minhash_rows=2)
SOURCES = {"web": "replay", "books": "replay", "mine": "new"}


def row(
    doc_id: str,
    text: str,
    values: list[int] | None,
    *,
    source: str = "web",
    words: int = 100,
    broken: bool = False,
    signals: SignalsConfig = SMALL_SKETCHES,
) -> dict[str, object]:
    """Return what deduplication and selection read of one document; ``values``: of its MinHash."""
    return {
        c.DOC_ID: doc_id,
        c.SOURCE: source,
        c.ORIGIN: SOURCES[source],
        c.TEXT_HASH: f"hash of {text}",
        c.DOCUMENT_DIGEST: f"digest of {doc_id} {text}",
        c.N_BYTES: len(text),
        c.GOPHER_WORD_COUNT: words,
        c.MINHASH_SKETCH: None if values is None else compact(values),
        c.MINHASH_BANDS: None if values is None else band_keys(values, signals.minhash_rows),
        c.BROKEN: ["some_rule"] if broken or not words else [],
    }


SCHEMA: dict[str, Any] = {
    c.DOC_ID: pl.String,
    c.SOURCE: pl.String,
    c.ORIGIN: pl.String,
    c.TEXT_HASH: pl.String,
    c.DOCUMENT_DIGEST: pl.String,
    c.N_BYTES: pl.Int64,
    c.GOPHER_WORD_COUNT: pl.Int64,
    c.MINHASH_SKETCH: pl.Binary,
    c.MINHASH_BANDS: pl.List(pl.UInt64),
    c.BROKEN: pl.List(pl.String),
}


@st.composite
def documents(draw: st.DrawFn) -> list[dict[str, object]]:
    """Documents of few ids and few texts, with sketches that often meet in a band.

    Text 0 has no words, and text 1 none that a shingle is made of.
    """
    values = st.lists(st.integers(0, 2), min_size=6, max_size=6)
    sketches = [None, None, *draw(st.lists(values, min_size=1, max_size=8))]
    numbers = st.tuples(
        st.integers(0, 9), st.integers(0, len(sketches) - 1), st.sampled_from(sorted(SOURCES))
    )
    rows = []
    for number, text, source in draw(st.lists(numbers, max_size=14)):
        doc_id = f"{source}-{number}"  # an id belongs to one source
        name = f"{'text' * (text % 3)}{text}"
        words = 0 if text == 0 else 100
        broken = draw(st.booleans())
        rows.append(row(doc_id, name, sketches[text], source=source, words=words, broken=broken))
    return rows


@st.composite
def pools(draw: st.DrawFn, *, full: bool = False) -> pl.DataFrame:
    """Counted documents of up to three sources; a few of them without tokens, or huge.

    ``full`` wants all three of them, with a document at least.
    """
    sizes = st.integers(0, 60) | st.integers(0, 60) | st.integers(200, 5_000)
    of_source = st.lists(sizes, min_size=int(full), max_size=30)
    counts = draw(st.lists(of_source, min_size=3 if full else 1, max_size=3))
    return pool({f"source {i}": sizes for i, sizes in enumerate(counts)})


def pool(counts: dict[str, list[int]], *, bytes_per_token: int = 4) -> pl.DataFrame:
    """Return documents with these tokens, which are drawn in this order."""
    rows = [
        (f"{source}-{i}", source, tokens * bytes_per_token, tokens, i)
        for source, tokens_of in counts.items()
        for i, tokens in enumerate(tokens_of)
    ]
    columns = (c.DOC_ID, c.SOURCE, c.N_BYTES, c.TOKENS, PRIORITY)
    kinds = (pl.String, pl.String, pl.Int64, pl.Int64, pl.UInt64)
    return pl.DataFrame(rows, schema=dict(zip(columns, kinds, strict=True)), orient="row")


@st.composite
def shares(draw: st.DrawFn) -> dict[str, float]:
    """Shares of the sources of :func:`pools`, which sum to 1; some may be 0."""
    weights = draw(st.lists(st.integers(0, 20), min_size=3, max_size=3).filter(any))
    return {f"source {i}": weight / sum(weights) for i, weight in enumerate(weights)}
