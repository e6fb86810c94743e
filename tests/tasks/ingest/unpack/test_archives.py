from __future__ import annotations

import bz2
import gzip
import io
import json
import random
import struct
import tarfile
import time
import tracemalloc
import zipfile
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.manifest import InputFile
from tasks.ingest import formats
from tasks.ingest.items import DamagedInput, Fields, Record
from tasks.ingest.unpack import archives
from tasks.ingest.unpack.compression import decompressed
from tests.real_data import real_data
from tests.tasks.ingest.reading import lines, numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schemas.config import Format

Files: TypeAlias = "Iterable[tuple[str, bytes]]"


@dataclass
class Seen:
    members: int = 0
    passed_over: int = 0


ARCHIVE = InputFile(url="a.zip")


def read(
    data: bytes, kind: Format = "text", *, auto: bool = False, encoding: str | None = None
) -> tuple[list[tuple[str, str]], list[tuple[str, str]], Seen]:
    """Texts and reasons by their locations, and the counts."""
    texts, bad, seen = [], [], Seen()
    how = formats.How(kind, Fields(), encoding=encoding, by_name_only=auto)
    try:
        plain = decompressed(io.BytesIO(data))
    except DamagedInput as damage:
        return [], [("a", damage.reason)], seen
    whole = lambda: io.BytesIO(data)  # noqa: E731
    for place, item in formats.read_file(plain, how, location="a", whole=whole, seen=seen):
        if isinstance(item, Record):
            texts.append((place, item.text))
        else:
            bad.append((place, item.reason))
    return texts, bad, seen


def tar(files: Files, layout: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=layout) as archive:
        for name, body in files:
            about = tarfile.TarInfo(name)
            about.size = len(body)
            archive.addfile(about, io.BytesIO(body))
    return out.getvalue()


