"""Bad input that no reader's own tests have: whatever comes is counted, and memory is bounded."""

from __future__ import annotations

import decimal
import gzip
import io
import json
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.config import IngestConfig, Source
from schemas.errors import ConfigError, SourceError
from tasks.ingest import interpreter, tabular
from tasks.ingest.unpack.compression import FREE
from tasks.inputs import list_units
from tasks.reading import UnitReader
from tests.tasks.ingest.reading import lines, numbered, read

if TYPE_CHECKING:
    from collections.abc import Callable

GRUESSE = "Gr\u00fc\u00dfe"
WARC = (
    "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\n"
    f"{GRUESSE}\r\n\r\n"
)
ROWS: dict[str, list[str]] = {
    "jsonl": ['{"text": "one"}', f'{{"text": "{GRUESSE}"}}'],
    "chat": [
        '{"messages": [{"role": "user", "content": "one"}]}',
        f'{{"messages": [{{"role": "user", "content": "{GRUESSE}"}}]}}',
    ],
    "csv": ["text,id", 'one,"1"', f'{GRUESSE},"2"'],
    "wikiextractor": [
        '<doc id="1" url="u" title="t">',
        *("one", "</doc>", '<doc id="2" url="u" title="t">', GRUESSE, "</doc>"),
    ],
    "stackexchange": [
        '<?xml version="1.0" encoding="utf-8"?>',
        *("<posts>", '<row Id="1" Body="one" />', f'<row Id="2" Body="{GRUESSE}" />', "</posts>"),
    ],
}
each_format = pytest.mark.parametrize("kind", ROWS)


# --- lines -----------------------------------------------------------------------------------


@each_format
def test_windows_line_ends_and_a_mark_of_utf_8(tmp_path: Path, kind: str) -> None:
    body = ("\ufeff" + "".join(f"{row}\r\n" for row in ROWS[kind])).encode()
    (tmp_path / "a.txt").write_bytes(body)
    found = read(tmp_path, format=kind)
    assert [text.removeprefix("User: ") for text in found.texts] == ["one", GRUESSE]
    assert found.rejects == []
    assert "\ufeff" not in json.dumps(found.documents, ensure_ascii=False)


@pytest.mark.parametrize(
    ("kind", "cut", "reason"),
    [
        ("jsonl", 3, "invalid_json"),
        ("chat", 3, "invalid_json"),
        ("csv", 2, "unclosed_quote"),
        ("wikiextractor", 4, "unclosed_document"),
        ("stackexchange", 14, "truncated_xml"),
        ("warc", 8, "truncated"),
    ],
)
@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["plain", "gz"])
def test_a_last_line_that_is_cut_off_costs_itself_alone(
    tmp_path: Path, kind: str, cut: int, reason: str, packed: Callable[[bytes], bytes]
) -> None:
    body = (WARC + WARC if kind == "warc" else "\n".join(ROWS[kind])).encode()
    (tmp_path / "a.txt").write_bytes(packed(body[:-cut]))
    (tmp_path / "b.txt").write_bytes(body)
    found = read(tmp_path, format=kind)
    assert (len(found.documents), [why for _, why in found.bad]) == (3, [reason])
    assert found.rejects[0]["location"] == str(tmp_path / "a.txt")


@each_format
def test_files_in_several_encodings_side_by_side(tmp_path: Path, kind: str) -> None:
    body = "\n".join(ROWS[kind])
    marked = body.replace("utf-8", "utf-16")
    (tmp_path / "a.txt").write_text(body, encoding="utf-8")
    (tmp_path / "b.txt").write_bytes(("\ufeff" + marked).encode("utf-16-le"))
    (tmp_path / "c.txt").write_bytes(("\ufeff" + marked).encode("utf-16-be"))
    (tmp_path / "d.txt").write_bytes(body.encode("latin-1"))
    found = read(tmp_path, format=kind)
    whole = [d for d in found.documents if not d["location"].endswith("d.txt")]
    assert [d["text"].removeprefix("User: ") for d in whole] == ["one", GRUESSE] * 3
    assert len(found.rejects) == 1
    assert found.rejects[0]["location"].endswith("d.txt")
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "a.txt").write_bytes(body.replace("utf-8", "iso-8859-1").encode("latin-1"))
    found = read(tmp_path / "e", format=kind, encoding="latin-1")
    assert [t.removeprefix("User: ") for t in found.texts] == ["one", GRUESSE]


@pytest.mark.parametrize("row", ["a\xff,b,c", "1,b,c\xff", "1,\xff,c", "1,b,c,\xff"])
def test_a_byte_that_is_no_utf_8_anywhere_in_a_row_of_csv(tmp_path: Path, row: str) -> None:
    body = f"id,text,url\n0,one,u\n{row}\n2,three,u\n"
    (tmp_path / "a.csv").write_bytes(body.encode("latin-1"))
    found = read(tmp_path)
    assert found.texts == ["one", "three"]
    assert found.bad == [(2, "wrong_field_count" if row.count(",") > 2 else "not_utf8")]


