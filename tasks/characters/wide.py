"""Thirty-two bytes of text at a time, by the vector instructions that LLVM finds for the processor.

A **mask** is a 64-bit number: bit *i* of its lower half is about byte *i*. Importing this imports
Numba.
"""
# ruff: noqa: ANN401, ARG001

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types

from tasks.characters.swar import intrinsic

WIDTH: Final = 32
_BYTES: Final = ir.VectorType(ir.IntType(8), WIDTH)
_CASE: Final = 0x20


def _all(value: int) -> ir.Constant:
    return ir.Constant(_BYTES, [value] * WIDTH)


def _within(builder: ir.IRBuilder, text: Any, first: str, last: str) -> Any:
    """Return for each byte whether it is one of ``first`` to ``last``."""
    above = builder.sub(text, _all(ord(first)))
    return builder.icmp_unsigned("<=", above, _all(ord(last) - ord(first)))


def _mask(builder: ir.IRBuilder, found: Any) -> Any:
    bits = builder.bitcast(found, ir.IntType(WIDTH))
    return builder.zext(bits, ir.IntType(64))


def _place(context: Any, builder: ir.IRBuilder, kind: Any, array: Any, at: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), _BYTES.as_pointer())


@intrinsic
def lowered(typing_context: Any, _data: Any, _at: Any, _words: Any, _size: Any) -> Any:
    """Write 32 bytes of ``data`` to ``words``, ASCII letters in lower case; return a mask.

    Its lower half marks ASCII letters and digits, its upper half bytes that are no ASCII. Both
    places must have 32 bytes, aligned or not: nobody checks.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        data, at, words, size = given
        text = builder.load(_place(context, builder, signature.args[0], data, at))
        text.align = 1
        large = _within(builder, text, "A", "Z")
        small = builder.select(large, builder.or_(text, _all(_CASE)), text)
        to = _place(context, builder, signature.args[2], words, size)
        builder.store(small, to, align=1)
        marked = builder.or_(_within(builder, small, "a", "z"), _within(builder, text, "0", "9"))
        other = builder.icmp_signed("<", text, _all(0))
        high = builder.shl(_mask(builder, other), ir.Constant(ir.IntType(64), WIDTH))
        return builder.or_(_mask(builder, marked), high)

    return types.uint64(_data, types.int64, _words, types.int64), generate
