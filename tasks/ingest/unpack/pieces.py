"""A stream made of pieces: what decompression, archives and encodings hand to the readers."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

from tasks.ingest.items import DamagedInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK = 1 << 18
Read: TypeAlias = "Callable[[int], bytes]"
"""Returns as many bytes as asked for, fewer at the end only."""


class Pieces(io.RawIOBase):
    """The bytes of an iterator, which raises :class:`DamagedInput` where they break off.

    All that came before the break is handed over first; after it, every read tells of it again.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces, self._ready = pieces, memoryview(b"")
        self.damage: DamagedInput | None = None
        self.told = False

    def readable(self) -> bool:
        """Say yes: the stream can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill ``buffer`` as far as the bytes go, so that a look at a stream's head sees it all."""
        view, filled = memoryview(cast("bytearray", buffer)), 0
        while filled < len(view) and self._have_some():
            n = min(len(view) - filled, len(self._ready))
            view[filled : filled + n], self._ready = self._ready[:n], self._ready[n:]
            filled += n
        if self.damage is not None and not filled:
            self.told = True
            raise DamagedInput(self.damage.reason, self.damage.detail)
        return filled

    def _have_some(self) -> bool:
        """Have a byte at hand, if there is one left."""
        while not self._ready and self.damage is None:
            try:
                piece = next(self._pieces, None)
            except DamagedInput as damage:
                self.damage = damage
                break
            if piece is None:
                break
            self._ready = memoryview(piece)
        return bool(self._ready)


def buffered(stream: io.RawIOBase | BinaryIO) -> io.BufferedReader:
    """The stream with a buffer, so that one can look ahead."""
    return io.BufferedReader(cast("io.RawIOBase", stream), CHUNK)


def head(stream: BinaryIO, size: int) -> bytes:
    """The next bytes of a buffered stream, which stay there."""
    return cast("io.BufferedReader", stream).peek(size)[:size]