def test_a_table_made_to_keep_its_reader_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_bytes(b"a," * 500_000 + b"text\n1,2\n")
    assert read(tmp_path).bad == [(1, "bad_header")]
    monkeypatch.setattr(tabular, "MAX_ROW_CHARS", 10_000)
    (tmp_path / "a.csv").write_bytes(b"text\n" + b'"\n",' * 3_000 + b"\nend\n")
    assert read(tmp_path).bad == [(1, "row_too_long")]


def test_no_column_of_a_table_is_lost_for_its_name(tmp_path: Path) -> None:
    row = ["one", "two", "three", "four", "five"]
    names = ["text", "x", "x_4", "x", "text"]
    (tmp_path / "a.csv").write_text(",".join(names) + "\n" + ",".join(row))
    table = pa.Table.from_arrays([pa.array([value]) for value in row], names=names)
    pq.write_table(table, tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        found = read(tmp_path / name)
        assert found.texts == ["one"]
        assert found.metadata() == {"x": "two", "x_4": "three", "x_4_": "four", "text_5": "five"}


@pytest.mark.parametrize("bad", ["\\ud800", "\\x", "9e999"])
def test_a_line_that_no_second_try_mends_is_tried_no_third_time(tmp_path: Path, bad: str) -> None:
    line = f'{{"text": "NaN {bad} {"x" * 300_000}"}}\n{{"text": "x", "n": [NaN, {bad}]}}\n'
    (tmp_path / "a.jsonl").write_text(line + '{"text": "end"}')
    begun = time.process_time()
    found = read(tmp_path)
    assert found.texts[-1] == "end"
    assert len(found.documents) + len(found.rejects) == 3
    assert time.process_time() - begun < 1


BUSY = {
    "row of many lines": ("stackexchange", b'<posts>\n<row Id="1" Body="' + b"x\n" * 500_000),
    "comment": ("stackexchange", b"<posts>\n<!--" + b"x\n" * 500_000),
    "lengths too large": ("warc", b"WARC/1.0\r\nContent-Length: 9999999\r\n\r\n" * 4_000),
    "marks": ("text", ("a" + "\u0300\u0316" * 150_000).encode()),
    "marks in order of their class": ("jsonl", lines([{"text": "\u0316\u0334" * 150_000}])),
}


@pytest.mark.parametrize("what", BUSY)
def test_what_is_built_to_keep_a_reader_busy_costs_seconds(tmp_path: Path, what: str) -> None:
    kind, body = BUSY[what]
    (tmp_path / "a.txt").write_bytes(body)
    begun = time.process_time()
    found = read(tmp_path, format=kind)
    assert found.documents or found.rejects
    assert time.process_time() - begun < 8


def test_a_web_archive_s_header_without_an_end_takes_no_other_record_with_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.warc").write_text("WARC/1.0\r\nWARC-Type: request\r\n" + WARC, newline="")
    found = read(tmp_path)
    assert (found.texts, found.bad) == ([GRUESSE], [(1, "bad_header")])


def test_numbers_and_expressions_that_python_cannot_print(tmp_path: Path) -> None:
    for name, value in (("id", "0x" + "f" * 5_000), ("n", "1:" * 9_000 + "1")):
        (tmp_path / f"{name}.md").write_text(f"---\n{name}: {value}\n---\ntext")
    found = read(tmp_path, format="markdown")
    assert found.texts == ["text"]
    assert [why for _, why in found.bad] == ["unfit_metadata"]
    nested = b"topics = {'a': " + b"-" * 900 + b"1, 'b': 'text'}"
    module = f"{sysconfig.get_path('stdlib')}/pydoc_data/topics.py"
    items = list(interpreter.read(io.BytesIO(nested), kind="python-reference", location=module))
    assert [item.position for item in items] == [1, 2]


def test_a_bomb_costs_its_own_file_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines(numbered(5)) + bytes(2 * FREE), 6))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines(numbered(5))))
    found = read(tmp_path)
    assert (len(found.documents), found.bad) == (10, [(6, "decompression_bomb")])


