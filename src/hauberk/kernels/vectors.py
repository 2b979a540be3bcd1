"""Explicit vector instructions for numba's loops: where its own vectoriser leaves most of a core idle."""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

FEATURES = binding.get_host_cpu_features()
LANES = 16 if FEATURES.get("avx512f") else 8
"""Numbers per vector."""
WIDE = 4 * LANES
"""Rows of tables are padded to multiples of it."""
FLOAT, WORD, LONG = ir.FloatType(), ir.IntType(32), ir.IntType(64)
VECTOR, WORDS = ir.VectorType(FLOAT, LANES), ir.VectorType(WORD, LANES)
Node = Any


class Vectors:
    """The instructions of one loop, on vectors of float32; sums may use fused multiply-adds.

    Args:
        builder: appends instructions to the loop.
    """

    def __init__(self, builder: Node) -> None:
        self.builder = builder

    def constant(self, value: float) -> Node:
        """Return a vector of one number."""
        return ir.Constant(VECTOR, [value] * LANES)

    def words(self, value: int) -> Node:
        """Return a vector of one integer."""
        return ir.Constant(WORDS, [value] * LANES)

    def pointer(self, address: Node) -> Node:
        """Return an address as a pointer to numbers."""
        return self.builder.inttoptr(address, FLOAT.as_pointer())

    def at(self, pointer: Node, offset: Node | int) -> Node:
        """Return the pointer moved by a number of elements."""
        return self.builder.gep(pointer, [ir.Constant(LONG, offset) if isinstance(offset, int) else offset])

    def load(self, pointer: Node) -> Node:
        """Return the vector there."""
        found = self.builder.load(self.builder.bitcast(pointer, VECTOR.as_pointer()))
        found.align = 4
        return found

    def store(self, vector: Node, pointer: Node) -> None:
        """Write a vector there."""
        self.builder.store(vector, self.builder.bitcast(pointer, VECTOR.as_pointer())).align = 4

    def load_one(self, pointer: Node) -> Node:
        """Return the number there."""
        found = self.builder.load(pointer)
        found.align = 4
        return found

    def spread(self, number: Node) -> Node:
        """Return a vector of a single number."""
        first = self.builder.insert_element(ir.Constant(VECTOR, ir.Undefined), number, ir.Constant(WORD, 0))
        return self.builder.shuffle_vector(first, ir.Constant(VECTOR, ir.Undefined), self.words(0))

    def slot(self, value: Node) -> Node:
        """Return a vector variable, which the compiler keeps in a register."""
        made = cgutils.alloca_once(self.builder, VECTOR)
        self.builder.store(value, made)
        return made

    def smaller_integer(self, a: Node, b: Node) -> Node:
        """Return the smaller of two integers."""
        return self.builder.select(self.builder.icmp_signed("<", a, b), a, b)

    def add(self, a: Node, b: Node) -> Node:
        """Return sums."""
        return self.builder.fadd(a, b, flags=("contract",))

    def sub(self, a: Node, b: Node) -> Node:
        """Return differences."""
        return self.builder.fsub(a, b, flags=("contract",))

    def mul(self, a: Node, b: Node) -> Node:
        """Return products."""
        return self.builder.fmul(a, b, flags=("contract",))

    def larger(self, a: Node, b: Node) -> Node:
        """Return the larger of each two numbers; b where a is NaN."""
        return self.builder.select(self.builder.fcmp_ordered(">", a, b), a, b)

    def larger_bits(self, a: Node, b: Node) -> Node:
        """Return the larger of each two numbers, or one below zero if both are; a NaN without sign is the largest.

        Compares integers, for which processors have units that subtractions do not need.
        """
        first, second = self.bits(a), self.bits(b)
        return self.numbers(self.builder.select(self.builder.icmp_signed(">", first, second), first, second))

    def bits(self, a: Node) -> Node:
        """Return numbers' bits as integers."""
        return self.builder.bitcast(a, WORDS)

    def numbers(self, a: Node) -> Node:
        """Return integers' bits as numbers."""
        return self.builder.bitcast(a, VECTOR)

    def magnitude(self, a: Node) -> Node:
        """Return absolute values."""
        return self.numbers(self.builder.and_(self.bits(a), self.words(0x7FFFFFFF)))

    def signed(self, size: Node, like: Node) -> Node:
        """Return numbers that are not negative with the signs of others."""
        sign = self.builder.and_(self.bits(like), self.words(-(2**31)))
        return self.numbers(self.builder.or_(self.bits(size), sign))

    def polynomial(self, z: Node, coefficients: list[float]) -> Node:
        """Return a polynomial's values, its highest coefficient first."""
        total = self.constant(coefficients[0])
        for coefficient in coefficients[1:]:
            total = self.add(self.mul(total, z), self.constant(coefficient))
        return total

    def any(self, mask: Node) -> Node:
        """Return whether any of a comparison's results is true."""
        bits = ir.IntType(LANES)
        return self.builder.icmp_unsigned("!=", self.builder.bitcast(mask, bits), ir.Constant(bits, 0))

    def across(self, combine: Callable[[Node, Node], Node], vector: Node) -> Node:
        """Return a vector's elements combined to a single number."""
        half = LANES // 2
        while half:
            order = ir.Constant(WORDS, [(lane + half) % LANES for lane in range(LANES)])
            turned = self.builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), order)
            vector, half = combine(vector, turned), half // 2
        return self.builder.extract_element(vector, ir.Constant(WORD, 0))


def instructions(write: Callable[..., None]) -> Any:
    """Return a function for numba loops, of one tuple of integers and addresses, that inserts what `write` appends."""

    @intrinsic
    def inserted(context: Any, numbers: Any) -> Any:
        def generate(context: Any, builder: Node, signature: Any, values: Any) -> Node:
            write(Vectors(builder), *cgutils.unpack_tuple(builder, values[0]))
            return context.get_dummy_value()

        return types.void(numbers), generate

    return inserted


def rows_of(v: Vectors, table: Node, length: Node, left: Node, count: int) -> list[Node]:
    """Return pointers to `count` rows; those from `left` on are the last one."""
    last = v.builder.sub(left, LONG(1))
    inside = (v.smaller_integer(LONG(i), last) for i in range(count))
    return [v.at(v.pointer(table), v.builder.mul(length, row)) for row in inside]
