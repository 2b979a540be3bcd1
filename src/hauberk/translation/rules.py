"""The rules of torch's operators, applied to the nodes of an exported program."""

import inspect
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch.fx import Node

from hauberk.concepts.lowering import REFUSALS, RULES, Result, Rule, Stored, Value
from hauberk.errors import UnsupportedOpError

aten = torch.ops.aten
Known = Value | Stored | Sequence[Value | Stored]
"""The results of a node of an exported program: one value or several."""


def rule_of(target: object) -> Rule:
    """Return the registered rule of one of torch's operators."""
    if target not in RULES:
        raise UnsupportedOpError(REFUSALS.get(target, "no rule"))
    return RULES[target]


def lower(rule: Rule, node: Node, known: Mapping[str, Known], shape: object) -> Result | Sequence[Result]:
    """Apply a rule to a node."""
    require_one_precision(node, known)
    arguments = [operand(argument, known) for argument in node.args]
    keywords = {name: operand(argument, known) for name, argument in node.kwargs.items()}
    signature = inspect.signature(rule)
    if "precision" in signature.parameters:
        keywords["precision"] = listed(node.meta["val"])[0].dtype
    try:
        signature.bind(*arguments, **keywords, shape=shape)
    except TypeError as error:
        raise UnsupportedOpError(f"with these arguments: {error}") from error
    return rule(*arguments, **keywords, shape=shape)


def operand(argument: object, known: Mapping[str, Known]) -> object:
    """Return what an argument of an exported operator stands for."""
    if isinstance(argument, list):  # of tensors to join, or of sizes, among which the batch's stays as it is
        return [known.get(item.name, item) if isinstance(item, Node) else item for item in argument]
    if not isinstance(argument, Node):
        return argument
    if argument.name not in known:
        raise UnsupportedOpError("it computes with the size of the batch")
    return known[argument.name]


def require_one_precision(node: Node, known: Mapping[str, Known]) -> None:
    """Raise if an operator changes the precision of a value: bounds allow for rounding in the network's own alone."""
    read = (
        given.meta["val"]
        for given in node.all_input_nodes
        if any(isinstance(one, Value) for one in listed(known.get(given.name)))
    )
    before = {tensor.dtype for value in read for tensor in listed(value)}
    results = listed(node.meta["val"])
    for made in results[:1] if isinstance(node.meta["val"], tuple) else results:  # after values come their places
        if (made.is_floating_point() or len(before) == 1) and {made.dtype} != before:
            given = " and ".join(sorted(map(str, before)))
            raise UnsupportedOpError(f"it turns {given} into {made.dtype}: compute in one precision throughout")


def listed(found: object) -> list:
    """Return one result, or several, as a list."""
    return list(found) if isinstance(found, list | tuple) else [found]


def require_batch_first(node: Node, batch: str) -> None:
    """Raise unless a result's first dimension is the batch: rows of a bound would be given to the wrong example."""
    for value in listed(node.meta.get("val")):
        sizes = getattr(value, "shape", None)
        if sizes is None:
            raise UnsupportedOpError(REFUSALS.get(node.target, "it returns no tensor"))
        if not len(sizes) or str(sizes[0]) != batch or not all(isinstance(size, int) for size in sizes[1:]):
            raise UnsupportedOpError(f"its result has sizes {tuple(map(str, sizes))}: only the first may be the batch")
        if len(sizes) == 1:
            raise UnsupportedOpError("its result is one number per example: keep a dimension (keepdim=True, x[:, :1])")


def stacked(node: Node, known: Mapping[str, Known]) -> Known | None:
    """Return the values that a node stacks before the batch, as a list, or the one of them that a node takes out.

    Recurrent layers stack the states of their layers so. None stands for any other node.

    Raises:
        UnsupportedOpError: the node does anything else with them.
    """
    if node.target is aten.stack.default and (*node.args[1:], node.kwargs.get("dim", 0))[0] == 0:
        rows = [operand(one, known) for one in cast(Sequence[Node], node.args[0])]
        return cast(Known, rows) if any(isinstance(row, Value) for row in rows) else None
    given = [known.get(one.name) for one in node.all_input_nodes]
    if not any(isinstance(one, list) and any(isinstance(row, Value) for row in one) for one in given):
        return None
    rows, (dim, *place) = cast(Sequence[Value], given[0]), (*node.args[1:], None)
    if node.target is aten.select.int and dim == 0:
        return rows[cast(int, place[0])]
    if node.target is aten.squeeze.dim and dim == 0 and len(rows) == 1:
        return rows[0]
    raise UnsupportedOpError("the first dimension of its operand is not the batch: take parts out, as x[-1] does")


def part_of(node: Node) -> str:
    """Return the path of the submodule that a node belongs to: "features.0"; "" at top level."""
    stack = node.meta.get("nn_module_stack") or {}
    return next(reversed(stack.values()), ("", ""))[0]


def covered() -> list[str]:
    """Return the names of the torch operators that have a rule."""
    return sorted({str(operator).split(".")[1] for operator in RULES})
