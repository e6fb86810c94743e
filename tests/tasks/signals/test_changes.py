from __future__ import annotations

import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas.normalisation import KINDS
from schemas.tables import SIGNALS
from tasks.ingest.normalise import changes_json
from tasks.signals.changes import changes

COUNTS = st.dictionaries(st.sampled_from(KINDS), st.integers(1, 2**40))


@given(st.lists(COUNTS, max_size=5))
def test_each_kind_is_a_column_and_what_did_not_happen_is_zero(rows: list[dict[str, int]]) -> None:
    column = pa.chunked_array([pa.array([changes_json(row) for row in rows], pa.string())])
    expected = [{f"normalise_{kind}": row.get(kind, 0) for kind in KINDS} for row in rows]
    found = changes(column)
    assert found.to_dicts() == expected
    assert set(found.dtypes) == {pl.Int64}
    assert set(found.columns) <= set(SIGNALS.names)
