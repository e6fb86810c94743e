"""Rows of a documents shard: those that are asked for, and no more of the file than they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from schemas import columns as c
from schemas.manifest import Shard
from schemas.tables import DOCUMENTS
from tasks import ledger, raw, storage

if TYPE_CHECKING:
    from pathlib import Path

FILE = "a.parquet"


def written(out: Path, n: int) -> Path:
    rows = [
        {c.DOC_ID: str(i), c.SOURCE: "s", c.TEXT: f"text {i}", c.OPT_OUT: False, c.LOCATION: "",
         c.POSITION: i}
        for i in range(n)
    ]  # fmt: skip
    path = out / "documents" / FILE
    table = pa.Table.from_pylist(rows, DOCUMENTS)
    with storage.writing(str(path), DOCUMENTS) as file:
        for start in range(0, n, 1_000):
            file.write(table.slice(start, 1_000))
        file.finish(Shard(file=FILE, rows=n, digest=""))
    return path


def test_rows_come_in_their_order(tmp_path: Path) -> None:
    written(tmp_path, 5_000)
    assert ledger.folder(str(tmp_path), "ingest") == str(tmp_path / "documents")
    found = list(raw.rows(str(tmp_path), FILE, [4_999, 3, 2_100], columns=[c.TEXT]))
    assert [row for numbers, _ in found for row in numbers] == [3, 2_100, 4_999]
    texts = [text for _, table in found for text in table.column(c.TEXT).to_pylist()]
    assert texts == ["text 3", "text 2100", "text 4999"]


def test_nothing_is_read_for_no_rows(tmp_path: Path) -> None:
    assert list(raw.rows(str(tmp_path), "is-not-there.parquet", [])) == []


def test_what_lies_behind_the_last_row_is_not_read(tmp_path: Path) -> None:
    """Broken behind it, where reading on would say so."""
    path = written(tmp_path, 9_000)
    body = bytearray(path.read_bytes())
    first, last = len(body) // 5, 2 * len(body) // 3
    body[first:last] = bytes(last - first)
    path.write_bytes(body)
    ((numbers, _),) = raw.rows(str(tmp_path), FILE, [7], columns=[c.TEXT])
    assert numbers == [7]
