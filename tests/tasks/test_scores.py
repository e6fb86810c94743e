from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.signals import SCORE
from schemas.tables import DOCUMENTS, conform
from tasks import scores
from tasks.signals import scores as signals
from tasks.signals.scores import Scorer


def length(texts: pa.LargeStringArray) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A model by which a text's score is its length; an empty one has none."""
    found = np.array([len(t) for t in texts.to_pylist()], np.float64)
    found[found == 0] = np.nan
    return found


ALL = Scorer("length", (), length)
ENGLISH = Scorer("own", ("en",), length)
GERMAN = Scorer("own", ("de",), lambda texts: -length(texts))


def column(texts: list[str], lang: list[str], *models: Scorer) -> pa.ChunkedArray:
    return signals.scores(documents(texts), pl.Series(lang, dtype=pl.String), models)


def documents(texts: list[str], messages: list[object] | None = None) -> pa.Table:
    """Documents in two batches, with these texts and messages."""
    rows = [
        {
            c.DOC_ID: f"d{i}",
            c.SOURCE: "s",
            c.TEXT: text,
            c.MESSAGES: messages[i] if messages else None,
            c.OPT_OUT: False,
            c.LOCATION: "",
            c.POSITION: i,
        }
        for i, text in enumerate(texts)
    ]
    table = conform(pa.Table.from_pylist(rows, schema=DOCUMENTS), DOCUMENTS)
    return pa.concat_tables([table[: len(rows) // 2], table[len(rows) // 2 :]])


def test_models_see_conversations_without_who_speaks() -> None:
    turns = [{"role": "user", "content": "hi there"}, {"role": "assistant", "content": "hello"}]
    table = documents(["User: hi there\n\nAssistant: hello", "User: plain"], [turns, None])
    assert signals.judged(table).to_pylist() == ["hi there\n\nhello", "User: plain"]
    assert signals.judged(documents(["User: plain"])).to_pylist() == ["User: plain"]


def test_each_text_is_scored_by_the_models_for_its_language() -> None:
    texts, lang = ["a", "bb", "", "cccc"], ["en", "de", "en", "fr"]
    found = column(texts, lang, ALL, ENGLISH, GERMAN)
    assert found.type == pa.list_(pa.field("item", SCORE, nullable=False))
    assert found.to_pylist() == [
        [{"name": "length", "value": 1.0}, {"name": "own", "value": 1.0}],
        [{"name": "length", "value": 2.0}, {"name": "own", "value": -2.0}],
        [{"name": "length", "value": None}, {"name": "own", "value": None}],
        [{"name": "length", "value": 4.0}, {"name": "own", "value": None}],
    ]
    told = scores.values(pl.Series(found), ["own", "other", "length"])
    assert told.to_dict(as_series=False) == {
        "score_own": [1.0, -2.0, None, None],
        "score_other": [None] * 4,
        "score_length": [1.0, 2.0, None, 4.0],
    }


def test_without_models_there_is_no_score() -> None:
    found = column(["a", "b"], ["en", "en"])
    assert found.to_pylist() == [None, None]
    told = scores.values(pl.Series(found), ["own"])
    assert told.to_dict(as_series=False) == {"score_own": [None, None]}
    assert scores.values(pl.Series(found).clear(), ["own"]).height == 0
    assert column([], [], ALL).to_pylist() == []
