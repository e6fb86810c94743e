"""What models say of documents: the probabilities of classifiers, the perplexity of n-gram models.

Models are made or loaded by :mod:`tasks.models`; here each scores the texts that it is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa

from schemas import columns as c
from schemas.signals import SCORE
from tasks import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl
    from numpy.typing import NDArray

VERSION: Final = "scores-1"
KIND: Final = pa.list_(pa.field("item", SCORE, nullable=False))


class Scorer(NamedTuple):
    """A model: its name, the languages that it is for (none: all), and what scores texts.

    ``score`` gives a number a text, NaN where it has none.
    """

    name: str
    languages: tuple[str, ...]
    score: Callable[[pa.LargeStringArray], NDArray[np.float64]]


def judged(documents: pa.Table) -> pa.ChunkedArray:
    """Return the texts that models see: of conversations the turns, without who speaks.

    Written out, each turn begins with ``User:`` or ``Assistant:``, which tells any conversation
    from any other text, so that a classifier would learn nothing else.
    """
    texts, messages = documents.column(c.TEXT), documents.column(c.MESSAGES)
    if messages.null_count == len(messages):
        return texts
    found = [
        text if turns is None else "\n\n".join(turn["content"] or "" for turn in turns)
        for text, turns in zip(texts.to_pylist(), messages.to_pylist(), strict=True)
    ]
    return pa.chunked_array([pa.array(found, pa.large_string())])


def scores(documents: pa.Table, lang: pl.Series, scorers: Sequence[Scorer]) -> pa.ChunkedArray:
    """Return of each document a list of ``name, value``, one for each name; null without models.

    ``lang``: the documents' languages. Models of one name are for different languages.
    """
    if not scorers:
        return pa.chunked_array([pa.nulls(documents.num_rows, KIND)])
    texts = judged(documents)
    names = list(dict.fromkeys(scorer.name for scorer in scorers))
    found = np.full((len(texts), len(names)), np.nan)
    start = 0
    for chunk in compiled.chunks(texts):
        rows = slice(start, start := start + len(chunk))
        for scorer in scorers:
            column = found[rows, names.index(scorer.name)]
            _score(chunk, lang[rows], scorer, column)
    flat = found.ravel()
    values = pa.array(flat, pa.float64(), mask=np.isnan(flat))
    told = pa.array(names * len(texts), pa.string())
    items = pa.StructArray.from_arrays([told, values], fields=list(SCORE))
    ends = pa.array(np.arange(len(texts) + 1) * len(names), pa.int32())
    return pa.chunked_array([pa.ListArray.from_arrays(ends, items, type=KIND)])


def _score(
    texts: pa.LargeStringArray, lang: pl.Series, scorer: Scorer, into: NDArray[np.float64]
) -> None:
    """Write the scores of the texts that a model is for."""
    if not scorer.languages:
        into[:] = scorer.score(texts)
        return
    own = lang.is_in(list(scorer.languages)).to_numpy()
    if own.any():
        into[own] = scorer.score(texts.filter(pa.array(own)))
