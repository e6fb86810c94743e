"""A run of the fuzzer's bytes: which reader gets which of them, with which options."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, get_args

import zstandard

from schemas.config import Format
from tests.fuzz.tables import patched

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: Final[tuple[Format, ...]] = tuple(k for k in get_args(Format) if k not in ("auto", "hub"))
"""Every format that is read from bytes."""
NORMALISED, NESTED, AUTO, PARTS, ATTRIBUTES, LOOKED_AT = (1 << n for n in range(6))
"""Bits of the options. The two above them choose the encoding that a recipe declares."""
ENCODINGS: Final = (None, "utf-16", "latin-1", "utf-7")
HEADER: Final = 3
BETWEEN: Final = b"\xff\xfeATTRIBUTES\xff\xfe"
"""Parts a file from the attributes of its records."""


@dataclass(frozen=True)
class Case:
    """One input: ``data`` is the file as stored, ``beside`` its records' attributes."""

    kind: Format
    options: int
    data: bytes
    beside: bytes | None = None

    @property
    def encoding(self) -> str | None:
        return ENCODINGS[self.options >> 6]


def plain(data: bytes) -> bytes:
    return data


def tar(data: bytes, name: str = "a.jsonl") -> bytes:
    """An archive of two members of one name, less what fills it up to ten kilobytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for body in (data, b'{"text": "last"}'):
            about = tarfile.TarInfo(name)
            about.size = len(body)
            archive.addfile(about, io.BytesIO(body))
        end = archive.offset + 1_024
    return out.getvalue()[:end]


def zip_(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("a.jsonl"), data, zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo("b.parquet"), b"stored", zipfile.ZIP_STORED)
    return out.getvalue()


def mended_tar(data: bytes) -> bytes:
    """Bytes that are taken for a tar archive, less the checksums, which chance never gets right."""
    blocks = [bytearray(data[at : at + 512]) for at in range(0, len(data), 512)]
    for block in blocks:
        if block[257:262] == b"ustar" and len(block) == 512:
            block[148:156] = b" " * 8
            block[148:156] = b"%06o\0 " % sum(block)
    return b"".join(blocks)


WRAPPERS: Final[tuple[Callable[[bytes], bytes], ...]] = (
    plain,
    gzip.compress,
    zstandard.ZstdCompressor(level=1, write_checksum=True).compress,
    bz2.compress,
    lambda data: lzma.compress(data, preset=0),
    tar,
    zip_,
    lambda data: gzip.compress(tar(data), 1),
    mended_tar,
)
"""What the bytes are packed into, so that chance reaches what lies behind a checksum."""


def _is_patch(data: bytes) -> bool:
    """Whether the bytes, one case in eight, turn some of a Parquet file.

    The fuzzer follows what it sees of Python's code, and would hardly ever look at Parquet.
    """
    return zlib.crc32(data) % 8 == 7


def decoded(data: bytes) -> Case:
    """The case that any bytes stand for."""
    head, body = data[:HEADER].ljust(HEADER, b"\0"), data[HEADER:]
    if _is_patch(data):
        return Case("parquet", head[1] & ~ATTRIBUTES, patched(body))
    kind, options = KINDS[head[0] % len(KINDS)], head[1]
    wrapper = WRAPPERS[head[2] % len(WRAPPERS)]
    beside = None
    if options & ATTRIBUTES:
        body, _, beside = body.partition(BETWEEN)
    return Case(kind, options, body if kind == "parquet" else wrapper(body), beside)


def encoded(
    kind: Format,
    body: bytes,
    *,
    options: int = 0,
    wrapper: Callable[[bytes], bytes] = plain,
    beside: bytes | None = None,
) -> bytes:
    """Bytes that stand for a case."""
    head = bytes([KINDS.index(kind), options | ATTRIBUTES * (beside is not None)])
    rest = body if beside is None else body + BETWEEN + beside
    number = WRAPPERS.index(wrapper)
    while _is_patch(found := head + bytes([number]) + rest):
        number += len(WRAPPERS)
    return found
