"""Other encodings than UTF-8, turned into it on the way to the readers."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, BinaryIO

from tasks.ingest.items import DamagedInput
from tasks.ingest.unpack.pieces import CHUNK, Pieces, buffered, head

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, with whose mark it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
PLAIN = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
"""What a declaration means where there is no mark; without one, files are mostly little-endian."""


def utf8(stream: BinaryIO, declared: str | None) -> BinaryIO:
    """Return the stream as UTF-8; reading raises :class:`DamagedInput` where it does not decode.

    ``stream`` is buffered. A byte order mark says what it is, else what was declared; UTF-8 is
    passed on untouched, its mark and its faults included.
    """
    name = marked(head(stream, 4)) or named(declared or "utf-8")
    return stream if name == "utf-8" else buffered(Pieces(_transcoded(stream, name)))


def marked(start: bytes) -> str | None:
    """The encoding whose byte order mark is at the start."""
    return next((name for mark, name in MARKS if start.startswith(mark)), None)


def named(declared: str) -> str:
    """Python's name of a declared encoding."""
    name = codecs.lookup(declared).name
    return PLAIN.get(name, name)


def reason(name: str) -> str:
    """Why bytes that an encoding cannot decode are rejected, such as ``not_utf_16``."""
    return "not_" + name.removesuffix("-le").removesuffix("-be").replace("-", "_")


def _transcoded(stream: BinaryIO, name: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(name)()
    some = getattr(stream, "read1", stream.read)  # hands over what it has before a break
    data, mark = b".", "\ufeff"
    while data:
        data = some(CHUNK)
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeError as error:
            yield _before(error, name).removeprefix(mark.encode())
            raise DamagedInput(reason(name), str(error)[-200:]) from error
        if text:
            # Half a surrogate, which a lenient decoder lets through, is for the readers to reject.
            yield text.removeprefix(mark).encode("utf-8", "surrogatepass")
            mark = ""


def _before(error: UnicodeError, name: str) -> bytes:
    """What came before a fault, as far as it can be had: decoders keep none of it."""
    try:
        good = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
        return good.decode(name).encode()
    except UnicodeError:
        return b""
