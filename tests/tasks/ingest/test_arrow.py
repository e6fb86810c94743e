"""Arrow's streams and files, as ``datasets``, pyarrow and polars leave them, whole and damaged."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import feather

from schemas.config import IngestConfig, Source
from tasks import inputs, sampling
from tasks.ingest import arrow
from tasks.ingest.items import Fields, Record
from tests.tasks.ingest.reading import numbered, read

if TYPE_CHECKING:
    from pathlib import Path

ROWS = numbered(900)
TEXTS = [row["text"] for row in ROWS]
TABLE = pa.Table.from_pylist(ROWS)


def sent(
    table: pa.Table = TABLE, *, file: bool = False, compression: str | None = None, rows: int = 100
) -> bytes:
    sink, writer = io.BytesIO(), pa.ipc.new_file if file else pa.ipc.new_stream
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with writer(sink, table.schema, options=options) as out:
        out.write_table(table, max_chunksize=rows)
    return sink.getvalue()


@pytest.mark.parametrize("file", [False, True])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_rows_of_all_batches_in_order(
    tmp_path: Path, compression: str | None, *, file: bool
) -> None:
    (tmp_path / "a.arrow").write_bytes(sent(file=file, compression=compression))
    found = read(tmp_path)
    assert found.texts == TEXTS
    assert [d["position"] for d in found.documents] == list(range(1, 901))
    assert [d["record_id"] for d in found.documents] == [row["id"] for row in ROWS]
    assert not found.bad
    assert found.files[0].digest


def test_what_datasets_saves_is_read_and_what_it_saves_beside_is_passed_over(
    tmp_path: Path,
) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "saved"))
    source = Source(name="s", url=(str(tmp_path / "saved"),))
    listing = inputs.list_units(IngestConfig(sources=(source,)))
    assert listing.formats == {"s": "arrow"}
    assert len(listing.passed_over) == 2
    assert read(tmp_path / "saved").texts == TEXTS


def test_what_pyarrow_and_polars_write_as_feather(tmp_path: Path) -> None:
    feather.write_feather(TABLE, tmp_path / "a.feather", compression="zstd")
    pl.from_arrow(TABLE).write_ipc(tmp_path / "b.feather", compression="lz4")  # type: ignore[union-attr]
    pl.from_arrow(TABLE).write_ipc_stream(tmp_path / "c.feather")  # type: ignore[union-attr]
    assert read(tmp_path).texts == TEXTS * 3


def test_packed_in_archives_and_without_a_telling_name(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "part-0").write_bytes(sent())
    (tmp_path / "plain" / "part-1").write_bytes(gzip.compress(sent(file=True)))
    assert read(tmp_path / "plain").texts == TEXTS * 2
    with tarfile.open(tmp_path / "some.tar", "w") as out:
        for name in ("a.arrow", "b.arrow"):
            about = tarfile.TarInfo(name)
            about.size = len(sent())
            out.addfile(about, io.BytesIO(sent()))
    found = read(tmp_path / "some.tar")
    assert found.texts == TEXTS * 2


@pytest.mark.parametrize("file", [False, True])
@pytest.mark.parametrize("size", [0, 3, 9, 2_000])
def test_a_file_cut_in_its_first_batch_is_one_reject(
    tmp_path: Path, size: int, *, file: bool
) -> None:
    (tmp_path / "a.arrow").write_bytes(sent(file=file)[:size])
    (tmp_path / "b.arrow").write_bytes(sent())
    found = read(tmp_path)
    assert found.texts == TEXTS
    assert found.bad == [(1, "corrupt_arrow")]


@pytest.mark.parametrize("file", [False, True])
def test_what_stands_before_a_cut_is_read_and_the_rest_is_one_reject(
    tmp_path: Path, *, file: bool
) -> None:
    whole = sent(file=file)
    (tmp_path / "a.arrow").write_bytes(whole[: len(whole) // 2])
    found = read(tmp_path)
    count = len(found.texts)
    assert 300 <= count <= 500
    assert found.texts == TEXTS[:count]
    assert found.bad == [(count + 1, "corrupt_arrow")]


def test_a_file_that_has_lost_its_footer_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.arrow").write_bytes(sent(file=True)[:-400])
    found = read(tmp_path)
    assert found.texts == TEXTS
    assert found.bad == [(901, "corrupt_arrow")]


def test_damaged_packing_costs_what_follows(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(sent()))
    (tmp_path / "a.arrow.gz").write_bytes(packed[: len(packed) // 2])
    found = read(tmp_path)
    count = len(found.texts)
    assert found.texts == TEXTS[:count]
    assert [position for position, _ in found.bad] == [count + 1]


def test_a_broken_batch_of_a_file_costs_no_other(tmp_path: Path) -> None:
    body = bytearray(sent(file=True, compression="zstd"))
    at = body.index(b"\x28\xb5\x2f\xfd", len(body) // 2)  # where Zstandard's packing begins
    body[at : at + 4] = b"????"
    (tmp_path / "a.arrow").write_bytes(body)
    found = read(tmp_path)
    assert len(found.texts) == 800
    ((position, reason),) = found.bad
    assert reason == "corrupt_arrow"
    assert found.texts == TEXTS[: position - 1] + TEXTS[position + 99 :]


def not_utf8(values: list[bytes]) -> pa.Array:
    raw = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(values), raw.buffers())


def test_a_row_that_is_not_utf8_costs_no_other(tmp_path: Path) -> None:
    table = pa.table({"text": not_utf8([b"one", b"tw\xff", b"three"])})
    (tmp_path / "a.arrow").write_bytes(sent(table))
    found = read(tmp_path)
    assert found.texts == ["one", "three"]
    assert found.bad == [(2, "not_utf8")]


def test_offsets_that_point_out_of_their_buffer_are_not_followed(tmp_path: Path) -> None:
    body = sent(pa.table({"text": ["one", "two", "three"]}))
    said, wild = (struct.pack("<4i", *some) for some in ([0, 3, 6, 11], [0, 3, 2**30, 2**30 + 5]))
    assert body.count(said) == 1
    (tmp_path / "a.arrow").write_bytes(body.replace(said, wild))
    found = read(tmp_path)
    assert found.texts == ["one"]
    assert [position for position, _ in found.bad] == [2, 3]


def test_a_time_zone_that_nobody_knows_costs_its_rows_and_no_run(tmp_path: Path) -> None:
    at = pa.array([1, None], pa.timestamp("us", "Nowhere/Nohow"))
    (tmp_path / "a.arrow").write_bytes(sent(pa.table({"text": ["one", "two"], "at": at})))
    found = read(tmp_path)
    assert found.texts == ["two"]
    assert found.bad == [(1, "unfit_value")]


def test_a_length_of_a_terabyte_takes_what_is_there() -> None:
    body = bytearray(sent())
    body[4:8] = (2**31 - 8).to_bytes(4, "little")
    (item,) = arrow.read(io.BytesIO(bytes(body)), Fields())
    assert not isinstance(item, Record)


def test_dictionaries_categories_and_columns_of_one_name(tmp_path: Path) -> None:
    texts: Any = pa.array(["a", "b", "a"]).dictionary_encode()
    table = pa.table([texts, ["1", "2", "3"], ["x", "y", "z"]], names=["text", "id", "id"])
    (tmp_path / "a.arrow").write_bytes(sent(table, rows=2))
    assert read(tmp_path).texts == ["a", "b", "a"]


def test_feather_of_the_first_version_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.feather").write_bytes(b"FEA1" + bytes(60) + b"FEA1")
    found = read(tmp_path)
    assert found.bad == [(1, "corrupt_arrow")]
    assert "version 1" in found.rejects[0]["excerpt"]


@pytest.mark.parametrize("rows", [9_000, 1_000, 100])
@pytest.mark.parametrize("name", ["a.arrow", "b.feather", "c.arrow.gz"])
def test_a_plan_looks_at_its_first_rows(tmp_path: Path, name: str, rows: int) -> None:
    """Also of one batch of more bytes than are looked at of other formats."""
    many = numbered(9_000)
    body = sent(pa.Table.from_pylist(many), file=name == "b.feather", rows=rows)
    body = gzip.compress(body, 1) if name.endswith(".gz") else body
    (tmp_path / name).write_bytes(body)
    source = Source(name="s", url=(str(tmp_path),))
    (unit,) = inputs.list_units(IngestConfig(sources=(source,))).units
    looked = sampling.look(unit.files, unit.format, source)
    assert looked.records[0].text == many[0]["text"]
    documents = len(looked.records) * len(body) / looked.n_bytes
    assert name == "c.arrow.gz" or 0.8 < documents / 9_000 < 1.25
