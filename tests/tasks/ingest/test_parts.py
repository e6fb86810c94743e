"""One large file in parts: every record in exactly one of them, wherever the cuts fall."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.config import IngestConfig, Source
from tasks import storage
from tasks.hashing import add_hex
from tasks.ingest.parts import is_plain_json_lines, ranges
from tasks.inputs import list_units
from tasks.reading import UnitReader
from tests.tasks.ingest.reading import lines, numbered

if TYPE_CHECKING:
    from pathlib import Path

LINES = st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b".")), max_size=30)


@settings(max_examples=300)
@given(rows=LINES, ended=st.booleans(), at_most=st.integers(1, 40))
def test_parts_side_by_side_hold_each_line_once(
    tmp_path_factory: pytest.TempPathFactory, rows: list[bytes], *, ended: bool, at_most: int
) -> None:
    body = b"\n".join(rows) + b"\n" * ended
    path = tmp_path_factory.getbasetemp() / "parts.txt"
    path.write_bytes(body)
    (file,) = storage.list_inputs(str(path), where="here")
    found = []
    for part in ranges(file, at_most=at_most):
        with storage.open_input(part, scratch="") as raw:
            found.append(raw.read())
    assert b"".join(found) == body
    whole_lines = [f for f in found if f][:-1]
    assert all(f.endswith(b"\n") for f in whole_lines)


def read(source: Source, **keys: Any) -> dict[str, tuple[str, int]]:
    """Where each document of a source stands, by its id."""
    places: dict[str, tuple[str, int]] = {}
    for unit in list_units(IngestConfig(sources=(source,), **keys)).units:
        reader = UnitReader(unit, source, scratch="")
        for documents, rejects in reader.batches():
            assert rejects.num_rows == 0
            for row in documents.select(["record_id", "location", "position"]).to_pylist():
                assert row["record_id"] not in places
                places[row["record_id"]] = (row["location"], row["position"])
    return places


def test_a_large_file_of_json_lines_is_many_units(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + lines(numbered(500)))
    source = Source(name="s", url=(str(path),))
    found = read(source, split_mb=0.01)
    assert found.keys() == {str(i) for i in range(500)}
    assert len({place for place, _ in found.values()}) == round(path.stat().st_size / 1e4 + 0.5)
    for own, (location, position) in found.items():
        start, end = map(int, location.partition("#bytes=")[2].split("-"))
        behind = path.read_bytes()[max(0, start - 1) :]
        inside = behind.split(b"\n", 1)[1] if start else behind
        assert f'"id": "{own}"'.encode() in inside.split(b"\n")[position - 1]
        assert end - start <= 10_000
    assert {p for p, _ in read(source).values()} == {str(path)}, "small files stay whole"


@pytest.mark.parametrize("how", ["gzip", "encoding", "text"])
def test_what_cannot_be_cut_is_read_whole(tmp_path: Path, how: str) -> None:
    import gzip

    body = lines(numbered(200))
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(body) if how == "gzip" else body)
    keys = {"encoding": {"encoding": "latin-1"}, "text": {"format": "text"}}.get(how, {})
    source = Source.model_validate({"name": "s", "url": str(path), **keys})
    units = list_units(IngestConfig(sources=(source,), split_mb=0.001)).units
    assert [f.part for u in units for f in u.files] == [None]


def test_parquet_is_cut_between_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(numbered(1_000)), path, row_group_size=100)
    source = Source(name="s", url=(str(path),))
    size = path.stat().st_size
    found = read(source, split_mb=size / 5e6, unit_mb=0.001)
    assert found.keys() == {str(i) for i in range(1_000)}
    places = {place for place, _ in found.values()}
    assert 4 <= len(places) <= 10
    assert all("#row_groups=" in p for p in places)
    units = list_units(IngestConfig(sources=(source,), split_mb=1e-6, unit_mb=1e-6)).units
    assert len(units) == 10
    parts = sorted(f.part.start for u in units for f in u.files if f.part)
    assert parts == list(range(10))


def test_a_broken_parquet_file_is_not_cut_but_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" + bytes(10_000) + b"PAR1")
    source = Source(name="s", url=(str(path),))
    (unit,) = list_units(IngestConfig(sources=(source,), split_mb=0.001)).units
    ((documents, rejects),) = UnitReader(unit, source, scratch="").batches()
    assert (documents.num_rows, rejects.column("reason").to_pylist()) == (0, ["corrupt_parquet"])


def test_the_digests_of_parts_are_of_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(numbered(300)))
    source = Source(name="s", url=(str(path),))

    def digests(split_mb: float) -> list[str]:
        found = []
        for unit in list_units(IngestConfig(sources=(source,), split_mb=split_mb)).units:
            reader = UnitReader(unit, source, scratch="")
            assert list(reader.batches())
            found += [f.digest or "" for f in reader.files]
        return found

    assert len(digests(1)) == 1
    assert len(digests(0.01)) == len(set(digests(0.01))) > 1
    assert add_hex(digests(0.01)) == add_hex(digests(0.01))


def test_json_lines_are_told_by_their_first_character() -> None:
    assert is_plain_json_lines(b'\xef\xbb\xbf \n{"text"')
    for other in (b"\x1f\x8b\x08", b"[{", b"", b"\xff\xfe{\x00", b"PK\x03\x04"):
        assert not is_plain_json_lines(other)


def test_a_footer_that_pyarrow_cannot_bear_ends_no_process() -> None:
    sink = io.BytesIO()
    table = pa.table({"many": pa.array([[[1]], [], None], pa.list_(pa.list_(pa.int8())))})
    pq.write_table(table, sink, compression="none")
    good = sink.getvalue()
    footer = len(good) - int.from_bytes(good[-8:-4], "little") - 8
    code = (
        "import io, sys; from schemas.manifest import InputFile; from tasks.ingest import parts\n"
        "data = bytearray(sys.stdin.buffer.read())\n"
        f"for at in range({footer}, len(data) - 8):\n"
        "    data[at] ^= 1\n"
        "    file = InputFile(url='a', size=len(data))\n"
        "    assert parts.row_groups(file, io.BytesIO(data), at_most=1)\n"
        "    data[at] ^= 1\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=good, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
