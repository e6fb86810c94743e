"""Permutations side by side in the processor's vectors. Importing this imports Numba."""
# ruff: noqa: ANN401, ARG001

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from tasks.characters.swar import intrinsic

NUMBER, PLACE = ir.IntType(32), ir.IntType(64)


def _spread(builder: ir.IRBuilder, number: Any, width: int) -> Any:
    """Return a vector that holds a number in all its places."""
    kind = ir.VectorType(NUMBER, width)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), number, ir.Constant(PLACE, 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
    return builder.shuffle_vector(one, one, mask)


def _lessening(width: int) -> Any:
    """Return what permutes hashes by ``width`` permutations at a time."""
    kind = ir.VectorType(NUMBER, width)

    @intrinsic
    def lessen(
        typing_context: Any, _hashes: Any, _count: Any, _factors: Any, _terms: Any, _least: Any,
        _at: Any,
    ) -> Any:  # fmt: skip
        """Let ``count`` hashes take part in the permutations from ``at`` on: the least stays.

        All arrays are of uint32; the last three must have ``width`` more: nobody checks.
        """

        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            hashes, factors, terms, least = (
                context.make_array(signature.args[k])(context, builder, given[k]).data
                for k in (0, 2, 3, 4)
            )
            count, at = given[1], given[5]
            places = [
                builder.bitcast(builder.gep(data, [at]), kind.as_pointer())
                for data in (factors, terms, least)
            ]
            factor, term, before = (builder.load(place, align=4) for place in places)
            start = builder.block
            loop, done = builder.append_basic_block("loop"), builder.append_basic_block("done")
            zero = ir.Constant(PLACE, 0)
            builder.cbranch(builder.icmp_signed(">", count, zero), loop, done)
            builder.position_at_end(loop)
            i, value = builder.phi(PLACE), builder.phi(kind)
            number = builder.load(builder.gep(hashes, [i]))
            found = builder.add(builder.mul(_spread(builder, number, width), factor), term)
            less = builder.select(builder.icmp_unsigned("<", found, value), found, value)
            following = builder.add(i, ir.Constant(PLACE, 1))
            builder.cbranch(builder.icmp_signed("<", following, count), loop, done)
            i.add_incoming(zero, start)
            i.add_incoming(following, loop)
            value.add_incoming(before, start)
            value.add_incoming(less, loop)
            builder.position_at_end(done)
            result = builder.phi(kind)
            result.add_incoming(before, start)
            result.add_incoming(less, loop)
            builder.store(result, places[2], align=4)
            return context.get_dummy_value()

        arrays = (_hashes, types.int64, _factors, _terms, _least, types.int64)
        return types.void(*arrays), generate

    return lessen


by_32, by_8 = _lessening(32), _lessening(8)
