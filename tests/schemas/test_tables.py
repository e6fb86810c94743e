from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import columns as c
from schemas import signals, tables
from schemas.errors import SchemaError
from schemas.tables import REJECTS, conform

ALL = {name: value for name, value in vars(tables).items() if isinstance(value, pa.Schema)}


def rejects(n: int = 2) -> pa.Table:
    values = [["/a"] * n, list(range(n)), ["why"] * n, ["what"] * n]
    return pa.table(values, schema=REJECTS)


@pytest.mark.parametrize("name", ALL)
def test_text_is_large_and_names_are_those_of_the_contract(name: str) -> None:
    schema = ALL[name]
    known = {value for key, value in vars(c).items() if key.isupper()}
    known |= {signal.name for signal in signals.ALL}
    assert set(schema.names) <= known
    assert len(set(schema.names)) == len(schema.names)
    if c.TEXT in schema.names:
        assert schema.field(c.TEXT).type == pa.large_string()
    assert conform(schema.empty_table(), schema).schema == schema


@given(st.permutations(REJECTS.names), st.integers(0, 5))
def test_the_order_of_columns_does_not_matter(names: list[str], n: int) -> None:
    assert conform(rejects(n).select(names), REJECTS).equals(rejects(n))


def test_what_fits_in_another_type_is_cast_and_what_may_be_null_may_be_missing() -> None:
    small = rejects().set_column(1, c.POSITION, pa.array([0, 1], pa.int8()))
    encoded = small.set_column(2, c.REASON, pa.array(["why"] * 2).dictionary_encode())
    assert conform(encoded, REJECTS).equals(rejects())
    documents = {
        c.DOC_ID: ["0"],
        c.SOURCE: ["s"],
        c.TEXT: ["t"],
        c.OPT_OUT: [False],
        c.LOCATION: ["/a"],
        c.POSITION: [1],
    }
    table = conform(pa.table(documents), tables.DOCUMENTS)
    assert table.schema == tables.DOCUMENTS
    assert table.column(c.METADATA).null_count == 1


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (rejects().append_column("more", pa.array([1, 2])), r"unknown columns \['more'\]"),
        (rejects().drop_columns([c.REASON]), r"missing columns \['reason'\]"),
        (rejects().set_column(1, c.POSITION, pa.array([0.5, 1])), "'position' of type double"),
        (rejects().set_column(1, c.POSITION, pa.array(["x", "y"])), "'position' of type string"),
        (rejects().set_column(1, c.POSITION, pa.array([[1], [2]])), "'position' of type list"),
        (rejects().set_column(2, c.REASON, pa.array(["a", None])), "1 nulls in 'reason'"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_column(table: pa.Table, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        conform(table, REJECTS)
