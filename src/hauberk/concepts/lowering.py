"""The only registry: from torch operators to Hauberk's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

from hauberk.concepts.op import Op
from hauberk.errors import UnsupportedOpError


@dataclass(frozen=True)
class Value:
    """An operand that depends on the network's input.

    Args:
        index: its index among the graph's values, 0 being the input.
        shape: its shape without the batch.
    """

    index: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Stored:
    """An operand that the module holds.

    Args:
        tensor: the name of a parameter or buffer, or a constant tensor.
        shape: its shape.
    """

    tensor: str | Tensor
    shape: tuple[int, ...]


Operand = Value | Stored | float | int


@dataclass(frozen=True)
class Lowered:
    """A recipe for building the Op of a node.

    Args:
        make: builds the Op from its tensors, which are read at every run.
        inputs: the values that the Op reads.
        tensors: the operands passed to `make`.
    """

    make: Callable[..., Op]
    inputs: tuple[Value, ...]
    tensors: tuple[Stored | None, ...] = ()

    def __post_init__(self) -> None:
        if not all(isinstance(value, Value) for value in self.inputs):
            raise UnsupportedOpError("an operand that must depend on the input does not")
        if not all(stored is None or isinstance(stored, Stored) for stored in self.tensors):
            raise UnsupportedOpError("its weights depend on the input")


Rule = Callable[..., Lowered | Value | Stored]
"""A function from the torch operator's positional arguments and the result's `shape` (without the batch) to a recipe
for the Op, to the operand itself if the operator changes nothing, or to a constant that all examples share. It raises
UnsupportedOpError with the reason if it cannot."""

AnyRule = TypeVar("AnyRule", bound=Rule)

RULES: dict[object, Rule] = {}

REFUSALS: dict[object, str] = {}
"""Reasons why torch operators have no rule, and alternatives to use instead."""


CASES: dict[object, Callable[[Tensor], Tensor]] = {}
"""Functions that hold a torch operator, for laws."""


def lowers(*operators: object, case: Callable[[Tensor], Tensor] | None = None) -> Callable[[AnyRule], AnyRule]:
    """Register the decorated rule for these torch operators (`torch.ops.aten.relu.default`).

    Args:
        operators: the torch operators that the rule stands for.
        case: a function of inputs of shape (b, 4, 5, 6), between -3 and 3 or so, that holds all of them: laws build a
            network of it.
    """

    def register(rule: AnyRule) -> AnyRule:
        for operator in operators:
            RULES[operator] = rule
            if case is not None:
                CASES[operator] = case
        return rule

    return register


def refuses(reason: str, *operators: object) -> None:
    """Register the reason why these torch operators have no rule."""
    for operator in operators:
        REFUSALS[operator] = reason
