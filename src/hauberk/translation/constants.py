"""Constants, which do not depend on the input: they are computed from the module's live tensors."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import Node

from hauberk.concepts.lowering import BATCH, Computed, Constants, Stored, Value, mapped
from hauberk.errors import UnsupportedOpError
from hauberk.translation.overwriting import IDLE, aten_name

SHAPED = {"zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty"}
"""Operators that read the shape of their operand alone."""
SHAPED_AS = {"expand_as", "view_as", "reshape_as", "type_as", "to"}
"""Operators that read the shape or the type of their second operand alone."""
PER_EXAMPLE = "it computes with the size of the batch, and the result is not the same for every example"


@dataclass(frozen=True)
class Unshared(Stored):
    """A constant that differs between examples, or has them elsewhere than first: other constants may come from it."""


def constant(node: Node, known: Mapping[str, object], batch: str, state: Mapping[str, Tensor]) -> Stored | list[Stored]:
    """Return the constant that a node computes, or the list of them.

    Raises:
        UnsupportedOpError: it is random, has a size that depends on values, or differs between examples.
    """
    if not callable(node.target):
        raise UnsupportedOpError("it is a part of the network that runs under another mode, such as torch.autocast")
    if draws(node):
        raise UnsupportedOpError("it draws random numbers: evaluate the network by attacks alone")

    def read(argument: object) -> object:
        if not isinstance(argument, Node):
            return argument
        if argument.name in known:
            given = known[argument.name]
            if isinstance(given, list) and any(isinstance(one, Value) for one in given):
                raise UnsupportedOpError("it reads values whose first dimension is not the batch")
            return blank(given.shape) if isinstance(given, Value) else given
        if str(argument.meta.get("val")) == batch:
            return BATCH
        raise UnsupportedOpError("it computes with the size of the batch")

    keywords = {name: mapped(read, argument) for name, argument in node.kwargs.items()}
    computed = Computed(node.target, mapped(read, node.args), keywords)
    value = node.meta.get("val")
    if not isinstance(value, list | tuple):
        return stored(computed, value, state)
    parts = [Computed(operator.getitem, (computed, i)) for i in range(len(value))]
    return [stored(part, value, state) for part, value in zip(parts, value, strict=True)]


def independent(node: Node, known: Mapping[str, object]) -> bool:
    """Return whether the values of a node's operands that depend on the input do not enter its result."""
    depending = [given for given in node.all_input_nodes if depends_on_input(known.get(given.name))]
    name, first = aten_name(node), node.all_input_nodes[:1]
    return not depending or name in SHAPED or (name in SHAPED_AS and first[0] not in depending)


def depends_on_input(known: object) -> bool:
    """Return whether a value, or one of several, depends on the network's input."""
    return any(isinstance(one, Value) for one in (known if isinstance(known, list) else [known]))


def blank(shape: tuple[int, ...]) -> Stored:
    """Return a constant of the shape of a value."""
    return Stored(Computed(torch.zeros, ((BATCH, *shape),)), (1, *shape))


def draws(node: Node) -> bool:
    """Return whether a node draws random numbers: dropout in eval mode, and attention without dropout, do not."""
    if torch.Tag.nondeterministic_seeded not in getattr(node.target, "tags", ()):
        return False
    if aten_name(node) == "scaled_dot_product_attention":
        return bool(node.kwargs.get("dropout_p", node.args[4] if len(node.args) > 4 else 0))
    return aten_name(node) not in IDLE or node.args[2] is not False


def stored(computed: Computed, value: object, state: Mapping[str, Tensor]) -> Stored:
    """Return a computed constant with its shape, given the exporter's stand-in for its value."""
    if depends_on_batch(computed):
        return shared(computed, state)
    shape = tuple(getattr(value, "shape", ()))
    if not all(isinstance(size, int) for size in shape):
        raise UnsupportedOpError("the size of its result depends on values")
    return Stored(computed, shape)


def depends_on_batch(operand: object) -> bool:
    """Return whether the size of the batch is among the operands of a constant, or of theirs."""
    if isinstance(operand, Computed):
        return any(map(depends_on_batch, operand.operands))
    return operand is BATCH


def shared(computed: Computed, state: Mapping[str, Tensor]) -> Stored:
    """Return a constant with its shape for one example, after comparing the constants of batches of several sizes.

    They are compared at random parameters: at those of a fresh network they may agree by accident.
    """
    generator = torch.Generator().manual_seed(0)
    drawn = {name: t.cpu() if not t.is_floating_point() else drawn_like(t, generator) for name, t in state.items()}
    found = []
    for batch in (1, 2, 3):
        constants = Constants(drawn, torch.device("cpu"), batch)
        constants.compute([computed])
        found.append(constants.tensor(computed))
    one = found[0]
    for batch, several in enumerate(found[1:], start=2):
        sizes = (one.shape, (batch, *one.shape[1:]))
        if several.shape not in sizes or not torch.allclose(several, one.expand(several.shape), equal_nan=True):
            return Unshared(computed, tuple(one.shape))
    return Stored(computed, tuple(one.shape))


def drawn_like(tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Return random numbers between 0.5 and 1.5 in the shape and type of a tensor."""
    return (torch.rand(tensor.shape, generator=generator) + 0.5).to(tensor.dtype)