PEAK = """
import re, sys
from pathlib import Path
from schemas.config import IngestConfig, Source
from tasks import compiled
from tasks.inputs import list_units
from tasks.reading import UnitReader
compiled.load("tasks.ingest.normalise.kernel")  # 60 MB, however long a line is
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
url, kind = sys.argv[1:]
source = Source(name="s", url=(url,), format=kind)
(unit,) = list_units(IngestConfig(sources=(source,), split_mb=1000)).units
before, rows = peak(), [0, 0]
for batch in UnitReader(unit, source, scratch="").batches():
    rows = [n + table.num_rows for n, table in zip(rows, batch)]
print(*rows, (peak() - before) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc tells the peak")
@pytest.mark.parametrize(
    ("kind", "documents", "most_mb"),
    [
        ("jsonl", 1, 700),
        *(
            pytest.param(kind, documents, most_mb, marks=pytest.mark.slow)
            for kind, documents, most_mb in [
                ("text", 1, 700),
                ("csv", 0, 250),
                ("chat", 0, 250),
                ("wikiextractor", 0, 100),
                ("stackexchange", 0, 100),
                ("warc", 0, 100),
                ("html", 0, 100),
            ]
        ),
    ],
)
def test_a_line_of_100_megabytes(tmp_path: Path, kind: str, documents: int, most_mb: int) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.write(b'{"text": "')
        for _ in range(100):
            file.write(b"word " * 200_000)
        file.write(b'"}\n')
    # A process of its own: the peak of this one is that of all tests before.
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path), kind], capture_output=True, check=True
    )
    read, rejects, peak_mb = map(int, done.stdout.split())
    assert (read, rejects) == (documents, 1 - documents)
    assert peak_mb < most_mb


# --- Parquet ---------------------------------------------------------------------------------


def parquet(path: Path, columns: dict[str, pa.Array]) -> None:
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), path)


WORDS = ["one", "two", "one"]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(WORDS).dictionary_encode(),
        pa.array(WORDS, pa.large_string()),
        pa.array(WORDS, pa.string_view()),
        pa.array([w.encode() for w in WORDS], pa.large_binary()),
        pa.array([w.encode() for w in WORDS], pa.binary(3)),
        pa.array([w.encode() for w in WORDS]).dictionary_encode(),
    ],
    ids=lambda c: str(c.type).partition("<")[0],
)
def test_text_in_a_column_of_another_make(tmp_path: Path, column: pa.Array) -> None:
    parquet(tmp_path / "a.parquet", {"text": column})
    found = read(tmp_path)
    assert found.texts == WORDS
    assert found.rejects == []


@pytest.mark.parametrize(
    "column",
    [
        pa.array([["a"], ["b"], []]),
        pa.array([{"a": "b"}, {"a": "c"}, None]),
        pa.array([1.5, None, 2.5]),
        pa.array([True, False, None]),
        pa.nulls(3),
        pa.array([[("a", "b")], [], None], pa.map_(pa.string(), pa.string())),
        pa.array([decimal.Decimal("1.5")] * 3),
    ],
    ids=lambda c: str(c.type).partition("<")[0],
)
def test_what_is_no_text_rejects_its_rows_and_the_next_file_is_read(
    tmp_path: Path, column: pa.Array
) -> None:
    parquet(tmp_path / "a.parquet", {"text": column})
    parquet(tmp_path / "b.parquet", {"body": pa.array(WORDS)})
    parquet(tmp_path / "c.parquet", {"text": pa.array(WORDS)})
    found = read(tmp_path)
    assert found.texts == WORDS
    assert found.bad == [(n, "no_text") for n in (1, 2, 3)] * 2


def test_ids_of_every_type(tmp_path: Path) -> None:
    ids: dict[str, tuple[Any, list[str | None]]] = {
        "decimal": ([decimal.Decimal("1.50"), None], ["1.50", None]),
        "int": ([7, 2**63 - 1], ["7", "9223372036854775807"]),
        "bool": ([True, False], ["True", "False"]),
        "text": (["a", ""], ["a", None]),
    }
    for name, (values, expected) in ids.items():
        parquet(
            tmp_path / name / "a.parquet", {"text": pa.array(["a", "b"]), "id": pa.array(values)}
        )
        found = read(tmp_path / name)
        assert [d["record_id"] for d in found.documents] == expected, name
        assert found.rejects == []


@pytest.mark.parametrize("rows", [0, 3])
def test_a_table_without_rows_or_columns(tmp_path: Path, rows: int) -> None:
    pq.write_table(pa.table({"text": pa.array(WORDS[:0])}), tmp_path / "a.parquet")
    no_columns = pa.table({"a": pa.array([1] * rows)}).select([])
    pq.write_table(no_columns, tmp_path / "b.parquet")
    found = read(tmp_path)
    assert found.documents == []
    assert len(found.rejects) in (0, rows)
    assert len(found.files) == 2


# --- what changes under the reader ------------------------------------------------------------


def shrink(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x" * 100)


def overwrite(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(b"x" * size)


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"\0" * path.stat().st_size)
    other.rename(path)


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def packed(kind: str) -> bytes:
    rows = numbered(6_000)
    if kind != "parquet":
        return lines(rows) if kind == "jsonl" else gzip.compress(lines(rows), 1)
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink, row_group_size=2_500, compression="none")
    return sink.getvalue()


@pytest.mark.parametrize("change", [shrink, grow, overwrite, replace, become_a_folder])
@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "parquet"])
def test_a_file_that_changes_while_it_is_read_stops_the_run_and_is_named(
    tmp_path: Path, kind: str, change: Callable[[Path], None]
) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(packed(kind))
    source = Source(name="x", url=(str(path),))
    (unit,) = list_units(IngestConfig(sources=(source,))).units
    reader = UnitReader(unit, source, scratch="")
    batches = reader.batches()
    next(batches)
    change(path)
    with pytest.raises(SourceError, match=f"{path}: got another file .*nothing writes to it"):
        list(batches)
    assert reader.files == []  # nothing is reported as read


def test_a_folder_whose_name_is_that_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()
    with pytest.raises(ConfigError, match="where there is no file"):
        read(tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl" / "b.jsonl").write_bytes(lines(numbered(2)))
    assert len(read(tmp_path / "a.jsonl").documents) == 2
