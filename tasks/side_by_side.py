"""Some duplicates beside the documents that were kept for them, with the words that differ.

Their texts are read where they lie; only excerpts are kept, with personal data masked.
"""

from __future__ import annotations

import difflib
from collections import Counter
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from schemas import columns as c
from schemas.levels import EXACT, INDEXED, LEVELS, NEAR
from schemas.samples import Samples, Twins
from tasks.hashing import seeded
from tasks.ingest.items import masked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.samples import Passage
    from tasks.comparing import Read

SAMPLES: Final = 20
WORDS: Final = 100
"""Words of a text that are shown."""
AROUND: Final = 12
"""Words that are shown on either side of one that differs."""
COMPARED: Final = (800, 400, 200, 100)
"""Words from the first difference on that are compared: what differs later is not shown."""
MATCHES: Final = 40_000
"""Pairs of equal words that are compared at most, with fewer words: prose has some 10,000."""
LETTERS: Final = 400
"""Letters of a word that are shown."""
GAP: Final = (False, "…")
Run = tuple[bool, str]


def chosen(frame: pl.DataFrame, decisions: pl.DataFrame, *, seed: int) -> pl.DataFrame:
    """Return duplicates to be shown: ``row, kept_row`` and what decisions say of them.

    Near-duplicates first, as they are what is to be judged, then the other levels; of each level a
    source after the other gives one, of every cluster at most one, by seeded hash. ``frame`` has
    ``source`` beside ``decisions``. Left out is whose twin was not kept, or is none of this run.
    """
    columns = (c.DOC_ID, c.KEEP, c.DROP_REASON, c.MATCHED_ID, c.LEVEL, c.CLUSTER_ID, c.SIMILARITY)
    joined = frame.select(c.SOURCE).hstack(decisions.select(columns))
    joined = joined.with_row_index(c.ROW).with_columns(pl.col(c.ROW).cast(pl.Int64))
    kept = joined.filter(c.KEEP).select(
        pl.col(c.DOC_ID).alias(c.MATCHED_ID),
        pl.col(c.ROW).alias("kept_row"),
        pl.col(c.SOURCE).alias("kept_source"),
    )
    reasons = sorted(LEVELS, key=lambda reason: (reason != NEAR, reason == EXACT))
    levels = [LEVELS[reason] for reason in reasons if reason != INDEXED]
    among = joined.filter(pl.col(c.DROP_REASON).is_in(reasons), pl.col(c.LEVEL).is_in(levels))
    if among.is_empty():
        return among.join(kept, on=c.MATCHED_ID)
    order = pl.Series("order", seeded(among[c.DOC_ID], seed=seed, stage="samples"))
    place = pl.col(c.LEVEL).replace_strict(levels, range(len(levels))).alias("place")
    among = among.with_columns(order, place).join(kept, on=c.MATCHED_ID)
    by_hash = ["place", "order", c.ROW]
    once = among.sort(by_hash).unique(c.CLUSTER_ID, keep="first", maintain_order=True)
    turns = once.with_columns(pl.int_range(pl.len()).over("place", c.SOURCE).alias("turn"))
    return turns.sort("place", "turn", "order", c.ROW).head(SAMPLES)


def samples(some: pl.DataFrame, read: Read) -> Samples:
    """Return what is shown of :func:`chosen` duplicates; ``read`` gives the texts of rows."""
    both = [some[name].to_numpy() for name in (c.ROW, "kept_row")]
    rows = np.unique(np.concatenate(both)).astype(np.int64)
    texts: dict[int, str] = {}
    if len(rows):
        found = [text for part in read(rows) for text in part.to_pylist()]
        texts = dict(zip(rows.tolist(), found, strict=True))
    return Samples(twins=tuple(_twins(one, texts) for one in some.to_dicts()))


def _twins(one: dict[str, Any], texts: dict[int, str]) -> Twins:
    kept, dropped = beside(texts[one["kept_row"]], texts[one[c.ROW]])
    return Twins(
        doc_id=one[c.DOC_ID],
        source=one[c.SOURCE],
        kept_id=one[c.MATCHED_ID],
        kept_source=one["kept_source"],
        level=one[c.LEVEL],
        similarity=one[c.SIMILARITY],
        dropped=dropped,
        kept=kept,
    )


def beside(left: str, right: str) -> tuple[Passage, Passage]:
    """Return excerpts of two texts around the words that differ, with those marked."""
    texts = left.split(), right.split()
    first = _first_other(*texts)
    start = max(0, first - 2 * AROUND)
    for end in (first + compared for compared in COMPARED):
        windows = [_window(words, start, end) for words in texts]
        counts = [Counter(words) for words in windows]
        if sum(n * counts[1][word] for word, n in counts[0].items()) <= MATCHES:
            break
    matcher = difflib.SequenceMatcher(None, windows[0], windows[1], autojunk=False)
    codes = [code[1:] for code in matcher.get_opcodes() if code[0] != "equal"]
    found = []
    for side, words in enumerate(windows):
        spans = [(code[2 * side], code[2 * side + 1]) for code in codes]
        more = len(texts[side]) > end
        found.append(tuple(_excerpt(words, spans, before=start > 0, after=more)))
    return found[0], found[1]


def _first_other(left: Sequence[str], right: Sequence[str]) -> int:
    """Return at which word two texts begin to differ; 0 where they do not."""
    pairs = enumerate(zip_longest(left, right))
    return next((i for i, (one, other) in pairs if one != other), 0)


def _window(words: Sequence[str], start: int, end: int) -> list[str]:
    """Return some words, masked: of each word, too, more is looked at than is shown."""
    seen = masked(" ".join(word[: 2 * LETTERS] for word in words[start:end]))
    return [word[:LETTERS] for word in seen.split()]


def _excerpt(
    words: Sequence[str], spans: Sequence[tuple[int, int]], *, before: bool, after: bool
) -> Iterator[Run]:
    """Yield the words around spans that differ, up to so many; the first ones where none does.

    Where the text goes on ``before`` or ``after``, the words at that end may be the half of what a
    mask would hide, and are not shown.
    """
    differs, seen = np.zeros((2, len(words)), np.bool_)
    for low, high in spans:
        differs[low:high] = True
        seen[max(0, low - AROUND) : high + AROUND] = True
    seen |= not spans
    if before:
        seen[:AROUND] &= differs[:AROUND]
    if after:
        seen[-AROUND:] = False
    places = np.flatnonzero(seen)[:WORDS].tolist()
    last = -1
    for _, group in groupby(enumerate(places), key=lambda p: (p[1] - p[0], differs[p[1]])):
        run = [place for _, place in group]
        if run[0] > last + 1 or (last < 0 and before):
            yield GAP
        last = run[-1]
        yield bool(differs[run[0]]), " ".join(words[run[0] : last + 1])
    if after or last < len(words) - 1:
        yield GAP
