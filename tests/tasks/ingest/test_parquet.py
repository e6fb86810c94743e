from __future__ import annotations

import datetime as dt
import decimal
import io
import random
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.ingest import parquet
from tasks.ingest.items import Fields, Record
from tests.tasks.ingest.reading import numbered, read

if TYPE_CHECKING:
    from pathlib import Path

ROWS = numbered(900)
TEXTS = [row["text"] for row in ROWS]
TABLE = pa.Table.from_pylist(ROWS)


def not_utf8(values: list[bytes]) -> pa.Array:
    """A string array whose maker did not look at the bytes."""
    raw = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(values), raw.buffers())


def test_rows_of_all_row_groups_in_order(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet", row_group_size=100)
    found = read(tmp_path)
    assert found.texts == TEXTS
    assert [d["position"] for d in found.documents] == list(range(1, 901))
    assert [d["record_id"] for d in found.documents] == [row["id"] for row in ROWS]
    assert found.files[0].digest


@pytest.mark.parametrize("size", [0, 3, 4, 11, 2_000])
def test_a_file_without_its_footer_is_one_reject(tmp_path: Path, size: int) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(data[:size])
    pq.write_table(TABLE, tmp_path / "b.parquet")
    found = read(tmp_path)
    assert found.texts == TEXTS
    assert found.bad == [(1, "corrupt_parquet")]
    assert found.rejects[0]["location"] == str(tmp_path / "a.parquet")


@pytest.mark.parametrize("checksums", [True, False])
def test_a_broken_page_costs_its_row_group_and_each_lost_row_is_counted(
    tmp_path: Path, *, checksums: bool
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(
        TABLE,
        path,
        row_group_size=100,
        compression="zstd",
        use_dictionary=False,
        write_page_checksum=checksums,
    )
    chunk = next(
        c
        for c in (pq.read_metadata(path).row_group(4).column(i) for i in range(2))
        if c.path_in_schema == "text"
    )
    start = chunk.data_page_offset + chunk.total_compressed_size // 2
    data = bytearray(path.read_bytes())
    data[start : start + 200] = bytes(b ^ 0xFF for b in data[start : start + 200])
    path.write_bytes(data)
    found = read(tmp_path)
    assert found.texts == TEXTS[:400] + TEXTS[500:]
    assert found.bad == [(i, "corrupt_parquet") for i in range(401, 501)]


def test_no_text_column_rejects_every_row(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet")
    found = read(tmp_path, text_field="body")
    assert found.bad == [(i, "no_text") for i in range(1, 901)]
    assert "'text'" in found.rejects[0]["excerpt"]


def test_a_text_column_of_another_type(tmp_path: Path) -> None:
    table = pa.table({"text": [1, 2], "id": ["a", "b"]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path).bad == [(1, "no_text"), (2, "no_text")]


def test_bytes_that_are_text_are_taken_and_others_rejected(tmp_path: Path) -> None:
    table = pa.table({"text": pa.array([b"caf\xc3\xa9", b"caf\xe9", None], pa.binary())})
    pq.write_table(table, tmp_path / "a.parquet")
    found = read(tmp_path)
    assert found.texts == ["café"]
    assert found.bad == [(2, "not_utf8"), (3, "no_text")]


def test_a_string_column_that_is_not_utf8_rejects_that_row_alone(tmp_path: Path) -> None:
    table = pa.table({"text": not_utf8([b"one", b"\xff\xfe", b"three"]), "id": ["1", "2", "3"]})
    pq.write_table(table, tmp_path / "a.parquet")
    found = read(tmp_path)
    assert [(d["text"], d["position"]) for d in found.documents] == [("one", 1), ("three", 3)]
    assert found.bad == [(2, "not_utf8")]


def test_a_time_beyond_the_calendar_rejects_that_row_alone(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", "b"], "at": pa.array([0, 2**50], pa.timestamp("s"))})
    pq.write_table(table, tmp_path / "a.parquet")
    found = read(tmp_path)
    assert found.texts == ["a"]
    assert found.bad == [(2, "unfit_value")]


def test_nested_fields_and_metadata_of_every_kind(tmp_path: Path) -> None:
    row = {
        "doc": {"text": "hello", "lang": "en"},
        "at": dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.UTC),
        "day": dt.date(2024, 2, 29),
        "time": dt.time(1, 2, 3),
        "took": dt.timedelta(seconds=90),
        "price": decimal.Decimal("12.50"),
        "gap": float("nan"),
        "image": b"\x00\xff",
        "tags": ["a", None],
    }
    table = pa.Table.from_pylist([row]).append_column("big", pa.array([2**64 - 1], pa.uint64()))
    pq.write_table(table, tmp_path / "a.parquet")
    found = read(tmp_path, text_field="doc.text", id_field="gap")
    assert found.texts == ["hello"]
    assert found.documents[0]["record_id"] is None
    assert found.metadata() == {
        "doc": {"lang": "en"},
        "at": "2024-02-29T12:30:00+00:00",
        "day": "2024-02-29",
        "time": "01:02:03",
        "took": "0:01:30",
        "price": "12.50",
        "big": 2**64 - 1,
        "image": "AP8=",
        "tags": ["a", None],
    }


def test_gaps_in_an_id_column_do_not_make_documents_alike(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", "b"], "id": [float("nan")] * 2})
    pq.write_table(table, tmp_path / "a.parquet")
    assert len({d["doc_id"] for d in read(tmp_path).documents}) == 2


def test_no_turned_byte_ends_in_a_traceback_or_loses_a_row_unsaid() -> None:
    sink = io.BytesIO()
    table = TABLE.slice(0, 60)
    pq.write_table(table, sink, row_group_size=20, write_page_checksum=True)
    good = sink.getvalue()
    footer = int.from_bytes(good[-8:-4], "little") + 8
    chance = random.Random(7)
    for trial in range(300):
        data = bytearray(good)
        # Half of the trials hit the footer, where counts and offsets are.
        low = len(good) - footer if trial % 2 else 0
        data[chance.randrange(low, len(good))] ^= 1 << chance.randrange(8)
        items = list(parquet.read(io.BytesIO(data), Fields()))
        positions = [item.position for item in items]
        assert positions in (list(range(1, 61)), [1])
        texts = [item.text for item in items if isinstance(item, Record)]
        assert trial % 2 or set(texts) <= set(TEXTS[:60])


class Watched(io.BytesIO):
    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.most = max(self.most, len(found))
        return found


def test_a_row_group_is_read_a_buffer_at_a_time() -> None:
    """Some writers make one row group of a whole file, which may not fit into memory."""
    noise = random.Random(0)
    texts = ["".join(noise.choices("abcdefghijklmnop", k=100_000)) for _ in range(100)]
    out = Watched()
    pq.write_table(pa.table({"text": texts}), out, data_page_size=100_000, write_batch_size=1)
    assert len(out.getvalue()) > 4 * parquet.BUFFER_BYTES
    out.most = 0
    assert [item.text for item in parquet.read(out, Fields()) if isinstance(item, Record)] == texts
    assert out.most < 2 * parquet.BUFFER_BYTES, "a buffer, and the page that it ends in"
