"""Some eval items beside the places of documents that have them, with what both have marked.

An extra read of the text of these few documents. Personal data is masked before anything is
marked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.samples import Leak
from tasks import comparing, eval_sets
from tasks.hashing import seeded
from tasks.ingest.items import masked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from schemas.samples import Passage
    from tasks.evals.index import Index
    from tasks.leaks import Measured

    Ints = NDArray[np.int64]

MOST: Final = 60
EACH: Final = {False: 3, True: 1}
"""Excerpts of a set and source: of items that it has, and of those by common rows only."""
BEFORE: Final = 160
AFTER: Final = 480
"""Characters that are shown before the first word that both have, and from it on."""
EDGE: Final = 100
"""Characters beyond, which are masked with the rest: so no half of what a mask hides is shown."""
GAP: Final = (False, "…")


def samples(hits: pl.DataFrame, measured: Measured, *, seed: int, out: str) -> tuple[Leak, ...]:
    """Return what is shown of hits (``EVAL_HITS``)."""
    some = chosen(hits, seed=seed)
    if some.is_empty():
        return ()
    index, items = eval_sets.index(measured.evals, out), eval_sets.items(measured.evals, out)
    rows = some[c.ROW].unique().sort().to_numpy()
    read = comparing.documents(rows, shards=measured.documents.shards, out=out)
    texts = dict(zip(rows.tolist(), (t for part in read for t in part.to_pylist()), strict=True))
    said = items[c.EXCERPT].gather(some[c.ITEM])
    return tuple(
        _leak(hit, item, texts[hit[c.ROW]], index)
        for hit, item in zip(some.to_dicts(), said, strict=True)
    )


def chosen(hits: pl.DataFrame, *, seed: int) -> pl.DataFrame:
    """Return a few hits of each set and source, of each item and document once, by seeded hash.

    The sets and sources take turns, so that each has its first ones where there are very many.
    """
    if hits.is_empty():
        return hits
    order = pl.Series("order", seeded(hits[c.DOC_ID], seed=seed, stage="leaks"))
    ordered = hits.with_columns(order).sort("order", c.ROW, c.ITEM)
    once = ordered.unique([c.EVAL_SET, c.SOURCE, c.COMMON, c.ITEM], keep="first")
    once = once.sort("order", c.ROW, c.ITEM).unique([c.EVAL_SET, c.ROW], keep="first")
    once = once.sort("order", c.ROW, c.ITEM)
    groups = [c.EVAL_SET, c.SOURCE, c.COMMON]
    turns = once.with_columns(pl.int_range(pl.len()).over(groups).alias("turn"))
    few = turns.filter(pl.col("turn") < pl.col(c.COMMON).replace_strict(EACH))
    few = few.sort("turn", c.COMMON, c.EVAL_SET, c.SOURCE).head(MOST)
    return few.sort(c.COMMON, c.EVAL_SET, c.SOURCE, "turn").drop("order", "turn")


def _leak(hit: dict[str, Any], said: str, text: str, index: Index) -> Leak:
    own = np.flatnonzero(index.items == hit[c.ITEM])
    grams = np.unique(np.searchsorted(index.firsts, own, side="right") - 1)
    spans, has = _marked(text, index, grams)
    start = len(text.encode()[: spans[0][0]].decode()) if spans else 0
    of_item, _ = _marked(said, index, has)
    begin = len(said.encode()[: of_item[0][0]].decode()) if of_item else 0
    names = (c.EVAL_SET, c.ITEM_ID, c.FIELD, c.DOC_ID, c.SOURCE, c.COMMON, c.N_WORDS, c.COVERED,
             c.RUN)  # fmt: skip
    return Leak(
        **{name: hit[name] for name in names},
        item=passage(said, begin, index, has),
        document=passage(text, start, index, grams),
    )


def _marked(text: str, index: Index, grams: Ints) -> tuple[list[tuple[int, int]], Ints]:
    """Return the bytes of a text that lie in some grams, and which of the grams those are."""
    finds = index.find(pa.array([text], pa.large_string()))
    wanted = np.isin(finds.grams, grams)
    spans: list[tuple[int, int]] = []
    for start, end in zip(finds.starts[wanted].tolist(), finds.ends[wanted].tolist(), strict=True):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans, np.unique(finds.grams[wanted]).astype(np.int64)


def passage(text: str, at: int, index: Index, grams: Ints) -> Passage:
    """Return a text around a character, masked, with the rows of words marked that are named."""
    start, end = at - BEFORE - EDGE, at + AFTER + EDGE
    before, after = start > 0, end < len(text)
    head, tail = (" ".join(part.split()) for part in (text[max(0, start) : at], text[at:end]))
    seen = masked(f"{head} {tail}".strip())
    seen = seen[before * min(EDGE, len(head)) : len(seen) - after * min(EDGE, len(tail))]
    body, last, pieces = seen.encode(), 0, [GAP] * before
    for begin, stop in _marked(seen, index, grams)[0]:
        pieces += [(False, body[last:begin].decode()), (True, body[begin:stop].decode())]
        last = stop
    pieces += [(False, body[last:].decode()), *([GAP] * after)]
    return tuple((marked, piece) for marked, piece in pieces if piece)
