"""Decompression, seen in the content and never in the name."""

from __future__ import annotations

import bz2
import io
import lzma
import re
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

import zstandard
from isal import igzip_lib

from tasks.ingest.items import DamagedInput
from tasks.ingest.unpack.pieces import Pieces, buffered, head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tasks.ingest.unpack.pieces import Read

PIECE = 1 << 15
"""Compressed bytes fed at a time: so much a broken piece takes with it."""
STEP = 1 << 17
"""Plain bytes asked for at a time, so that a decompression bomb fills no memory."""
FREE = 1 << 26
RATIO = 500
"""More plain bytes than FREE *and* so many times the compressed ones are a decompression bomb. Text
is packed 3 to 30 times, logs up to 200 times; gzip cannot do more than 1,032 times, zstd 10^5."""
LEVELS = 4
"""Compressed more often it is refused: there are files that hold themselves, without end."""
ZSTD_WINDOW = 1 << 31
"""Largest window accepted, as ``zstd --long=31`` writes it; memory is taken only if a file asks."""
XZ_MEMORY = 1 << 29
WHOLE_HEADER = 1 << 10
"""A member begins with so many bytes at hand: ISA-L misreads a gzip header fed in two parts."""
MAGIC = 10
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
XZ = b"\xfd7zXZ\x00"
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)")
_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
"""A zstd frame that holds no data: pzstd begins its files with one."""
UNKNOWN = {
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"\x04\x22\x4d\x18": "lz4",
    b"LZIP\x01": "lzip",
}
_BROKEN = cast(
    "tuple[type[Exception], ...]",
    (igzip_lib.error, zstandard.ZstdError, lzma.LZMAError, OSError, EOFError, ValueError),
)
"""What the libraries raise for bytes that make no sense to them (``OSError``: bz2)."""


class Meter:
    """Compressed bytes of one file, against all plain bytes that were made of them at any level."""

    def __init__(self) -> None:
        self._taken = self._given = 0
        self.spent = False

    def reading(self, read: Read) -> Read:
        """Count what ``read`` returns as compressed bytes."""

        def counted(size: int) -> bytes:
            data = read(size)
            self._taken += len(data)
            return data

        return counted

    def giving(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Count plain bytes; raise :class:`DamagedInput` when they are too many."""
        for piece in pieces:
            self._given += len(piece)
            if self._given > FREE and self._given > RATIO * self._taken:
                self.spent = True
                detail = f"{self._taken:,} bytes became {self._given:,}; {RATIO} times are allowed"
                raise DamagedInput("decompression_bomb", detail)
            yield piece


def decompressed(
    stream: io.RawIOBase | BinaryIO, *, meter: Meter | None = None, inside: bool = False
) -> BinaryIO:
    """Return the plain bytes behind a stream; reading raises :class:`DamagedInput` where it breaks.

    gzip, Zstandard, bzip2 and xz; what was compressed twice is unpacked twice. ``meter`` goes on
    counting what it counted before, ``inside`` of bytes that it has counted already.
    """
    plain, count = buffered(stream), meter or Meter()
    for _ in range(LEVELS + 1):
        unpacked = _unpacker(head(plain, MAGIC))
        if unpacked is None:
            return plain
        read = plain.read if inside else count.reading(plain.read)
        plain, inside = buffered(_Plain(unpacked(read), count)), True
    raise DamagedInput("nested_compression", f"compressed more than {LEVELS} times")


def meter_of(plain: BinaryIO) -> Meter | None:
    """What counts the bytes of a stream that ``decompressed`` returned; None if it was plain."""
    raw = plain.raw if isinstance(plain, io.BufferedReader) else None
    return raw.meter if isinstance(raw, _Plain) else None


class _Plain(Pieces):
    def __init__(self, pieces: Iterator[bytes], meter: Meter) -> None:
        super().__init__(meter.giving(pieces))
        self.meter = meter


def _unpacker(magic: bytes) -> Callable[[Read], Iterator[bytes]] | None:
    """What unpacks bytes that begin so; None if they are plain."""
    if magic.startswith(GZIP):
        return gunzipped
    if magic.startswith(ZSTD) or _SKIPPABLE.match(magic):
        return unzstd
    if _BZIP2.match(magic):
        return bunzipped
    if magic.startswith(XZ):
        return unxz
    for start, name in UNKNOWN.items():
        if magic.startswith(start):
            raise DamagedInput("unknown_compression", f"{name} is not read: unpack it first")
    return None


class _Part(Protocol):
    """What the libraries share: decompresses one member."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /, max_length: int) -> bytes: ...


def gunzipped(read: Read) -> Iterator[bytes]:
    """Plain bytes of gzip members. ISA-L checks their checksums and lengths."""
    flag = igzip_lib.DECOMP_GZIP
    return _members(read, lambda: igzip_lib.IgzipDecompressor(flag=flag), "corrupt_gzip")


def bunzipped(read: Read) -> Iterator[bytes]:
    """Plain bytes of bzip2 streams."""
    return _members(read, bz2.BZ2Decompressor, "corrupt_bzip2")


def unxz(read: Read) -> Iterator[bytes]:
    """Plain bytes of xz streams."""
    return _members(
        read, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY), "corrupt_xz"
    )


