"""The one registry: from torch operators to Hauberk's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

from hauberk.concepts.op import Op
from hauberk.errors import UnsupportedOpError


@dataclass(frozen=True)
class Value:
    """An operand that depends on the network's input: the index-th value of the graph."""

    index: int
    shape: tuple[int, ...]
    """Without the batch."""


@dataclass(frozen=True)
class Stored:
    """An operand that the module holds: a parameter or buffer by its name, or a constant tensor."""

    tensor: str | Tensor
    shape: tuple[int, ...]


Operand = Value | Stored | float | int


@dataclass(frozen=True)
class Lowered:
    """How to build the Op of a node: from its tensors, read at every run."""

    make: Callable[..., Op]
    inputs: tuple[Value, ...]
    tensors: tuple[Stored | None, ...] = ()

    def __post_init__(self) -> None:
        if not all(isinstance(value, Value) for value in self.inputs):
            raise UnsupportedOpError("an operand that must depend on the input does not")
        if not all(stored is None or isinstance(stored, Stored) for stored in self.tensors):
            raise UnsupportedOpError("its weights depend on the input")


Rule = Callable[..., Lowered | Value | Stored]
"""Takes the torch operator's arguments by position, and `shape` (the result's, without the batch), and returns how to
build the Op, or the operand itself where the operator changes nothing, or a constant that all examples share. Raises
UnsupportedOpError with the reason."""

AnyRule = TypeVar("AnyRule", bound=Rule)

RULES: dict[object, Rule] = {}

REFUSALS: dict[object, str] = {}
"""For torch operators without a rule: why there is none, and what to use instead."""


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
    """Register why these torch operators have no rule."""
    for operator in operators:
        REFUSALS[operator] = reason
