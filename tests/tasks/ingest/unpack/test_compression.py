from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import time
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tasks.ingest.items import DamagedInput
from tasks.ingest.unpack import compression
from tasks.ingest.unpack.compression import decompressed

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = " ".join(f"{(i * 7919) % 99991:x}" for i in range(60_000)).encode()
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "bzip2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
}
LOST = {"gzip": 150_000, "zstd": 150_000, "bzip2": 1_000_000, "xz": 1_000_000}
"""Plain bytes that a broken block takes with it at most."""
each_kind = pytest.mark.parametrize("kind", PACK)


def unpack(data: bytes) -> tuple[bytes, str | None]:
    """All that can be read, and the reason why there is no more."""
    found = bytearray()
    try:
        stream = decompressed(io.BytesIO(data))
        while piece := stream.read1(5_000):  # type: ignore[attr-defined]
            found += piece
    except DamagedInput as damage:
        return bytes(found), damage.reason
    return bytes(found), None


@each_kind
def test_members_padding_and_an_empty_one(kind: str) -> None:
    pack = PACK[kind]
    for data, plain in (
        (pack(TEXT), TEXT),
        (pack(b""), b""),
        (pack(b"") + pack(TEXT[:9]) + pack(b"") + pack(TEXT[9:]), TEXT),
        (pack(TEXT) + bytes(99_999) + pack(b"end") + bytes(8), TEXT + b"end"),
        (
            b"".join(pack(b"%d " % i) for i in range(3_000)),
            b"".join(b"%d " % i for i in range(3000)),
        ),
    ):
        assert unpack(data) == (plain, None)


@each_kind
def test_any_cut_keeps_what_came_before_and_is_told(kind: str) -> None:
    data = PACK[kind](TEXT)
    chance = random.Random(1)
    for cut in [len(data) - 1, len(data) - 5, *chance.sample(range(12, len(data)), 25)]:
        found, reason = unpack(data[:cut])
        assert reason == f"corrupt_{kind}"
        assert TEXT.startswith(found)
        assert len(found) > len(TEXT) * cut / len(data) - LOST[kind]


@each_kind
def test_any_turned_bit_is_told_and_what_came_before_is_kept(kind: str) -> None:
    packed = PACK[kind](TEXT)
    chance = random.Random(2)
    for at in [len(packed) - 1, len(packed) - 6, *chance.sample(range(20, len(packed)), 25)]:
        data = bytearray(packed)
        data[at] ^= 1 << chance.randrange(8)
        found, reason = unpack(bytes(data))
        assert reason == f"corrupt_{kind}", at
        before = len(TEXT) * at // len(packed) - LOST[kind]
        assert found[: max(0, before)] == TEXT[: max(0, before)]


def test_the_length_of_a_gzip_member_is_checked_like_its_checksum() -> None:
    data = bytearray(gzip.compress(TEXT))
    data[-2] ^= 1
    assert unpack(bytes(data))[1] == "corrupt_gzip"


def gzip_header(flags: int, more: bytes) -> bytes:
    start = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + more
    return start + (zlib.crc32(start) & 0xFFFF).to_bytes(2, "little") if flags & 2 else start


@pytest.mark.parametrize("before", [0, 1, 7, 20, compression.PIECE - 10, compression.PIECE - 1])
@pytest.mark.parametrize(
    ("flags", "more"), [(0, b""), (2, b""), (8 | 2, b"name\0"), (4 | 16, b"\3\0abcwhy\0")]
)
def test_every_kind_of_gzip_header_wherever_it_lies(before: int, flags: int, more: bytes) -> None:
    packer = zlib.compressobj(wbits=-15)
    body = packer.compress(TEXT) + packer.flush()
    ends = zlib.crc32(TEXT).to_bytes(4, "little") + len(TEXT).to_bytes(4, "little")
    first = gzip.compress(b"")
    pad = bytes(max(0, before - len(first)))
    assert unpack(first + pad + gzip_header(flags, more) + body + ends) == (TEXT, None)