def inflated(read: Read) -> Iterator[bytes]:
    """Plain bytes of one deflate stream without a header, as ZIP archives hold it."""
    return _steps(igzip_lib.IgzipDecompressor(), read, b"", "corrupt_zip")


def _members(read: Read, new_part: Callable[[], _Part], reason: str) -> Iterator[bytes]:
    """Plain bytes of members one after the other; some tools fill up with zeros between them."""
    rest = read(PIECE)
    while rest:
        rest = rest.lstrip(b"\0")
        if len(rest) < WHOLE_HEADER and (more := read(PIECE)):
            rest += more
            if rest[0] == 0:
                continue
        if not rest:
            return
        part = new_part()
        yield from _steps(part, read, rest, reason)
        rest = part.unused_data or read(PIECE)


def _steps(part: _Part, read: Read, piece: bytes, reason: str) -> Iterator[bytes]:
    """Plain bytes of one member, in steps of bounded size."""
    data = piece or read(PIECE)
    while data:
        try:
            plain = part.decompress(data, max_length=STEP)
            while plain:
                yield plain
                if part.eof or part.needs_input:
                    break
                plain = part.decompress(b"", max_length=STEP)
        except _BROKEN as error:
            raise DamagedInput(reason, str(error)) from error
        if part.eof:
            return
        data = read(PIECE)
    raise DamagedInput(reason, "the file is cut off")


def unzstd(read: Read) -> Iterator[bytes]:
    """Plain bytes of Zstandard frames.

    They are fed block by block: a block has at most 128 kB of plain bytes, and the library takes
    none but all of what it is fed.
    """
    library = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    while magic := read(len(ZSTD)):
        while magic and magic[0] == 0:  # some tools fill up with zeros
            magic = (rest := magic.lstrip(b"\0")) + read(len(ZSTD) - len(rest))
        if _SKIPPABLE.match(magic):
            left = int.from_bytes(_exactly(read, 4), "little")
            while left:
                left -= len(_exactly(read, min(left, PIECE)))
        elif magic:
            try:
                yield from _blocks(read, magic, library.decompressobj())
            except zstandard.ZstdError as error:
                raise DamagedInput("corrupt_zstd", str(error)) from error


def _blocks(read: Read, magic: bytes, frame: zstandard.ZstdDecompressionObj) -> Iterator[bytes]:
    start = magic + _exactly(read, 1)
    data = start + _exactly(read, zstandard.frame_header_size(start) - len(start))
    has_checksum = start[-1] & 4
    while True:
        header = _exactly(read, 3)
        about = int.from_bytes(header, "little")
        is_last, is_run, size = about & 1, (about >> 1) & 3 == 1, about >> 3
        if plain := frame.decompress(data + header + _exactly(read, 1 if is_run else size)):
            yield plain
        data = b""
        if is_last:
            break
    if has_checksum and (plain := frame.decompress(_exactly(read, 4))):
        yield plain


def _exactly(read: Read, size: int) -> bytes:
    data = read(size) if size else b""
    if len(data) < size:
        raise DamagedInput("corrupt_zstd", "the file is cut off")
    return data
