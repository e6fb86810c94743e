"""Tables as NumPy arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tasks.mixture import arrays
from tasks.ragged import Lists

TABLE = pa.table(
    {
        "even": pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.int32())),
        "uneven": pa.array([[1], [], [2, 3]], pa.list_(pa.int64())),
        "missing": pa.array([[1], None, [2]], pa.list_(pa.int64())),
        "number": [1.0, 2.0, 3.0],
        "null": pa.array([1, None, 3]),
        "text": ["a", None, "c"],
        "names": [["x"], [], ["y", "z"]],
    }
)


def test_a_batch_has_an_array_for_each_column_that_can_be_one() -> None:
    found = arrays.batch(TABLE.slice(1))
    assert found["even"].tolist() == [[3, 4], [5, 6]]
    assert isinstance(found["uneven"], Lists)
    assert found["uneven"].values.tolist() == [2, 3]
    assert found["uneven"].offsets.tolist() == [0, 0, 2]
    assert found["missing"] == [None, [2]]
    assert found["number"].tolist() == [2.0, 3.0]
    assert (found["null"], found["text"], found["names"]) == (
        [None, 3],
        [None, "c"],
        [[], ["y", "z"]],
    )


def test_a_batch_is_not_copied() -> None:
    column = TABLE.column("even")
    found = arrays.batch(TABLE.slice(1))["even"]
    values = column.chunk(0).values
    assert found.ctypes.data == values.buffers()[1].address + 2 * 4
    assert not found.flags.writeable


def test_rows_are_the_callers_own() -> None:
    found = list(arrays.rows(pa.concat_tables([TABLE.slice(2), TABLE.slice(0, 2)])))
    assert [row["even"].tolist() for row in found] == [[5, 6], [1, 2], [3, 4]]
    assert [row["uneven"].tolist() for row in found] == [[2, 3], [1], []]
    assert [row["missing"] for row in found] == [[2], [1], None]
    assert found[0]["text"] == "c"
    assert found[0]["even"].dtype == np.int32
    found[0]["even"][0] = 7
    assert TABLE.column("even")[2].as_py() == [5, 6]


@pytest.mark.parametrize("numbers", [[2, 0], [1], [], [0, 0, 1, 2]])
def test_picked_rows_are_those_that_take_would_give(numbers: list[int]) -> None:
    for table in (TABLE, TABLE.slice(1, 1), pa.concat_tables([TABLE, TABLE])):
        own = np.array([n % table.num_rows for n in numbers], np.int64)
        assert arrays.picked(table, own).equals(table.take(pa.array(own)))


def test_no_row_is_no_array_of_rows() -> None:
    found = arrays.batch(TABLE.slice(3))
    assert found["even"].offsets.tolist() == [0]
    assert list(arrays.rows(TABLE.slice(3))) == []
