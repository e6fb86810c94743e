from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from schemas.manifest import InputFile
from tasks.ingest import formats
from tests.tasks.ingest.reading import lines, read

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jsonl", "jsonl"),
        ("a.JSONL.GZ", "jsonl"),
        ("a.json.zst", "jsonl"),
        ("a.ndjson.zstd", "jsonl"),
        ("a.parquet", "parquet"),
        ("a.tex.gzip", "text"),
        ("README", None),
        ("a.CSV", "csv"),
        ("a.warc.gz", "warc"),
        ("a.warc.wet.gz", "warc"),
        ("a.htm", "html"),
        ("a.xml", None),
        ("a.xhtml", "html"),
        ("man1/tar.1.gz", "text"),
        ("de/printf.3p.bz2", "text"),
        ("git-rebase--merge.1", "text"),
        ("a.MAN", "text"),
        ("a.org.xz", "text"),
        ("bzip2.1", "text"),
        ("man/man7/iso_8859-1.7.gz", "text"),
        ("man1/release-1.2", None),
        ("release-1.2", None),
        ("v1.2", None),
        ("x/1.2", None),
        ("a/libx.so.1.2", None),
        ("libc.so.6", None),
        (".1", None),
        ("a.tar.gz", None),
        ("what?.jsonl", "jsonl"),
        ("https://host/a.json.gz?download=true", "jsonl"),
        ("https://host/a?name=b.jsonl", None),
    ],
)
def test_the_name_tells_the_format(name: str, expected: str | None) -> None:
    assert formats.by_name(name) == expected


def chosen(*names: str) -> tuple[list[str], str | None, list[str]]:
    files = [InputFile(url=name) for name in names]
    taken, kind, passed_over = formats.choose(files, "auto")
    return [f.url for f in taken], kind, [f.url for f in passed_over]


def test_data_is_chosen_before_prose_and_the_larger_number_before_the_smaller() -> None:
    assert chosen("README.md", "a.jsonl") == (["a.jsonl"], "jsonl", ["README.md"])
    assert chosen("a.txt", "b.md", "c.csv") == (["a.txt", "b.md"], "text", ["c.csv"])
    taken, kind, passed_over = chosen("a.jsonl", "b.parquet", "c.parquet")
    assert (taken, kind, passed_over) == (["b.parquet", "c.parquet"], "parquet", ["a.jsonl"])
    assert chosen("b.parquet", "a.jsonl")[1] == "jsonl"
    assert chosen("a.csv") == (["a.csv"], "csv", [])
    assert chosen("a.html", "b.html", "c.txt") == (["a.html", "b.html"], "html", ["c.txt"])
    assert chosen("a.warc.gz", "b.txt", "c.txt")[1] == "warc"
    assert chosen("a.bin") == ([], None, ["a.bin"])
    assert chosen() == ([], None, [])


def test_archives_are_known_by_their_names_and_chosen_by_their_members() -> None:
    names = ["a.tar", "b.TAR.GZ", "c.tgz", "d.zip", "e.tar.zst", "https://host/f.tar.xz?x=1"]
    assert all(map(formats.is_archive, names))
    assert not any(map(formats.is_archive, ["tar", "a.tar.txt", "a.gz", "a.jsonl.zst"]))
    files = [InputFile(url=url) for url in ("a.zip", "b.tar", "c.txt", "d.tgz")]
    members = {
        "a.zip": ["README.md", "x.csv", "y.csv"],
        "b.tar": ["1.md", "2.txt"],
        "d.tgz": ["x.parquet"],
    }
    taken, kind, passed_over = formats.choose(files, "auto", members)
    assert ([f.url for f in taken], kind) == (["a.zip", "b.tar", "c.txt"], "text")
    assert [f.url for f in passed_over] == ["d.tgz"]
    members["d.tgz"].append("one.jsonl")
    taken, kind, passed_over = formats.choose(files, "auto", members)
    assert ([f.url for f in taken], kind, len(passed_over)) == (["d.tgz"], "jsonl", 3)
    unread = formats.choose(files[:1], "auto", {"a.zip": ["a.bin", "b.parquet"]})
    assert unread == ([], None, files[:1])


def test_a_text_file_is_one_document(tmp_path: Path) -> None:
    bodies = {
        "a.txt": b"one\r\ntwo\rthree\n",
        "b.md": b"\xef\xbb\xbfmarked",
        "c.txt": b"",
        "d.txt": gzip.compress(b"packed"),
        "e.txt": b"caf\xe9",
        "f.txt": "Grüße".encode("utf-16"),
        "g.txt": gzip.compress(b"packed" * 9_999)[:-20],
    }
    for name, body in bodies.items():
        (tmp_path / name).write_bytes(body)
    found = read(tmp_path)
    assert found.texts == ["one\ntwo\nthree\n", "marked", "packed", "Grüße"]
    assert found.bad == [(1, "not_utf8"), (1, "corrupt_gzip")]
    assert [r["location"][-5:] for r in found.rejects] == ["e.txt", "g.txt"]
    assert {f.url[-5:]: f.records for f in found.files}["c.txt"] == 0


def test_a_named_format_is_taken_at_its_word(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(lines([{"text": "a"}]))
    assert read(tmp_path / "data", format="jsonl").texts == ["a"]
    assert read(tmp_path / "data", format="text").texts == ['{"text": "a"}\n']
    assert read(tmp_path / "data", format="parquet").bad == [(1, "corrupt_parquet")]