def zip_(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, body in files:
            archive.writestr(zipfile.ZipInfo(name), body, method)
    return out.getvalue()


MAKE: dict[str, Callable[[Files], bytes]] = {
    "pax": tar,
    "gnu": lambda files: tar(files, tarfile.GNU_FORMAT),
    "tar.gz": lambda files: gzip.compress(tar(files)),
    "tar.zst": lambda files: zstandard.ZstdCompressor().compress(tar(files)),
    "zip": zip_,
    "zip-stored": lambda files: zip_(files, zipfile.ZIP_STORED),
    "zip-bzip2": lambda files: zip_(files, zipfile.ZIP_BZIP2),
}
each_kind = pytest.mark.parametrize("kind", MAKE)


@each_kind
def test_members_are_read_at_their_names(kind: str) -> None:
    files = [("a/one.txt", b"one"), ("b.txt", b"two" * 9_999), ("empty", b""), ("ü/ß.md", b"3")]
    texts, bad, seen = read(MAKE[kind](files))
    assert texts == [(f"a#{name}", body.decode()) for name, body in files if body]
    assert (bad, seen) == ([], Seen(members=4))


@each_kind
def test_members_may_be_compressed_themselves(kind: str) -> None:
    rows = numbered(200)
    files = [
        ("1.jsonl", lines(rows)),
        ("2.jsonl.gz", gzip.compress(lines(rows))),
        ("3", zstandard.ZstdCompressor().compress(lines(rows))),
        ("4.bz2", bz2.compress(lines(rows))),
    ]
    texts, bad, _ = read(MAKE[kind](files), "jsonl")
    assert texts == [(f"a#{name}", row["text"]) for name, _ in files for row in rows]
    assert bad == []


@each_kind
def test_names_never_become_paths(kind: str) -> None:
    names = [
        "/etc/passwd",
        "../../up.txt",
        "a\nb\x1b[1m.txt",
        "C:\\x.txt",
        "x" * 900,
        "same",
        "same",
    ]
    texts, bad, _ = read(MAKE[kind]([(name, b"text") for name in names]))
    shown = [name.replace("\n", "\\n").replace("\x1b", "\\x1b") for name in names]
    assert [place.removeprefix("a#") for place, _ in texts] == shown
    assert bad == []


@each_kind
def test_hidden_members_are_passed_over(kind: str) -> None:
    names = [".hidden", "a/.git/config", "__MACOSX/a.txt", "./shown.txt", "../.x/y", "b/c.txt"]
    texts, _, seen = read(MAKE[kind]([(name, b"text") for name in names]))
    assert [place for place, _ in texts] == ["a#./shown.txt", "a#b/c.txt"]
    assert seen == Seen(members=2)


@each_kind
def test_under_auto_names_choose_and_the_others_are_counted(kind: str) -> None:
    files = [("README", b"x"), ("a.json", b'{"text": "one"}'), ("b.txt", b"prose")]
    texts, bad, seen = read(MAKE[kind](files), "jsonl", auto=True)
    assert (texts, bad) == ([("a#a.json", "one")], [])
    assert seen == Seen(members=1, passed_over=2)


@each_kind
def test_an_archive_in_an_archive_is_rejected_and_its_neighbours_are_read(kind: str) -> None:
    files = [("a.txt", b"a"), ("b", tar([("x", b"y")])), ("c", zip_([("x", b"y")])), ("d", b"d")]
    files.append(("e", gzip.compress(tar([("x", b"y")]))))
    texts, bad, _ = read(MAKE[kind](files))
    assert [text for _, text in texts] == ["a", "d"]
    assert bad == [("a#b", "nested_archive"), ("a#c", "nested_archive"), ("a#e", "nested_archive")]


def test_links_devices_and_folders_are_passed_over() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (*b"123456", ord("D"), ord("Z")):
            about = tarfile.TarInfo(f"kind {chr(kind)}")
            about.type, about.linkname = bytes([kind]), "/etc/passwd"
            archive.addfile(about)
        about = tarfile.TarInfo("last.txt")
        about.size = 4
        archive.addfile(about, io.BytesIO(b"text"))
    assert read(out.getvalue())[:2] == ([("a#last.txt", "text")], [])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        link = zipfile.ZipInfo("link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
        packed.mkdir("folder")
        packed.writestr("last.txt", "text")
    assert read(out.getvalue())[:2] == ([("a#last.txt", "text")], [])


def header(name: bytes, size: int, kind: bytes = b"0", *, magic: bytes = b"ustar\x0000") -> bytes:
    block = bytearray(512)
    block[: len(name)] = name
    block[124:136] = b"%011o\0" % size
    block[156:157] = kind
    block[257 : 257 + len(magic)] = magic
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


END = bytes(1_024)


def padded(body: bytes) -> bytes:
    return body + bytes(-len(body) % 512)


def test_tar_of_every_age() -> None:
    old = header(b"old.txt", 3, b"\0", magic=b"") + padded(b"old") + END
    assert read(old)[0] == [("a#old.txt", "old")]
    long = b"d/" * 2_000 + b"f.txt"
    gnu = header(b"././@LongLink", len(long) + 1, b"L") + padded(long + b"\0")
    texts, bad, _ = read(gnu + header(b"cut", 3) + padded(b"new") + END)
    assert (texts[0][1], bad) == ("new", [])
    assert len(texts[0][0]) < 1_100
    latin = header(b"caf\xe9.txt", 1) + padded(b"x") + END
    assert read(latin)[0] == [("a#caf\\xe9.txt", "x")]
    joined = tar([("1", b"one")]) + tar([("2", b"two")])
    assert [text for _, text in read(joined)[0]] == ["one", "two"]
    large = bytearray(header(b"big", 0))
    large[124:136] = b"\x80" + (3).to_bytes(11, "big")
    large[148:156] = b" " * 8
    large[148:156] = b"%06o\0 " % sum(large)
    assert read(bytes(large) + padded(b"256") + END)[0] == [("a#big", "256")]


def test_sparse_files_are_rejected_and_what_follows_is_read() -> None:
    block = bytearray(header(b"holes", 512, b"S"))
    block[482] = 1
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    more = bytearray(512)
    after = header(b"after.txt", 2) + padded(b"ok") + END
    texts, bad, _ = read(bytes(block) + bytes(more) + b"x" * 512 + after)
    assert (texts, bad) == ([("a#after.txt", "ok")], [("a#holes", "sparse_member")])
    records = b"22 GNU.sparse.major=1\n"
    pax = header(b"x", len(records), b"x") + padded(records)
    texts, bad, _ = read(pax + header(b"holes", 3) + padded(b"abc") + after)
    assert (texts, bad) == ([("a#after.txt", "ok")], [("a#holes", "sparse_member")])


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (header(b"b", 10) + b"short", "truncated_archive"),
        (header(b"b", 10), "truncated_archive"),
        (header(b".passed-over", 10) + b"short", "truncated_archive"),
        (header(b"b", 3) + b"abc", "truncated_archive"),
        (header(b"b", 0)[:200], "truncated_archive"),
        (b"", "truncated_archive"),
        (b"\x07" * 512 + END, "corrupt_tar"),
        (header(b"b", 7 << 30, b"L") + b"x", "corrupt_tar"),
        (header(b"b", 900, b"L") + b"x", "truncated_archive"),
        (header(b"b", 15, b"x") + padded(b"15 size=-77777\n") + header(b"c", 3), "corrupt_tar"),
    ],
)
def test_a_broken_tar_keeps_what_came_before_and_tells_once(broken: bytes, reason: str) -> None:
    whole = header(b"good.txt", 4) + padded(b"text")
    for data in (whole + broken, gzip.compress(whole + broken)):
        texts, bad, _ = read(data)
        assert texts[0] == ("a#good.txt", "text")
        assert [why for _, why in bad] == [reason]
        assert len(texts) <= 2


