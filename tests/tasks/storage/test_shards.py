from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas import columns as c
from schemas.errors import ManifestError, SchemaError
from schemas.manifest import Shard
from schemas.tables import REJECTS
from tasks import storage

SHARD = Shard(file="a.parquet", rows=5_000, digest="00")


def rejects(n: int) -> pa.Table:
    values = [[f"/data/{i}" for i in range(n)], list(range(n)), ["why"] * n, ["what"] * n]
    return pa.table(values, schema=REJECTS)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    at = tmp_path / "source=x" / "a.parquet"
    storage.write_table(str(at), rejects(5_000), REJECTS, shard=SHARD)
    return at


def test_a_shard_says_what_it_holds_and_has_the_schema_it_was_given(shard: Path) -> None:
    assert storage.read_shard(str(shard)) == SHARD
    assert pq.read_schema(shard).remove_metadata() == REJECTS
    table = storage.read_table(str(shard))
    assert table.column_names == REJECTS.names, "the folder's name is no column"
    assert table.equals(rejects(5_000))
    assert storage.read_table(str(shard), [c.POSITION]).column_names == [c.POSITION]
    batches = list(storage.read_batches(str(shard), rows=1_500))
    assert [b.num_rows for b in batches] == [1_500, 1_500, 1_500, 500]
    assert pa.concat_tables(batches).equals(rejects(5_000))


def test_each_write_is_a_row_group_and_an_empty_shard_is_a_file(tmp_path: Path) -> None:
    at = str(tmp_path / "a.parquet")
    with storage.writing(at, REJECTS) as writer:
        for n in (3, 0, 2_000_000 // 1_000):
            writer.write(rejects(n))
    rows = [pq.read_metadata(at).row_group(i).num_rows for i in range(3)]
    assert rows == [3, 0, 2_000]
    assert storage.read_shard(at) is None, "nobody said that it is finished"
    storage.write_table(at, REJECTS.empty_table(), REJECTS, shard=SHARD)
    assert storage.read_table(at).num_rows == 0


@pytest.mark.parametrize(
    "table",
    [
        rejects(1).append_column("more", pa.array([1])),
        rejects(1).drop_columns([c.REASON]),
        rejects(1).set_column(1, c.POSITION, pa.array(["one"])),
        rejects(1).set_column(2, c.REASON, pa.array([None], pa.string())),
    ],
)
def test_a_table_that_does_not_fit_is_refused_and_nothing_is_left(
    tmp_path: Path, table: pa.Table
) -> None:
    with pytest.raises(SchemaError):
        storage.write_table(str(tmp_path / "a.parquet"), table, REJECTS, shard=SHARD)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_shard_is_named_and_not_reused(shard: Path) -> None:
    good = shard.read_bytes()
    turned = bytearray(good)
    turned[len(good) // 4] ^= 1
    for data in (b"", good[:100], good[:-1], bytes(turned)):
        shard.write_bytes(data)
        with pytest.raises(ManifestError) as caught:
            storage.read_table(str(shard))
        assert str(shard) in str(caught.value)
        assert "Remove this file and run the recipe again" in str(caught.value)
        with pytest.raises(ManifestError):
            list(storage.read_batches(str(shard)))
    assert storage.read_shard(str(shard)) == SHARD, "its footer is whole; verify finds the rest"
    shard.write_bytes(good[:-1])
    assert storage.read_shard(str(shard)) is None
    shard.unlink()
    assert storage.read_shard(str(shard)) is None
    with pytest.raises(ManifestError):
        storage.read_table(str(shard))


def test_scratch_batches_come_back_one_by_one(tmp_path: Path) -> None:
    at = str(tmp_path / "a.arrow")
    batches = rejects(10).to_batches(max_chunksize=4)
    storage.write_ipc(at, batches, REJECTS)
    assert [storage.read_ipc(at, i) for i in range(3)] == batches


def test_a_shard_read_in_batches_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    """Pyarrow reads ahead by default, and keeps all of that until the file is closed."""
    at = str(tmp_path / "a.parquet")
    noise = np.random.default_rng(0).integers(97, 123, (50, 1_000_000), np.uint8)
    with storage.writing(at, REJECTS) as writer:
        for row in noise:
            text = row.tobytes().decode()
            writer.write(pa.table([["/data"], [0], ["why"], [text]], schema=REJECTS))
    size = Path(at).stat().st_size
    assert size > 25_000_000, "it does not compress to nothing"
    before, most = pa.total_allocated_bytes(), 0
    for _ in storage.read_batches(at, rows=1):
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < size / 4
