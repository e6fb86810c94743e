"""Eight bytes at a time against the same one by one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

EIGHT = st.binary(min_size=8, max_size=8) | st.text("azAZ@[`{ \t\n\x7fé", min_size=8).map(
    lambda text: text.encode()[:8]
)
MARKED: dict[str, Callable[[int], bool]] = {
    "letters": lambda byte: chr(byte).isascii() and chr(byte).isalpha(),
    "alphanumeric": lambda byte: chr(byte).isascii() and chr(byte).isalnum(),
    "visible": lambda byte: 0x21 <= byte <= 0x7F,
    "plain": lambda byte: 0x20 <= byte <= 0x7E or byte in b"\t\n",
}


def swar() -> Any:
    return compiled.load("tasks.characters.swar")


def number(data: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(data, "little"))


def marks(data: bytes, marked: Callable[[int], bool]) -> int:
    return int.from_bytes(bytes(0x80 * marked(byte) for byte in data), "little")


@pytest.mark.parametrize("name", MARKED)
@given(data=EIGHT)
def test_bytes_are_marked_one_for_one(name: str, data: bytes) -> None:
    assert getattr(swar(), name)(number(data)) == marks(data, MARKED[name])


@given(EIGHT, st.integers(0, 127))
def test_equal_bytes_are_marked(data: bytes, byte: int) -> None:
    assert swar().equal(number(data), byte) == marks(data, lambda one: one == byte)


@given(EIGHT, st.integers(1, 8))
def test_letters_of_upper_case_are_counted_and_lowered(data: bytes, size: int) -> None:
    found = np.uint64(swar().letters(number(data)))
    assert swar().upper(number(data), found, size) == sum(65 <= b <= 90 for b in data[:size])
    assert swar().lower(number(data)) == number(data.lower())
    run = next((at for at, byte in enumerate(data) if not MARKED["letters"](byte)), 8)
    assert swar().run(found) == run


@given(EIGHT, EIGHT)
def test_alike_counts_up_to_the_first_difference(one: bytes, other: bytes) -> None:
    differing = (at for at in range(8) if one[at] != other[at])
    assert swar().alike(number(one), number(other)) == next(differing, 8)
    assert swar().alike(number(one), number(one)) == 8


@given(st.binary(min_size=1, max_size=20), st.data())
def test_a_load_ends_with_its_bytes(data: bytes, draw: st.DataObject) -> None:
    """Behind them nothing is read: the last text of a column ends where its memory does."""
    at = draw.draw(st.integers(0, len(data) - 1))
    size = draw.draw(st.integers(1, len(data) - at))
    found = swar().load(np.frombuffer(data, np.uint8), at, size)
    assert found == number(data[at : at + min(size, 8)])


@pytest.mark.parametrize("name", ["plain", "visible"])
@given(data=st.lists(EIGHT, max_size=4).map(b"".join), start=st.integers(0, 9))
def test_a_run_is_passed_over_up_to_its_last_bytes(name: str, data: bytes, start: int) -> None:
    """What is left is looked at one by one: a byte of another kind, or fewer than eight."""
    body = data + b"tail"
    at = getattr(swar(), f"past_{name}")(np.frombuffer(body, np.uint8), start, len(body))
    assert all(MARKED[name](byte) for byte in body[start:at])
    assert len(body) - at < 8 or not MARKED[name](body[at])


@given(EIGHT)
def test_first_tells_how_far_it_is_to_a_mark(data: bytes) -> None:
    found = np.uint64(swar().alphanumeric(number(data)))
    marked = [MARKED["alphanumeric"](byte) for byte in data]
    assert swar().first(found) == (marked.index(True) if any(marked) else 8)


@given(EIGHT, st.integers(0, 8))
def test_eight_bytes_are_put_where_they_are_asked_for(data: bytes, at: int) -> None:
    place = np.zeros(16, np.uint8)
    putting()(place, at, number(data))
    assert place.tobytes() == bytes(at) + data + bytes(8 - at)


@cache
def putting() -> Any:
    """Compile a call of ``put``, which stands for instructions and not for a function."""
    from numba import njit

    put = swar().put

    @njit
    def at_place(data: Any, at: int, value: Any) -> None:
        put(data, at, value)

    return at_place
