"""Decompression, seen in the content and never in the name."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

import zstandard

from tasks.ingest.items import DamagedInput

if TYPE_CHECKING:
    from collections.abc import Callable

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE_MAGIC = b"\x2a\x4d\x18"
"""Bytes 2 to 4 of a zstd frame that holds no data: pzstd begins its files with one."""
CHUNK = 1 << 18
PIECE = 1 << 14
"""Compressed bytes fed at a time: so much a broken piece takes with it, and (times the best ratio)
so much memory a decompression bomb can fill."""
ZSTD_WINDOW = 1 << 31
"""Largest window accepted, as ``zstd --long=31`` writes it; memory is taken only if a file asks."""


def decompressed(stream: io.RawIOBase | BinaryIO) -> BinaryIO:
    """Return the plain bytes behind a stream; reading raises :class:`DamagedInput` where it breaks.

    What was compressed twice is unpacked twice.
    """
    buffered = cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", stream), CHUNK))
    magic = cast("io.BufferedReader", buffered).peek(4)[:4]
    if magic.startswith(GZIP_MAGIC):
        return decompressed(_Plain(buffered, "corrupt_gzip", lambda: zlib.decompressobj(wbits=31)))
    if magic == ZSTD_MAGIC or magic[1:] == SKIPPABLE_MAGIC:
        library = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
        return decompressed(_Plain(buffered, "corrupt_zstd", library.decompressobj))
    return buffered


class _Part(Protocol):
    """What zlib and zstandard share: decompresses one gzip member or one zstd frame."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class _Plain(io.RawIOBase):
    """The plain bytes of gzip members or zstd frames, one after the other.

    The libraries' own readers lose more before a broken place, and one takes a cut-off frame for
    the end of the file.
    """

    def __init__(self, inner: BinaryIO, reason: str, part: Callable[[], _Part]) -> None:
        super().__init__()
        self._inner, self._reason, self._new_part = inner, reason, part
        self._part, self._started = part(), False
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        while not self._ready:
            piece = self._next_piece()
            if not piece:
                return 0
            self._ready = memoryview(self._decompress(piece))
        n = min(len(view), len(self._ready))
        view[:n], self._ready = self._ready[:n], self._ready[n:]
        return n

    def _next_piece(self) -> bytes:
        """Compressed bytes of the part at hand; none at a proper end."""
        rest = b""
        if self._part.eof:
            rest, self._part, self._started = self._part.unused_data, self._new_part(), False
        piece = rest or self._inner.read(PIECE)
        if not self._started:
            while piece and not (piece := piece.lstrip(b"\0")):  # some tools fill up with zeros
                piece = self._inner.read(PIECE)
        if not piece and self._started:
            raise DamagedInput(self._reason, "the file is cut off")
        self._started = bool(piece)
        return piece

    def _decompress(self, piece: bytes) -> bytes:
        try:
            return self._part.decompress(piece)
        except (zlib.error, zstandard.ZstdError) as error:
            raise DamagedInput(self._reason, str(error)) from error
