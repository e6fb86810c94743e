"""The members of a ZIP archive, in the order of the directory at its end."""

from __future__ import annotations

import stat
import struct
import zlib
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from tasks.ingest.items import DamagedInput
from tasks.ingest.unpack import compression
from tasks.ingest.unpack.members import Member, is_visible, readable
from tasks.ingest.unpack.pieces import Pieces, buffered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tasks.ingest.unpack.compression import Meter
    from tasks.ingest.unpack.pieces import Read

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
"""A member's header; the directory's end (of an empty archive)."""
ENTRY = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
END_64 = struct.Struct("<4sQ2H2I4Q")
MAX_TAIL = END.size + 0xFFFF
STORED, UNIX = 0, 3
LARGE = 0xFFFFFFFF
"""Stands for a number that is in the Zip64 part of an entry."""
ENCRYPTED, UTF8 = 1, 1 << 11


def _stored(read: Read) -> Iterator[bytes]:
    while piece := read(compression.STEP):
        yield piece


METHODS: dict[int, Callable[[Read], Iterator[bytes]]] = {
    STORED: _stored,
    8: compression.inflated,
    12: compression.bunzipped,
    93: compression.unzstd,
    95: compression.unxz,
}


class _Entry(NamedTuple):
    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    mode: int


def members(file: BinaryIO, meter: Meter) -> Iterator[Member]:
    """Yield the regular, visible members of a seekable file; what breaks as a problem.

    The members together may not read more bytes than the file has: those of some bombs lie on top
    of each other.
    """
    try:
        size = file.seek(0, 2)
        start, length, base = _directory(file, size)
        for entry in _entries(file, start, length):
            name = _name(entry)
            if entry.name.endswith(b"/") or stat.S_IFMT(entry.mode) not in (0, stat.S_IFREG):
                continue
            size -= entry.packed
            if size < 0:
                raise DamagedInput("overlapping_members", f"at {name}")  # noqa: TRY301
            if is_visible(name):
                yield _member(file, entry, name, base, meter)
    except DamagedInput as damage:
        yield Member("", problem=damage)


def _member(file: BinaryIO, entry: _Entry, name: str, base: int, meter: Meter) -> Member:
    try:
        if entry.flags & ENCRYPTED:
            raise DamagedInput("encrypted_member", "it needs a password")  # noqa: TRY301
        if entry.method not in METHODS:
            raise DamagedInput("unknown_method", f"method {entry.method}")  # noqa: TRY301
        header = _at(file, base + entry.offset, 30)
        if header[:4] != MAGIC[0]:
            raise DamagedInput("corrupt_zip", "no member where the directory says")  # noqa: TRY301
        names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        read = meter.reading(_window(file, base + entry.offset + 30 + names, entry.packed))
        pieces = _checked(meter.giving(METHODS[entry.method](read)), entry)
        return Member(name, cast("BinaryIO", Pieces(pieces)))
    except DamagedInput as damage:
        return Member(name, problem=damage)


def _checked(pieces: Iterator[bytes], entry: _Entry) -> Iterator[bytes]:
    """The member's bytes; raises behind them if they are not what was packed."""
    crc = size = 0
    for piece in pieces:
        crc, size = zlib.crc32(piece, crc), size + len(piece)
        yield piece
    if (crc, size) != (entry.crc, entry.size):
        raise DamagedInput("corrupt_zip", "wrong checksum or length")


def _directory(file: BinaryIO, size: int) -> tuple[int, int, int]:
    """Where the directory begins, its bytes, and how far all offsets are moved by what precedes."""
    tail_at = max(0, size - MAX_TAIL)
    tail = _at(file, tail_at, size - tail_at)
    found = tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - END.size + 4))
    if found < 0:
        raise DamagedInput("corrupt_zip", "no directory at its end: it is cut off")
    end_at = tail_at + found
    _, disk, _, _, _, length, offset, _ = END.unpack_from(tail, found)
    if found >= 20 and tail[found - 20 : found - 16] == b"PK\x06\x07":  # noqa: PLR2004
        # Where Zip64's own end begins is stated from the first byte of the archive; it is next to
        # the pointer but for extensions that nobody writes.
        end_at -= 20 + END_64.size
        fields = END_64.unpack(_at(file, end_at, END_64.size))
        if fields[0] != b"PK\x06\x06":
            raise DamagedInput("corrupt_zip", "a broken Zip64 directory")
        disk, length, offset = fields[4], fields[8], fields[9]
    base = end_at - length - offset
    if disk or base < 0:
        raise DamagedInput("corrupt_zip", "a directory that does not fit: a part of it is missing")
    return base + offset, length, base


def _entries(file: BinaryIO, start: int, length: int) -> Iterator[_Entry]:
    """The directory's entries, so many bytes of them at a time as one needs."""
    pieces = iter(partial(_window(file, start, length), compression.STEP), b"")
    directory = buffered(Pieces(pieces))
    while head := directory.read(ENTRY.size):
        if len(head) < ENTRY.size or head[:4] != b"PK\x01\x02":
            raise DamagedInput("corrupt_zip", "a broken entry in the directory")
        f = ENTRY.unpack(head)
        name, extra = directory.read(f[10]), directory.read(f[11])
        directory.read(f[12])
        size, packed, offset = _large([f[9], f[8], f[16]], extra)
        mode = f[15] >> 16 if f[1] >> 8 == UNIX else 0
        yield _Entry(name, f[3], f[4], f[7], packed, size, offset, mode)


def _large(numbers: list[int], extra: bytes) -> list[int]:
    """Sizes and offset, those that are too large for 32 bits from the entry's Zip64 part."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<2H", extra, at)
        if tag == 1:
            more = extra[at + 4 : at + 4 + length]
            values = [int.from_bytes(more[i : i + 8], "little") for i in range(0, len(more), 8)]
            return [values.pop(0) if n == LARGE and values else n for n in numbers]
        at += 4 + length
    return numbers


def _name(entry: _Entry) -> str:
    """Names are UTF-8 where the entry says so, and mostly where it does not; else code page 437."""
    if not entry.flags & UTF8:
        try:
            entry.name.decode()
        except UnicodeDecodeError:
            return readable(entry.name.decode("cp437").encode())
    return readable(entry.name)


def _window(file: BinaryIO, start: int, length: int) -> Read:
    """Read a part of a file that others read too."""
    at, end = start, start + length

    def read(size: int) -> bytes:
        nonlocal at
        file.seek(at)
        data = file.read(min(size, end - at))
        at += len(data)
        return data

    return read


def _at(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    data = file.read(size)
    if len(data) < size:
        raise DamagedInput("corrupt_zip", "it is cut off")
    return data
