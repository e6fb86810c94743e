from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
import zstandard

from tasks.ingest import jsonl
from tasks.ingest.items import Fields, Record
from tasks.ingest.unpack.compression import decompressed
from tests.tasks.ingest.reading import lines, numbered, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = numbered(3_000)
TEXTS = [row["text"] for row in ROWS]
PACK: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "json.zst", "ndjson"])
@pytest.mark.parametrize("packed", PACK)
def test_compression_is_seen_in_the_content_whatever_the_name(
    tmp_path: Path, packed: str, suffix: str
) -> None:
    (tmp_path / f"a.{suffix}").write_bytes(PACK[packed](lines(ROWS)))
    found = read(tmp_path)
    assert found.texts == TEXTS
    assert [d["position"] for d in found.documents] == list(range(1, len(ROWS) + 1))
    assert found.rejects == []


def test_members_and_frames_one_after_the_other(tmp_path: Path) -> None:
    halves = (lines(ROWS[:1_111]), lines(ROWS[1_111:]))
    zeros = gzip.compress(halves[0]) + bytes(50_000) + gzip.compress(halves[1]) + bytes(7)
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"\x0c\x00\x00\x00"
    frames = [zstandard.ZstdCompressor().compress(half) for half in halves]
    for name, data in {
        "members": b"".join(map(gzip.compress, halves)),
        "members-and-zeros": zeros,
        "frames": b"".join(frames),
        "pzstd": skippable + frames[0] + skippable + frames[1],
        "many": b"".join(gzip.compress(lines([row])) for row in ROWS),
        "twice": gzip.compress(gzip.compress(lines(ROWS))),
    }.items():
        (tmp_path / f"{name}.jsonl").write_bytes(data)
        assert read(tmp_path / f"{name}.jsonl").texts == TEXTS, name


