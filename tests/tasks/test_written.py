"""Passages cut from documents as they are written."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas import columns as c
from tasks import written

PLACES = st.tuples(
    st.text(max_size=40), st.none() | st.tuples(st.integers(0, 40), st.integers(0, 40))
)


@given(st.lists(PLACES, max_size=12))
def test_a_place_is_a_slice_of_code_points(some: list[tuple[str, tuple[int, int] | None]]) -> None:
    texts = [text.encode("utf-8", "ignore").decode() for text, _ in some]
    spans = [None if at is None else tuple(sorted(at)) for _, at in some]
    documents = pa.table({"n": list(range(len(some))), c.TEXT: pa.array(texts, pa.large_string())})
    starts = [None if span is None else span[0] for span in spans]
    ends = [None if span is None else span[1] for span in spans]
    places = pl.DataFrame(
        {c.START: starts, c.END: ends}, schema={c.START: pl.Int64, c.END: pl.Int64}
    )
    found = written._cut(documents, places)
    wanted = [t if s is None else t[s[0] : s[1]] for t, s in zip(texts, spans, strict=True)]
    assert found.column(c.TEXT).to_pylist() == wanted
    assert found.schema == documents.schema
