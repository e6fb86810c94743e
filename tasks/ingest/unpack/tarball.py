"""The members of a tar archive, one after the other, without seeking."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, cast

from tasks.ingest.items import DamagedInput
from tasks.ingest.unpack.members import Member, Slice, is_visible, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 512
MAX_HEADER_BYTES = 1 << 20
"""A long name, or a list of pax records, that is longer is refused."""
REGULAR = b"0\x007"
SPARSE, SPARSE_KEY = b"S", b"GNU.sparse."
ABOUT_NEXT = b"LKxXg"
"""Long names and pax records: they tell of the member that follows."""
WITHOUT_DATA = b"123456"
"""Links, devices, folders and pipes: whatever size they state, nothing follows their header."""
_PAX = re.compile(rb"(\d{1,7}) ")
_OCTAL = re.compile(rb"[ \0]*([0-7]{1,12})[ \0]*")


def is_header(block: bytes) -> bool:
    """Whether a block is a tar header: it says ``ustar``, or its checksum fits (older ones)."""
    return len(block) == BLOCK and (block[257:262] == b"ustar" or _checks(block))


def _checks(block: bytes) -> bool:
    stated = _OCTAL.fullmatch(block[148:156])
    if stated is None:
        return False
    rest = block[:148] + b" " * 8 + block[156:]
    unsigned, found = sum(rest), int(stated[1], 8)
    # Some old tars counted bytes from 128 on as negative.
    return found == unsigned or found == unsigned - 256 * sum(byte >> 7 for byte in rest)


def members(stream: BinaryIO) -> Iterator[Member]:
    """Yield the regular, visible members; a sparse one, and whatever breaks, as a problem.

    Archives may follow each other, as ``cat`` joins them.
    """
    try:
        yield from _Walk(stream).members()
    except DamagedInput as damage:
        yield Member("", problem=damage)


class _Walk:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._said: dict[bytes, bytes] = {}
        """What the headers before a member's own say of it, in pax's words."""

    def members(self) -> Iterator[Member]:
        ended = True
        while block := self._stream.read(BLOCK):
            if len(block) == BLOCK and not block.strip(b"\0"):
                ended = True
                continue
            ended = False
            kind, size = _about(block)
            if kind in ABOUT_NEXT:
                self._remember(kind, size)
                continue
            said, self._said = self._said, {}
            size = _decimal(said[b"size"]) if b"size" in said else size
            if kind == SPARSE:
                self._skip_map(block)
            data = Slice(self._stream, size := 0 if kind in WITHOUT_DATA else size)
            own = said.get(b"path") or _name(block)
            name = readable(own)
            if kind in REGULAR + SPARSE and not own.endswith(b"/") and is_visible(name):
                sparse = kind == SPARSE or SPARSE_KEY in said
                problem = DamagedInput("sparse_member", "a file with holes") if sparse else None
                yield Member(name, None if problem else cast("BinaryIO", data.stream), problem)
            if not data.finish():
                return
            self._pad(size)
        if not ended:
            raise DamagedInput("truncated_archive", "no mark of its end: it may be cut off")

    def _pad(self, size: int) -> None:
        """Pass over what fills a member's last block."""
        rest = -size % BLOCK
        if len(self._stream.read(rest)) < rest:
            raise DamagedInput("truncated_archive", "the archive is cut off")

    def _skip_map(self, block: bytes) -> None:
        """Pass over the blocks that say where the holes of a GNU sparse file are."""
        more = block[482]
        while more:
            extension = self._stream.read(BLOCK)
            if len(extension) < BLOCK:
                raise DamagedInput("truncated_archive", "the archive is cut off")
            more = extension[504]

    def _remember(self, kind: bytes, size: int) -> None:
        if size > MAX_HEADER_BYTES:
            raise DamagedInput("corrupt_tar", f"a name or header of {size:,} bytes")
        data = self._stream.read(size)
        if len(data) < size:
            raise DamagedInput("truncated_archive", "the archive is cut off")
        self._pad(size)
        if kind == b"L":
            self._said[b"path"] = data.rstrip(b"\0")
        elif kind in b"xX":
            self._said |= _pax(data)


def _about(block: bytes) -> tuple[bytes, int]:
    """What a header says: the kind of its member, and how many bytes follow."""
    if len(block) < BLOCK:
        raise DamagedInput("truncated_archive", "the archive is cut off")
    if not _checks(block):
        raise DamagedInput("corrupt_tar", "a header whose checksum does not fit")
    return block[156:157], _number(block[124:136])


def _pax(data: bytes) -> dict[bytes, bytes]:
    """Records ``LENGTH KEY=VALUE`` and a newline; what makes no sense ends them."""
    found: dict[bytes, bytes] = {}
    at = 0
    while (length := _PAX.match(data, at)) and length.end() < at + int(length[1]) <= len(data):
        key, _, value = data[length.end() : at + int(length[1]) - 1].partition(b"=")
        if key in (b"path", b"size"):
            found[key] = value
        elif key.startswith(b"GNU.sparse."):
            found[SPARSE_KEY] = b""
        at += int(length[1])
    return found


def _name(block: bytes) -> bytes:
    name, prefix = block[:100].split(b"\0")[0], block[345:500].split(b"\0")[0]
    return prefix + b"/" + name if prefix and block[257:263] == b"ustar\0" else name


def _number(field: bytes) -> int:
    """A size in octal, or in GNU's base 256."""
    if field[0] == 0x80:  # noqa: PLR2004  (the mark of base 256)
        return int.from_bytes(field[1:], "big")
    if not field.strip(b" \0"):
        return 0
    found = _OCTAL.fullmatch(field)
    if found is None:
        raise DamagedInput("corrupt_tar", f"a size of {field!r}")
    return int(found[1], 8)


def _decimal(value: bytes) -> int:
    if not re.fullmatch(rb"\d{1,20}", value):
        raise DamagedInput("corrupt_tar", f"a size of {value[:40]!r}")
    return int(value)
