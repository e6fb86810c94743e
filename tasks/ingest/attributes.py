"""What files beside a source's own say of its records: Dolma's attributes, matched by id."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import orjson

from schemas.errors import SourceError
from tasks.ingest.fields import own_id
from tasks.ingest.items import DamagedInput
from tasks.ingest.unpack.compression import decompressed

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Mapping

MAX_LINE_BYTES = 1 << 28


class Attributes:
    """The attributes of one file's records, in files of other names but with the same ids.

    Dolma's taggers write their rows in the order of the documents; rows met before their document
    wait in memory, so a file in another order costs memory for as many rows. The files may be
    compressed.
    """

    def __init__(self, streams: Mapping[str, tuple[str, io.RawIOBase | BinaryIO]]) -> None:
        self._files = {name: _File(*stream) for name, stream in streams.items()}

    def of(self, record_id: str | None) -> str | None:
        """JSON of a record's attributes by the name of their file; None where no file has any."""
        if record_id is None:
            return None
        found = {name: file.take(record_id) for name, file in self._files.items()}
        present = {name: orjson.Fragment(body) for name, body in found.items() if body is not None}
        return orjson.dumps(present, option=orjson.OPT_SORT_KEYS).decode() if present else None


class _File:
    """One file of attributes, read as far as the documents have come."""

    def __init__(self, location: str, stream: io.RawIOBase | BinaryIO) -> None:
        self._location, self._line = location, 0
        try:
            plain = decompressed(stream)
        except DamagedInput as damage:
            raise self._broken(str(damage)) from damage
        self._lines = iter(partial(plain.readline, MAX_LINE_BYTES), b"")
        self._waiting: dict[str, bytes] = {}

    def take(self, record_id: str) -> bytes | None:
        """The JSON of one record's attributes; of rows with the same id the first."""
        waiting = self._waiting.pop(record_id, None)
        while waiting is None:
            row = self._next()
            if row is None:
                return None
            if row[0] == record_id:
                return row[1]
            self._waiting.setdefault(*row)
        return waiting

    def _next(self) -> tuple[str, bytes] | None:
        try:
            line = next(filter(bytes.strip, self._counted()), b"")
        except DamagedInput as damage:
            raise self._broken(str(damage)) from damage
        if not line:
            return None
        try:
            row = orjson.loads(line)
            found, attributes = own_id(row["id"]), row["attributes"]
        except (orjson.JSONDecodeError, LookupError, TypeError) as error:
            raise self._broken(f"a line that is no row of attributes ({error})") from error
        if found is None or not isinstance(attributes, dict):
            raise self._broken("a row without an id or an object of attributes")
        return found, orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS)

    def _counted(self) -> Iterator[bytes]:
        for line in self._lines:
            self._line += 1
            yield line

    def _broken(self, got: str) -> SourceError:
        return SourceError(
            f"{self._location} line {self._line}",
            got=got,
            wanted='rows {"id": …, "attributes": {…}} as Dolma\'s taggers write them',
            way_out="Mend the file, or take its name out of the source's attributes.",
        )
