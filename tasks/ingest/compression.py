"""Decompression, seen in the content and never in the name."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import TYPE_CHECKING, BinaryIO, cast

import zstandard

from tasks.ingest.items import DamagedInput

if TYPE_CHECKING:
    from collections.abc import Callable

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
CHUNK = 1 << 18


def decompressed(stream: io.RawIOBase) -> BinaryIO:
    """Return the plain bytes behind a stream; reading raises :class:`DamagedInput` where it breaks."""
    buffered = io.BufferedReader(stream, CHUNK)
    magic = buffered.peek(4)[:4]
    if magic.startswith(GZIP_MAGIC):
        return io.BufferedReader(_Plain(_gunzip(buffered)), CHUNK)
    if magic.startswith(ZSTD_MAGIC):
        return io.BufferedReader(_Plain(_Unzstd(buffered).take), CHUNK)
    return cast("BinaryIO", buffered)


class _Plain(io.RawIOBase):
    """A raw stream over ``take``, which returns at most ``size`` plain bytes, and none at the end."""

    def __init__(self, take: Callable[[int], bytes]) -> None:
        super().__init__()
        self._take = take

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        data = self._take(len(view))
        view[: len(data)] = data
        return len(data)


def _gunzip(inner: io.BufferedReader) -> Callable[[int], bytes]:
    plain = gzip.GzipFile(fileobj=inner)

    def take(size: int) -> bytes:
        try:
            return plain.read1(size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DamagedInput("corrupt_gzip", str(error)) from error

    return take


class _Unzstd:
    """Frame after frame, because the library's own reader takes a cut-off frame for the end."""

    def __init__(self, inner: io.BufferedReader) -> None:
        self._inner = inner
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._started = False
        self._ready = b""

    def take(self, size: int) -> bytes:
        while not self._ready:
            chunk = self._next_chunk()
            if not chunk:
                if self._started:
                    raise DamagedInput("corrupt_zstd", "the last frame is cut off")
                return b""
            self._started = True
            self._ready = self._feed(chunk)
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def _next_chunk(self) -> bytes:
        rest = b""
        if self._frame.eof:
            rest = self._frame.unused_data
            self._frame, self._started = zstandard.ZstdDecompressor().decompressobj(), False
        return rest or self._inner.read(CHUNK)

    def _feed(self, chunk: bytes) -> bytes:
        try:
            return self._frame.decompress(chunk)
        except zstandard.ZstdError as error:
            raise DamagedInput("corrupt_zstd", str(error)) from error
