"""The only registry: from torch operators to Hauberk's."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
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
    """An operand that does not depend on the network's input.

    Args:
        tensor: the name of a parameter or buffer, a constant tensor, or what is computed from these.
        shape: its shape; a size of the batch counts as 1.
    """

    tensor: "str | Tensor | Computed"
    shape: tuple[int, ...]


BATCH = object()
"""Stands for the size of the batch among the arguments of a `Computed`."""


@dataclass(frozen=True, eq=False)
class Computed:
    """A constant that torch computes from others, anew at every use of the network: a weight times a mask.

    Args:
        function: torch's operator.
        arguments: its operands: `Stored`, BATCH, or anything else as it is; lists may hold all of these.
        keywords: its other operands, by name.
        order: constants are computed in this order, as some overwrite others; by default that of construction.
    """

    function: Callable[..., object]
    arguments: tuple[object, ...]
    keywords: Mapping[str, object] = field(default_factory=dict)
    order: int = field(default_factory=itertools.count().__next__)

    @property
    def operands(self) -> list[object]:
        """Its operands, also those inside of lists, without what `Stored` adds to them."""
        found: list[object] = []
        mapped(found.append, [*self.arguments, *self.keywords.values()])
        return [one.tensor if isinstance(one, Stored) else one for one in found]


def mapped(function: Callable[[object], object], operand: object) -> Any:
    """Return what a function gives for an operand, or the list or tuple of what it gives for its items."""
    if isinstance(operand, list | tuple):
        found = [mapped(function, item) for item in operand]
        return tuple(found) if isinstance(operand, tuple) else found
    return function(operand)


class Constants:
    """The present values of all constants that some need: each is computed once, in the order of construction.

    Args:
        state: the module's parameters and buffers by name.
        device: where constants are made that no parameter determines.
        batch: the size of the batch that BATCH stands for.
    """

    def __init__(self, state: Mapping[str, Tensor], device: torch.device, batch: int = 1) -> None:
        self.state, self.device, self.batch = state, device, batch
        self.values: dict[Computed, object] = {}

    def compute(self, wanted: Iterable[object]) -> None:
        """Compute those of the wanted that are `Computed`, and all that they need."""
        found: set[Computed] = set()
        waiting = list(wanted)
        while waiting:
            one = waiting.pop()
            if isinstance(one, Computed) and one not in found:
                found.add(one)
                waiting += one.operands
        for one in sorted(found, key=lambda one: one.order):
            keywords = {name: mapped(self.read, operand) for name, operand in one.keywords.items()}
            self.values[one] = one.function(*mapped(self.read, one.arguments), **keywords)

    def read(self, operand: object) -> object:
        """Return the value of an operand."""
        if isinstance(operand, Stored):
            return self.read(operand.tensor) if isinstance(operand.tensor, Computed) else self.tensor(operand.tensor)
        if isinstance(operand, Computed):
            return self.values[operand]
        if isinstance(operand, torch.device):  # that of the module when it was captured
            return self.device
        return self.batch if operand is BATCH else operand

    def tensor(self, stored: str | Tensor | Computed) -> Tensor:
        """Return a constant as a tensor."""
        if isinstance(stored, Computed):
            return torch.as_tensor(self.values[stored], device=self.device)
        return self.state[stored] if isinstance(stored, str) else stored.to(self.device)


Operand = Value | Stored | float | int


@dataclass(frozen=True)
class Lowered:
    """A recipe for building the Op of a node.

    Args:
        make: builds the Op from its tensors, which are read at every run.
        inputs: the values that the Op reads; recipes become nodes of their own, each once.
        tensors: the operands passed to `make`.
        shape: the shape of the result without the batch; None for that of torch's own result.
    """

    make: Callable[..., Op]
    inputs: "tuple[Value | Lowered, ...]"
    tensors: tuple[Stored | None, ...] = ()
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not all(isinstance(value, Value | Lowered) for value in self.inputs):
            raise UnsupportedOpError("an operand that must depend on the input does not")
        if not all(stored is None or isinstance(stored, Stored) for stored in self.tensors):
            raise UnsupportedOpError("its weights depend on the input")


Result = Lowered | Value | Stored

Rule = Callable[..., Result | Sequence[Result]]
"""A function from the torch operator's positional arguments and the result's `shape` (without the batch) to a recipe
for the Op, to the operand itself if the operator changes nothing, or to a constant that all examples share; to a list
of these if the operator has several results, whose shapes `shape` then lists. A rule with an argument `precision` is
told the type of the network's numbers. It raises UnsupportedOpError with the reason if it cannot. At least one operand
depends on the input: what does not is a constant without any rule."""

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
