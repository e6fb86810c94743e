"""Thirty-two bytes at a time against the same one by one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

BYTES = st.binary(min_size=32, max_size=40) | st.text("azAZ09/:@[`{ \t\n\x7fé", min_size=32).map(
    lambda text: text.encode()
)


@cache
def lowered() -> Callable[..., Any]:
    """Return the function, callable."""
    from numba import njit

    wide = compiled.load("tasks.characters.wide")

    def call(data: Any, at: int, words: Any, size: int) -> Any:
        return wide.lowered(data, at, words, size)

    return njit(call)  # type: ignore[no-any-return]


@given(BYTES, st.data(), st.integers(0, 9))
def test_bytes_are_lowered_and_marked(data: bytes, more: st.DataObject, to: int) -> None:
    at = more.draw(st.integers(0, len(data) - 32))
    words = np.zeros(48, np.uint8)
    found = lowered()(np.frombuffer(data, np.uint8), at, words, to)
    own = data[at : at + 32]
    assert words.tobytes() == bytes(to) + own.lower() + bytes(16 - to)
    marks = [bytes([byte]).isalnum() for byte in own] + [byte > 0x7F for byte in own]
    assert int(found) == sum(mark << i for i, mark in enumerate(marks))
