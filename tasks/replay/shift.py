"""How far new data is from replay: words and pairs of words, and languages.

**Divergence**: Jensen-Shannon of the hashed 1+2-grams of as many features of either side, in bits.
**Floor**: that of replay against itself, split by document, at the same number: what chance makes
of it. **Languages**: total variation of their shares by bytes.

The rule is a convention of this project, made on its own data, and no law: another language where
languages differ by half or more; else weak where the divergence is up to .045 bits above the floor,
which a mixture of much the same sources stays under; else another domain. What is above the floor
hardly depends on how much text there is; the ratio to it does.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from schemas.advice import Measured, Shift
from tasks.hashing import seeded
from tasks.replay import packed
from tasks.replay.divergence import js as js_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

OTHER_LANGUAGE: Final = 0.5
ABOVE: Final = 0.045
"""Bits above the floor."""
LEAST_FEATURES: Final = 100_000
"""Below so many features a side the divergence says nothing."""
MOST_FEATURES: Final = 1_000_000
STAGE: Final = "shift"


def language_tv(left: pl.DataFrame, right: pl.DataFrame) -> float:
    """Return the total variation of languages; frames have ``lang`` and ``n_bytes``."""
    counted = [_bytes_by_language(frame) for frame in (left, right)]
    totals = [sum(one.values()) for one in counted]
    shares = [
        {lang: n / total for lang, n in one.items()}
        for one, total in zip(counted, totals, strict=True)
    ]
    languages = set(shares[0]) | set(shares[1])
    # Exact sums: groups come in any order, and the last digit must not depend on it.
    return (
        math.fsum(abs(shares[0].get(one, 0.0) - shares[1].get(one, 0.0)) for one in languages) / 2
    )


def _bytes_by_language(frame: pl.DataFrame) -> dict[str | None, int]:
    found: Counter[str | None] = Counter()
    for lang, n_bytes in frame.select("lang", "n_bytes").iter_rows():
        found[lang] += n_bytes
    return found


class Side:
    """Documents of one side, counted: the n-grams of each, and the order that they are drawn in."""

    def __init__(self, texts: pa.ChunkedArray, doc_ids: Sequence[str], *, seed: int) -> None:
        self.packed = packed.of(texts)
        self.sizes = packed.sizes(self.packed)
        self.order = np.argsort(seeded(doc_ids, seed=seed, stage=STAGE), kind="stable")

    @property
    def features(self) -> int:
        """How many features all documents have."""
        return int(self.sizes.sum())

    def drawn(self, rows: Ints, wanted: int) -> Any:  # noqa: ANN401  (an array of float64)
        """Return the counts by bucket of the first of some rows, of ``wanted`` features.

        The last document counts in part, all its buckets alike.
        """
        ends = np.cumsum(self.sizes[rows])
        size = int(np.searchsorted(ends, wanted)) + 1
        some = rows[:size]
        weights = np.ones(len(some))
        over = float(ends[len(some) - 1]) - wanted
        if over > 0:
            weights[-1] -= over / float(self.sizes[some[-1]])
        return packed.sums(self.packed, some, weights)


def measured(new: Side, old: Side, apart: float) -> Measured:
    """Return the distance of new data from replay; ``apart``: total variation of languages."""
    halves = [old.order[0::2], old.order[1::2]]
    room = [int(old.sizes[half].sum()) for half in halves]
    features = min(MOST_FEATURES, new.features, *room)
    js = floor = 0.0
    if features:
        first, second = (old.drawn(half, features) for half in halves)
        js = js_of(new.drawn(new.order, features), first) or 0.0
        floor = js_of(first, second) or 0.0
    shift, rule = _ruled(features, js, floor, apart)
    return Measured(
        features=features,
        documents=(len(new.sizes), len(old.sizes)),
        js=js,
        floor=floor,
        language_tv=apart,
        shift=shift,
        rule=rule,
    )


def _ruled(features: int, js: float, floor: float, apart: float) -> tuple[Shift | None, str]:
    if apart >= OTHER_LANGUAGE:
        return Shift.LANGUAGE, f"languages differ by {apart:.0%}: half or more is another language"
    if features < LEAST_FEATURES:
        few = f"{features:,} words and pairs a side tell nothing of it: wanted {LEAST_FEATURES:,}"
        return None, few
    above = js - floor
    says = f"the divergence is {above:.3f} bits above what chance makes of it"
    if above <= ABOVE:
        return Shift.WEAK, f"{says}: up to {ABOVE:g} is a weak shift"
    return Shift.DOMAIN, f"{says}: more than {ABOVE:g} is another domain"