def test_a_break_in_a_member_that_nobody_reads_is_told() -> None:
    _, bad, _ = read(header(b"inner.tar", 9_000) + header(b"x", 5))
    assert [why for _, why in bad] == ["nested_archive", "truncated_archive"]


@pytest.mark.parametrize("packer", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_compressed_tar_that_breaks_off_tells_once(packer: Callable[[bytes], bytes]) -> None:
    chance = random.Random(0)
    files = [(f"{i}.txt", chance.randbytes(9_000).hex().encode()) for i in range(60)]
    data = packer(tar(files))
    texts, bad, _ = read(data[: len(data) // 2])
    assert len(texts) > 20
    assert [text for _, text in texts] == [body.decode() for _, body in files[: len(texts)]]
    assert [why.partition("_")[0] for _, why in bad] == ["corrupt"]


def test_zip_members_that_cannot_be_read_cost_no_other() -> None:
    files = [("a", b"first" * 99), ("b", b"second" * 99), ("c", b"third" * 99)]
    data = zip_(files)
    second = data.index(b"PK\x03\x04", 5)
    listed = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    for at, value, reason in (
        (second + 40, b"\xff\xff\xff", "corrupt_zip"),  # deflated bytes
        (listed + 16, b"\0\0\0\0", "corrupt_zip"),  # checksum
        (listed + 24, b"\1\0\0\0", "corrupt_zip"),  # length
        (listed + 8, b"\1\0", "encrypted_member"),
        (listed + 10, b"\x63\0", "unknown_method"),
        (second, b"PK??", "corrupt_zip"),
        (listed + 42, b"\xf0\xff\xff\xff", "corrupt_zip"),  # its place
    ):
        broken = bytearray(data)
        broken[at : at + len(value)] = value
        texts, bad, _ = read(bytes(broken))
        assert [place for place, _ in texts] == ["a#a", "a#c"], reason
        assert bad == [("a#b", reason)]


def test_zip_directories_that_are_broken() -> None:
    data = zip_([("a", b"first" * 99), ("b", b"second" * 99)])
    assert read(data[:-40])[1] == [("a", "corrupt_zip")]
    assert read(data[: len(data) // 3])[1] == [("a", "corrupt_zip")]
    assert read(data + b"a comment that nobody announced")[:2] == read(data)[:2]
    broken = data.replace(b"PK\x01\x02", b"PK??")
    assert read(broken)[:2] == ([], [("a", "corrupt_zip")])
    assert read(gzip.compress(data))[:2] == ([], [("a", "nested_archive")])
    assert read(zip_([]))[:2] == ([], [])


def test_zip_with_64_bit_sizes_and_odd_names() -> None:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("streamed.txt", "w", force_zip64=True) as member,
    ):
        member.write(b"text")
    assert read(out.getvalue())[0] == [("a#streamed.txt", "text")]
    plain = zip_([("cafX.txt", b"text")])
    assert read(plain.replace(b"cafX", b"caf\x82"))[0] == [("a#café.txt", "text")]
    marked = zip_([("cafü.txt", b"text")])
    assert read(marked.replace("ü".encode(), b"\xff\xfe"))[0] == [("a#caf\\xff\\xfe.txt", "text")]


def test_zip_members_on_top_of_each_other_are_a_bomb() -> None:
    body = random.Random(0).randbytes(40_000).hex().encode()
    data = zip_([("a", body)])
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = data[start:end]
    many = entry * 50
    counts = struct.pack("<2HI", 50, 50, len(many))
    texts, bad, _ = read(data[:start] + many + data[end : end + 8] + counts + data[end + 16 :])
    assert len(texts) == 1
    assert bad == [("a", "overlapping_members")]


@pytest.mark.parametrize("make", ["zip", "tar.zst", "of-gzip", "zip-of-gzip"])
def test_a_bomb_in_many_members_is_one_bomb(make: str) -> None:
    zeros, packed = bytes(40 << 20), gzip.compress(bytes(40 << 20))
    pack = zstandard.ZstdCompressor().compress
    data = {
        "zip": lambda: zip_((f"{i}", zeros) for i in range(2)),
        "tar.zst": lambda: pack(tar((f"{i}", zeros) for i in range(2))),
        "of-gzip": lambda: tar((f"{i}", packed) for i in range(50)),
        "zip-of-gzip": lambda: zip_((f"{i}", packed) for i in range(50)),
    }[make]()
    begun = time.process_time()
    texts, bad, _ = read(data)
    assert [why for _, why in bad] == ["decompression_bomb"]
    assert len(texts) <= 1
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_many_members_are_streamed(kind: str) -> None:
    n = 10_000 if kind == "zip" else 3_000
    one = header(b"a.txt", 4) + padded(b"text")
    data = one * n + END if kind == "tar" else many_in_zip(n)
    seen = Seen()
    tracemalloc.start()
    found = formats.read_file(
        decompressed(io.BytesIO(data)),
        formats.How("text", Fields(), by_name_only=True),
        location="a",
        whole=lambda: io.BytesIO(data),
        seen=seen,
    )
    count = sum(isinstance(item, Record) for _, item in found)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (seen.members, seen.passed_over) == ((n, 0) if kind == "tar" else (0, n))
    assert count == seen.members
    assert peak < 2_500_000


def many_in_zip(n: int) -> bytes:
    """An archive of members that are empty and have names of no format."""
    entry = zip_([("none", b"")])
    start, end = entry.index(b"PK\x01\x02"), entry.index(b"PK\x05\x06")
    size = n * (end - start)
    counts = struct.pack("<2H2I", n % 65_536, n % 65_536, size, start)
    return entry[:start] + entry[start:end] * n + entry[end : end + 8] + counts + bytes(2)


def test_names_tell_the_format_of_an_archive() -> None:
    files = [("README.md", b"x"), ("a.jsonl", b"{}"), (".b.csv", b""), ("c/d.jsonl.gz", b"")]
    for make in MAKE.values():
        found = archives.names(io.BytesIO(make(files)))
        assert found == ["README.md", "a.jsonl", "c/d.jsonl.gz"]
        assert formats.choose([ARCHIVE], "auto", {ARCHIVE.url: found})[1] == "jsonl"
    file = io.BytesIO(tar(files))
    assert archives.names(file, 1) == ["README.md"]
    assert not file.closed
    assert archives.names(io.BytesIO(b"no archive")) == []
    assert archives.names(io.BytesIO(b"\x1f\x8bno")) == []
    assert archives.names(io.BytesIO(tar(files)[:700])) == ["README.md"]
    assert archives.names(io.BytesIO(gzip.compress(zip_(files)))) == []


def test_names_of_a_large_compressed_archive_cost_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "NAMES_BYTES", 100_000)
    chance = random.Random(0)
    data = gzip.compress(tar((f"{i}.txt", chance.randbytes(30_000)) for i in range(40)))
    file = io.BytesIO(data)
    found = archives.names(file)
    assert found == [f"{i}.txt" for i in range(len(found))]
    assert 3 <= len(found) <= 5


def test_real_manual_pages_in_one_archive() -> None:
    with gzip.open(real_data() / "german" / "manpages" / "part-00000.jsonl.gz") as rows:
        pages = [json.loads(row) for row in islice(rows, 300)]
    files = [(page["path"], gzip.compress(page["text"].encode(), 1)) for page in pages]
    names = [name for name, _ in files]
    for kind in ("tar.zst", "zip-stored"):
        data = MAKE[kind](files)
        assert archives.names(io.BytesIO(data)) == names
        assert formats.choose([ARCHIVE], "auto", {ARCHIVE.url: names})[1] == "text"
        texts, bad, seen = read(data, auto=True)
        assert texts == [(f"a#{page['path']}", page["text"]) for page in pages]
        assert (bad, seen) == ([], Seen(members=300))


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=20)
BODIES = st.text(st.characters(codec="utf-8", exclude_characters="\0\x1f\ufeff"), max_size=600)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["pax", "gnu", "tar.gz", "zip", "zip-stored"])
@settings(max_examples=25)
@given(st.lists(st.tuples(NAMES, BODIES), min_size=1, max_size=6))
def test_what_was_packed_comes_back(kind: str, files: list[tuple[str, str]]) -> None:
    safe = [(f"x{name}", body) for name, body in files]
    texts, bad, _ = read(MAKE[kind]((name, body.encode()) for name, body in safe))
    assert [text for _, text in texts] == [body for _, body in safe if body]
    assert bad == []


SMALL = [MAKE[kind]([("a.txt", b"text" * 9), ("b", b"more")]) for kind in ("pax", "gnu", "zip")]


@given(st.sampled_from(SMALL), st.data())
def test_any_turned_bytes_end(whole: bytes, data: st.DataObject) -> None:
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, min(len(broken), 2_000) - 1))] = data.draw(
            st.integers(0, 255)
        )
    cut = data.draw(st.integers(0, len(broken)))
    for body in (bytes(broken), bytes(broken[:cut])):
        for kind in ("text", "jsonl"):
            texts, bad, _ = read(body, kind)
            assert len(texts) + len(bad) < 40
        archives.names(io.BytesIO(body))


@given(st.sampled_from([b"PK\x03\x04", b"PK\x05\x06", header(b"a", 5)]), st.binary(max_size=600))
def test_any_bytes_that_begin_like_an_archive_end(start: bytes, rest: bytes) -> None:
    for body in (start + rest, start + rest + b"PK\x05\x06" + rest):
        texts, bad, _ = read(body)
        assert all(place == "a" or place.startswith("a#") for place, _ in texts + bad)
        assert all(reason.replace("_", "").isalnum() for _, reason in bad)
