"""Archives of files (tar, ZIP), seen in the content. Nothing is extracted to disk."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Literal

from tasks.ingest.items import DamagedInput
from tasks.ingest.unpack import tarball, zipped
from tasks.ingest.unpack.compression import Meter, decompressed, meter_of
from tasks.ingest.unpack.members import Member
from tasks.ingest.unpack.pieces import CHUNK, Pieces, buffered, head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMES = 1_000
NAMES_BYTES = 1 << 24
"""So far is an archive read to see what it holds."""


def kind_of(plain: BinaryIO) -> Literal["tar", "zip"] | None:
    """What archive a decompressed stream begins with, if any."""
    start = head(plain, tarball.BLOCK)
    if start.startswith(zipped.MAGIC):
        return "zip"
    return "tar" if tarball.is_header(start) else None


def members(
    plain: BinaryIO,
    whole: Callable[[], BinaryIO] | None,
    *,
    wanted: Callable[[str], bool] = lambda _: True,
) -> Iterator[Member]:
    """Yield the regular, visible members that are wanted, decompressed, in their order.

    ``plain`` is a decompressed stream of which ``kind_of`` knows the kind. A ZIP archive is read
    from ``whole()``, the file as stored, seekable, because its directory is at its end. A member
    that cannot be read has a problem; all that comes of one file is measured as one, so that a
    bomb in many members is one too.
    """
    outer = meter_of(plain)
    meter = outer or Meter()
    is_zip = kind_of(plain) == "zip"
    for member in _zipped(whole, meter) if is_zip else tarball.members(plain):
        if not member.name or wanted(member.name):
            yield _opened(member, meter, inside=is_zip or outer is not None)
        if meter.spent:
            return


def _zipped(whole: Callable[[], BinaryIO] | None, meter: Meter) -> Iterator[Member]:
    file = None if whole is None else whole()
    if file is None or not file.read(4).startswith(zipped.MAGIC):
        detail = "a ZIP archive inside of a compressed file: unpack the outer one first"
        yield Member("", problem=DamagedInput("nested_archive", detail))
    else:
        yield from zipped.members(file, meter)


def _opened(member: Member, meter: Meter, *, inside: bool) -> Member:
    """The member with its own compression undone."""
    if member.stream is None:
        return member
    try:
        stream = decompressed(member.stream, meter=meter, inside=inside)
        kind = kind_of(stream)
    except DamagedInput as damage:
        return Member(member.name, problem=damage)
    if kind is not None:
        detail = f"a {kind} archive inside of an archive: unpack the outer one first"
        return Member(member.name, problem=DamagedInput("nested_archive", detail))
    return Member(member.name, stream)


def names(file: BinaryIO, limit: int = NAMES) -> list[str]:
    """Names of the first members of an open, seekable file, as far as its first megabytes tell.

    None for a file that is no archive, or that breaks off before the first.
    """
    try:
        # A stream of its own, which does not close the file when it goes.
        plain = decompressed(Pieces(iter(partial(file.read, CHUNK), b"")))
        kind = kind_of(plain)
        if kind == "zip":
            found = _zipped(None if meter_of(plain) else lambda: _from_start(file), Meter())
        elif kind == "tar":
            found = tarball.members(buffered(Pieces(_first(plain, NAMES_BYTES))))
        else:
            return []
        return [m.name for m in islice(found, limit) if m.name]
    except DamagedInput:
        return []


def _from_start(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _first(stream: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0 and (piece := stream.read(min(size, 1 << 16))):
        size -= len(piece)
        yield piece
