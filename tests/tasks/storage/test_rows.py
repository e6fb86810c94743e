"""One row of a shard, whichever row group it lies in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from schemas.errors import ManifestError
from schemas.tables import REJECTS
from tasks import storage

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shard(tmp_path: Path) -> str:
    at = str(tmp_path / "shard.parquet")
    with storage.writing(at, REJECTS) as file:
        for start, rows in ((0, 3), (3, 0), (3, 1), (4, 5)):
            values = list(range(start, start + rows))
            names = [str(v) for v in values]
            columns = {"location": names, "position": values, "reason": names, "excerpt": names}
            file.write(pa.table(columns, schema=REJECTS))
    return at


def test_every_row_is_found(shard: str) -> None:
    for row in range(9):
        assert storage.read_row(shard, row, ["position"]) == {"position": row}
    assert storage.read_row(shard, 3)["excerpt"] == "3"


@pytest.mark.parametrize("row", [-1, 9])
def test_a_row_that_is_not_there_is_an_error_with_the_place(shard: str, row: int) -> None:
    with pytest.raises(ManifestError, match="a file of 9 rows"):
        storage.read_row(shard, row)
