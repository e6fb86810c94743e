"""What an archive is made of: names that are only ever shown, and streams that are only read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from tasks.ingest.items import DamagedInput
from tasks.ingest.unpack.pieces import CHUNK, Pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_NAME_CHARS = 1_000


@dataclass(slots=True, frozen=True)
class Member:
    """A regular file of an archive. ``name`` is no path: it stands in locations, and nowhere else.

    ``stream`` is good until the next member is asked for. With a ``problem`` it has none; a problem
    without a name is one of the archive itself, and the last of its members.
    """

    name: str
    stream: BinaryIO | None = None
    problem: DamagedInput | None = None


def readable(name: bytes) -> str:
    """A member's name as text, whatever its bytes; what cannot be seen is written as escapes."""
    text = name[: 4 * MAX_NAME_CHARS].decode("utf-8", "backslashreplace")[:MAX_NAME_CHARS]
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def is_visible(name: str) -> bool:
    """Whether neither a member nor a folder it is in is hidden, or an aside of macOS."""
    parts = [p for p in name.replace("\\", "/").split("/") if p not in ("", ".", "..")]
    return bool(parts) and not any(p.startswith(".") or p == "__MACOSX" for p in parts)


class Slice:
    """The next ``size`` bytes of a stream."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._pieces = self._cut(stream, size)
        self.stream = Pieces(self._pieces)

    @staticmethod
    def _cut(stream: BinaryIO, left: int) -> Iterator[bytes]:
        some = getattr(stream, "read1", stream.read)  # hands over what it has before a break
        while left:
            piece = some(min(left, CHUNK))
            if not piece:
                raise DamagedInput("truncated_archive", "the archive is cut off")
            left -= len(piece)
            yield piece

    def finish(self) -> bool:
        """Go to the slice's end; False if its reader was told of the stream's break on the way."""
        for _ in self._pieces:
            pass
        if self.stream.damage is not None and not self.stream.told:
            raise self.stream.damage
        return self.stream.damage is None