def test_zstd_with_the_largest_window_is_read(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = packer.compress(lines(ROWS)) + packer.flush()
    with pytest.raises(zstandard.ZstdError):
        zstandard.ZstdDecompressor().decompressobj().decompress(data)
    (tmp_path / "a.jsonl.zst").write_bytes(data)
    assert read(tmp_path).texts == TEXTS


@pytest.mark.parametrize("packed", ["gz", "zst"])
def test_a_file_that_is_cut_off_keeps_all_that_came_before(tmp_path: Path, packed: str) -> None:
    data = PACK[packed](lines(ROWS))
    (tmp_path / "a.jsonl").write_bytes(data[: len(data) * 2 // 3])
    (tmp_path / "b.jsonl").write_bytes(PACK[packed](lines(ROWS[:5])))
    found = read(tmp_path)
    n = len(found.documents) - 5
    assert n > len(ROWS) * 0.4
    assert found.texts == TEXTS[:n] + TEXTS[:5]
    assert found.bad == [(n + 1, {"gz": "corrupt_gzip", "zst": "corrupt_zstd"}[packed])]
    assert found.rejects[0]["location"] == str(tmp_path / "a.jsonl")
    assert "cut off" in found.rejects[0]["excerpt"]


@pytest.mark.parametrize("packed", ["gz", "zst"])
def test_turned_bits_keep_what_came_before_and_stop_nothing(tmp_path: Path, packed: str) -> None:
    data = bytearray(PACK[packed](lines(ROWS)))
    half = len(data) // 2
    data[half : half + 40] = bytes(b ^ 0xA5 for b in data[half : half + 40])
    (tmp_path / "a.jsonl").write_bytes(data)
    found = read(tmp_path)
    n = len(ROWS) // 4
    assert found.texts[:n] == TEXTS[:n]
    assert found.rejects[-1]["reason"] == {"gz": "corrupt_gzip", "zst": "corrupt_zstd"}[packed]
    assert found.rejects[-1]["position"] == len(found.documents) + len(found.rejects)


def test_a_wrong_checksum_at_the_very_end_is_told_though_all_rows_are_kept(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(lines(ROWS)))
    data[-6] ^= 1
    (tmp_path / "a.jsonl.gz").write_bytes(data)
    found = read(tmp_path)
    assert found.bad[-1][1] == "corrupt_gzip"
    assert found.texts == TEXTS[: len(found.texts)]
    assert len(found.texts) > len(TEXTS) * 0.8


def test_a_head_that_only_looks_compressed_is_one_reject(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\x1f\x8bnothing")
    (tmp_path / "b.jsonl").write_bytes(b"\x28\xb5\x2f\xfd")
    assert [reason for _, reason in read(tmp_path).bad] == ["corrupt_gzip", "corrupt_zstd"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "a", }', "invalid_json"),
        (b'{"text": "cut o', "invalid_json"),
        (b"not json at all", "invalid_json"),
        (b'["text", "a"]', "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"3", "not_an_object"),
        (b'{"title": "no text"}', "no_text"),
        (b'{"text": null}', "no_text"),
        (b'{"text": 5}', "no_text"),
        (b'{"text": ["a"]}', "no_text"),
        (b'{"text": "\\ud800 alone"}', "lone_surrogate"),
        (b'{"text": "a", "title": "\\udc00"}', "lone_surrogate"),
        (b'{"text": "caf\xe9"}', "not_utf8"),
        (b'{"text": ' + b"[" * 1_000_000, "invalid_json"),
        (b'{"text": "a", "x": NaN, "y": ' + b'{"a":' * 1_000_000, "invalid_json"),
        (b'\xff\xfe{"text": "no mark in the middle"}', "not_utf8"),
        (b'{"text": "a\x00b"}', "invalid_json"),
        (b'{"text": "a", "x": ' + b"[" * 2_000 + b"]" * 2_000 + b"}", "invalid_json"),
        (b'{"text": "a", "x": ' + b"[" * 500 + b"]" * 500 + b"}", "unfit_metadata"),
        (b'{"text": "a", "x": NaN, "y": "\\ud800"}', "lone_surrogate"),
    ],
)
def test_a_bad_line_is_a_reject_at_its_place_and_its_neighbours_are_kept(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "one"}\n' + line + b'\n{"text": "three"}')
    found = read(tmp_path)
    assert found.bad == [(2, reason)]
    assert [(d["text"], d["position"]) for d in found.documents] == [("one", 1), ("three", 3)]


def test_line_ends_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    rows = [b'{"text": "one"}', b'{"text": "two"}', b'{"text": "three"}']
    bodies = {
        "lf": b"\n".join(rows),
        "crlf": b"\r\n".join(rows) + b"\r\n",
        "cr": b"\r".join(rows) + b"\r",
        "bom": b"\xef\xbb\xbf" + b"\n".join(rows),
    }
    for name, body in bodies.items():
        (tmp_path / f"{name}.jsonl").write_bytes(body)
        found = read(tmp_path / f"{name}.jsonl")
        got = [(d["text"], d["position"]) for d in found.documents]
        assert got == [("one", 1), ("two", 2), ("three", 3)], name
        assert found.rejects == []
    (tmp_path / "blank.jsonl").write_bytes(b"\n  \n" + rows[0] + b"\n\n\t\n" + rows[1] + b"\n\n")
    assert [d["position"] for d in read(tmp_path / "blank.jsonl").documents] == [3, 6]
    (tmp_path / "mixed.jsonl").write_bytes(rows[0] + b"\rbroken\r" + rows[1] + b"\n" + rows[2])
    found = read(tmp_path / "mixed.jsonl")
    assert [d["position"] for d in found.documents] == [1, 3, 4]
    assert found.bad == [(2, "invalid_json")]


def test_empty_files_have_no_records(tmp_path: Path) -> None:
    for name, body in {"a.jsonl": b"", "b.jsonl.gz": gzip.compress(b""), "c.jsonl": b"\n"}.items():
        (tmp_path / name).write_bytes(body)
    found = read(tmp_path)
    assert (found.documents, found.rejects) == ([], [])
    assert len(found.files) == 3


def test_newlines_inside_a_text_are_line_feeds_and_controls_go(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([{"text": "a\x00b\r\nc\rd\u2028e"}]))
    assert read(tmp_path).texts == ["ab\nc\nd\ne"]


def test_an_empty_text_is_a_document_for_the_rules_to_drop(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([{"text": ""}]))
    assert read(tmp_path).texts == [""]


def test_numbers_that_only_python_writes_are_read(tmp_path: Path) -> None:
    rows = [{"text": "a", "score": float("nan")}, {"text": "b NaN", "score": float("-inf")}]
    (tmp_path / "a.jsonl").write_bytes(lines(rows))
    found = read(tmp_path)
    assert found.texts == ["a", "b NaN"]
    assert [found.metadata(i) for i in (0, 1)] == [{"score": None}, {"score": None}]


def test_repeated_ids_are_both_documents_with_one_doc_id(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([{"id": 7, "text": "a"}, {"id": "7", "text": "b"}]))
    found = read(tmp_path)
    assert found.texts == ["a", "b"]
    assert len({d["doc_id"] for d in found.documents}) == 1
    assert [d["record_id"] for d in found.documents] == ["7", "7"]


def test_ids_that_say_nothing_are_none(tmp_path: Path) -> None:
    ids = [None, "", 123456789012345678901, 123456789012345678902]
    (tmp_path / "a.jsonl").write_bytes(lines({"id": i, "text": f"{n}"} for n, i in enumerate(ids)))
    found = read(tmp_path)
    assert [d["record_id"] for d in found.documents] == [None] * 4
    assert len({d["doc_id"] for d in found.documents}) == 4


def test_fields_inside_of_objects_and_what_is_left_as_metadata(tmp_path: Path) -> None:
    row = {
        "body": {"text": "hello", "lang": "en"},
        "meta": {"id": 3, "url": "https://a.b/c"},
        "license": ["MIT", "BSD"],
        "n": 1,
    }
    (tmp_path / "a.jsonl").write_bytes(lines([row]))
    found = read(tmp_path, text_field="body.text", id_field="meta.id", license="CC0-1.0")
    (document,) = found.documents
    assert (document["text"], document["record_id"]) == ("hello", "3")
    assert found.metadata() == {
        "body": {"lang": "en"},
        "meta": row["meta"],
        "n": 1,
    }
    assert document["license"] == "MIT AND BSD", "a list of licences: all of them apply"


def test_a_line_without_end_is_rejected_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 1_000)
    fits = json.dumps({"text": "x" * (999 - len('{"text": ""}'))})
    body = f'{{"text": "{"y" * 5_000}"}}\n{fits}\n{{"text": "end"}}\n'
    (tmp_path / "a.jsonl").write_text(body)
    found = read(tmp_path)
    assert found.bad == [(1, "line_too_long")]
    assert [d["position"] for d in found.documents] == [2, 3]


def test_a_large_file_is_streamed(tmp_path: Path) -> None:
    row = json.dumps({"text": "word " * 1_000}).encode() + b"\n"
    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(10_000):
            file.write(row)
    with path.open("rb", buffering=0) as raw:
        tracemalloc.start()
        items = jsonl.read(decompressed(raw), Fields())
        count = sum(isinstance(item, Record) for item in items)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count == 10_000
    assert peak < 20_000_000
