"""Eight bytes of text at a time, as one 64-bit number whose lowest byte comes first.

"SIMD within a register" (Fisher and Dietz, 1998): arithmetic on all eight bytes at once, made so
that no byte carries into the next. **Marks** are such numbers too: the highest bit of each byte.
Importing this imports Numba.
"""
# ruff: noqa: ANN401, ARG001, PLR2004

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import extending, njit, types

_Function = Callable[..., Any]
intrinsic: Callable[[_Function], _Function] = extending.intrinsic

EACH: Final = np.uint64(0x0101010101010101)
HIGH: Final = np.uint64(0x8080808080808080)
LOW: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
CASE: Final = np.uint64(0x2020202020202020)
UPPER_BIT: Final = np.uint64(2)
"""The bit of lower case is so many below a byte's highest."""
PRINTABLE: Final = np.uint64(0x80 - 0x20) * EACH
VISIBLE: Final = np.uint64(0x80 - 0x21) * EACH
FROM_A: Final = np.uint64(0x80 - 0x61) * EACH
BEYOND_Z: Final = np.uint64(0x80 - 0x7B) * EACH
FROM_0: Final = np.uint64(0x80 - 0x30) * EACH
BEYOND_9: Final = np.uint64(0x80 - 0x3A) * EACH


@intrinsic
def eight(typing_context: Any, _data: Any, _at: Any) -> Any:
    """Read the eight bytes at a place, aligned or not. They must be there: nobody checks."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, given[0])
        place = builder.gep(array.data, [given[1]])
        value = builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()))
        value.align = 1
        return value

    return types.uint64(_data, types.int64), generate


@intrinsic
def put(typing_context: Any, _data: Any, _at: Any, _value: Any) -> Any:
    """Write eight bytes at a place, aligned or not. There must be room: nobody checks."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, given[0])
        place = builder.gep(array.data, [given[1]])
        builder.store(given[2], builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(_data, types.int64, types.uint64), generate


@intrinsic
def _trailing_zeros(typing_context: Any, _value: Any) -> Any:
    """Count the bits below the lowest that is set; 64 where none is."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.cttz(given[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


@intrinsic
def ones(typing_context: Any, _value: Any) -> Any:
    """Count the bits that are set."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.ctpop(given[0])

    return types.uint64(types.uint64), generate


@njit(cache=True, nogil=True)
def load(data: Any, at: Any, size: Any) -> Any:
    """Return up to eight of the ``size`` bytes at ``at``; zeros follow the last one."""
    size = min(size, 8)
    if at + 8 <= len(data):
        value = eight(data, at)
        return (
            value if size == 8 else value & ((np.uint64(1) << np.uint64(8 * size)) - np.uint64(1))
        )
    value = np.uint64(0)
    for k in range(at + size - 1, at - 1, -1):
        value = (value << np.uint64(8)) | np.uint64(data[k])
    return value


@njit(cache=True, nogil=True)
def alike(one: Any, other: Any) -> Any:
    """Return how many of the first bytes of two numbers are the same: 0 to 8."""
    return np.int64(_trailing_zeros(one ^ other) >> np.uint64(3))


@njit(cache=True, nogil=True)
def letters(text: Any) -> Any:
    """Mark the ASCII letters."""
    small = (text | CASE) & LOW
    return (small + FROM_A) & ~(small + BEYOND_Z) & ~text & HIGH


@njit(cache=True, nogil=True)
def alphanumeric(text: Any) -> Any:
    """Mark the ASCII letters and digits."""
    small = text & LOW
    return letters(text) | ((small + FROM_0) & ~(small + BEYOND_9) & ~text & HIGH)


@njit(cache=True, nogil=True)
def visible(text: Any) -> Any:
    """Mark ASCII above the space, and DEL."""
    return ((text & LOW) + VISIBLE) & ~text & HIGH


@njit(cache=True, nogil=True)
def equal(text: Any, byte: Any) -> Any:
    """Mark the bytes that are ``byte`` (below 128)."""
    other = text ^ (np.uint64(byte) * EACH)
    return ~(((other & LOW) + LOW) | other) & HIGH


@njit(cache=True, nogil=True)
def plain(text: Any) -> Any:
    """Mark what is in most texts: ASCII without controls, but with tab and line feed."""
    printable = ((text & LOW) + PRINTABLE) & ~text & HIGH & ~equal(text, 127)
    return printable | equal(text, 9) | equal(text, 10)


@njit(cache=True, nogil=True)
def lowest(bits: Any) -> Any:
    """Return how many bits are below the lowest that is set; 64 where none is."""
    return np.int64(_trailing_zeros(bits))


@njit(cache=True, nogil=True)
def first(marks: Any) -> Any:
    """Return how many bytes stand before the first that is marked: 0 to 8."""
    return np.int64(_trailing_zeros(marks) >> np.uint64(3))


@njit(cache=True, nogil=True)
def run(marks: Any) -> Any:
    """Return how many of the first bytes are marked, one after the other: 0 to 8."""
    return first(~marks & HIGH)


@njit(cache=True, nogil=True)
def past_plain(data: Any, at: Any, stop: int) -> Any:
    """Return how far :func:`plain` bytes go, less the last seven of ``data[at:stop]``."""
    while at + 8 <= stop:
        size = run(plain(eight(data, at)))
        at += size
        if size < 8:
            break
    return at


@njit(cache=True, nogil=True)
def past_visible(data: Any, at: Any, stop: int) -> Any:
    """Return how far :func:`visible` bytes go, less the last seven of ``data[at:stop]``."""
    while at + 8 <= stop:
        size = run(visible(eight(data, at)))
        at += size
        if size < 8:
            break
    return at


@njit(cache=True, nogil=True)
def upper(text: Any, marks: Any, size: int) -> Any:
    """Count the upper case among the first ``size`` bytes (1 to 8), of those that are marked."""
    found = marks & ~(text << UPPER_BIT)
    return np.int64(ones(found << np.uint64(64 - 8 * size)))


@njit(cache=True, nogil=True)
def lower(text: Any) -> Any:
    """Put the ASCII letters into lower case."""
    return text | ((letters(text) & ~(text << UPPER_BIT)) >> UPPER_BIT)