def test_zstd_frames_of_every_make() -> None:
    for made in (
        zstandard.ZstdCompressor(write_content_size=False).compress(TEXT),
        zstandard.ZstdCompressor(write_checksum=True, level=19).compress(TEXT),
        zstandard.ZstdCompressor(level=1).compress(bytes(3_000_000) + TEXT),
        zstandard.ZstdCompressor().compress(random.Random(0).randbytes(300_000)),
    ):
        assert unpack(made) == (zstandard.ZstdDecompressor().decompressobj().decompress(made), None)
    skippable = b"\x5a\x2a\x4d\x18" + (200_000).to_bytes(4, "little") + bytes(200_000)
    frame = PACK["zstd"](TEXT)
    assert unpack(skippable + frame + skippable) == (TEXT, None)
    assert unpack(frame + skippable[:-1]) == (TEXT, "corrupt_zstd")
    assert unpack(frame + b"junk") == (TEXT, "corrupt_zstd")


def zeros(kind: str) -> bytes:
    """A decompression bomb of 100 MB."""
    if kind == "zstd":
        return zstandard.ZstdCompressor().compress(bytes(100 << 20))
    return gzip.compress(bytes(100 << 20)) if kind == "gzip" else bz2.compress(bytes(100 << 20))


@pytest.mark.parametrize("kind", ["gzip", "zstd", "bzip2"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_bomb_ends_soon_and_in_bounded_memory(kind: str, times: int) -> None:
    data = zeros(kind)
    for _ in range(times - 1):
        data = gzip.compress(data)
    tracemalloc.start()
    begun, found, stream = time.process_time(), 0, decompressed(io.BytesIO(data))
    reason = None
    while reason is None:
        try:
            found += len(stream.read(1 << 16))
        except DamagedInput as damage:
            reason = damage.reason
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reason == "decompression_bomb"
    assert compression.FREE * 0.9 < found <= compression.FREE + (1 << 20)
    assert peak < 10_000_000
    assert time.process_time() - begun < 5
    with pytest.raises(DamagedInput, match="500 times are allowed"):
        stream.read(1)


def test_text_that_is_packed_well_is_no_bomb() -> None:
    small = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=24, enable_ldm=True)
    ).compressobj()
    new = random.Random(0)
    plain = [TEXT + new.randbytes(1_000).hex().encode() for _ in range(220)]
    data, size = b"".join(map(small.compress, plain)) + small.flush(), sum(map(len, plain))
    assert size > compression.FREE
    assert 100 < size / len(data) < compression.RATIO
    stream, found = decompressed(io.BytesIO(data)), 0
    while piece := stream.read(1 << 20):
        found += len(piece)
    assert found == size


def test_what_is_compressed_without_end_is_refused() -> None:
    data = TEXT[:100]
    for _ in range(compression.LEVELS):
        data = gzip.compress(data)
    assert unpack(data) == (TEXT[:100], None)
    assert unpack(gzip.compress(data)) == (b"", "nested_compression")


@pytest.mark.parametrize("start", compression.UNKNOWN)
def test_what_is_not_read_is_named(start: bytes) -> None:
    assert unpack(start + TEXT) == (b"", "unknown_compression")


@pytest.mark.parametrize("plain", [b"BZh9 is how it begins", b"\x1f", b"\x28\xb5", b"", b"7z is"])
def test_text_that_only_begins_like_something_is_text(plain: bytes) -> None:
    assert unpack(plain) == (plain, None)


class Drips(io.RawIOBase):
    """A stream that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._inner, self._step = io.BytesIO(data), step

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        return self._inner.readinto(memoryview(buffer)[: self._step])  # type: ignore[arg-type]


@each_kind
@settings(max_examples=20)
@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(compression.MAGIC, 50))
def test_what_was_packed_comes_back(kind: str, parts: list[bytes], step: int) -> None:
    plain = b"".join(parts)
    assume(
        not plain.startswith((b"\x1f\x8b", b"\x28\xb5", b"\xfd7z", b"BZh", *compression.UNKNOWN))
    )
    assert decompressed(Drips(b"".join(map(PACK[kind], parts)), step)).read() == plain


STARTS = st.sampled_from(
    [*(pack(b"text" * 99)[:n] for pack in PACK.values() for n in (8, 30)), b""]
)


@given(STARTS, st.binary(max_size=200))
def test_any_bytes_end(start: bytes, rest: bytes) -> None:
    found, reason = unpack(start + rest)
    known = ("corrupt", "decompression", "nested", "unknown")
    assert reason is None or reason.split("_")[0] in known
    assert unpack(b"text" + rest) == (b"text" + rest, None), "what is not packed comes back"
    assert len(found) < 10_000
