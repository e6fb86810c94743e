"""Reading a model's bytes from front to back, never past their end."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

WAY_OUT = "Name an intact fastText classifier (`.bin` or `.ftz`), or leave the model out."


class Content:
    """The bytes of a model and how far they are read. Every error is a :class:`ConfigError`."""

    def __init__(self, data: bytes, where: str) -> None:
        self._data = data
        self._at = 0
        self._where = where

    def wrong(self, got: str, wanted: str) -> ConfigError:
        """Return the error that says so."""
        return ConfigError(self._where, got=got, wanted=wanted, way_out=WAY_OUT)

    def left(self) -> int:
        """Return how many bytes are not read yet."""
        return len(self._data) - self._at

    def numbers(self, form: str, what: str) -> tuple[int | float, ...]:
        """Read numbers by a format of :mod:`struct`."""
        values: tuple[int | float, ...] = struct.unpack_from(
            form, self._data, self._skip(struct.calcsize(form), what)
        )
        return values

    def array(self, kind: str, count: int, what: str) -> NDArray[Any]:
        """Read an array as a copy: the file aligns nothing, and a kernel wants it aligned."""
        kinds = np.dtype(kind)
        if count < 0:
            raise self.wrong(f"{count} numbers of {what}", "0 or more")
        at = self._skip(count * kinds.itemsize, what)
        return np.frombuffer(self._data, kinds, count, at).astype(kinds.newbyteorder("="))

    def flag(self, what: str) -> bool:
        """Read a byte that is 0 or 1."""
        value = self._data[self._skip(1, what)]
        self.between(what, value, 0, 1)
        return value == 1

    def entry(self) -> tuple[bytes, int, int]:
        """Read an entry of the dictionary: text up to a zero byte, count, kind."""
        end = self._data.find(0, self._at)
        if end < 0:
            raise self.wrong("an end in the middle of the dictionary", "the whole of it")
        text = self._data[self._at : end]
        self._at = end + 1
        count, kind = self.numbers("<qb", "dictionary")
        return text, int(count), int(kind)

    def between(self, what: str, value: float, least: int, most: int) -> None:
        """Check a number."""
        if not least <= value <= most:
            raise self.wrong(f"{what} = {value}", f"{least} to {most}")

    def same(self, what: str, value: float, wanted: float) -> None:
        """Check a number that another one decides."""
        if value != wanted:
            raise self.wrong(f"{what} = {value}", f"{wanted}")

    def end(self) -> None:
        """Check that nothing is left."""
        if self.left():
            raise self.wrong(f"{self.left()} bytes after the model", "its end")

    def _skip(self, size: int, what: str) -> int:
        if size > self.left():
            raise self.wrong(f"an end in the middle of the {what}", f"{size} bytes of it")
        at = self._at
        self._at += size
        return at
